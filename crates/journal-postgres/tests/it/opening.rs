//! Opening: the tables are made once, a newer database is refused, and errors name what is wrong and no secret.

use journal::{Journal, JournalError, Query};
use journal_postgres::{
    Database,
    testing::{self, Server},
};

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_database_at_once() {
    let url = Server::shared().await.database().await;
    let opening = (0..8).map(|_| Database::open(testing::options(&url)));
    for database in futures::future::join_all(opening).await {
        let journal = database.unwrap().journal(0).await.unwrap();
        assert!(journal.list(Query { limit: 1, ..Query::default() }).await.unwrap().entries.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_is_refused() {
    let url = Server::shared().await.database().await;
    Database::open(testing::options(&url)).await.unwrap();
    testing::execute(&url, "UPDATE segue.schema SET version = 1000").await.unwrap();
    let refused = Database::open(testing::options(&url)).await.unwrap_err().to_string();
    assert!(refused.contains("too old") && refused.contains("1000"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_named_without_secrets() {
    let server = Server::shared().await;
    let url = format!("postgres://postgres:hunter2@127.0.0.1:{}/nowhere", server.port());
    let refused = Database::open(testing::options(&url)).await.unwrap_err();
    assert!(matches!(refused, JournalError::Away { .. } | JournalError::Io { .. }), "{refused:?}");
    let refused = refused.to_string();
    assert!(refused.contains("nowhere") && !refused.contains("hunter2"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_will_do() {
    let server = Server::shared().await;
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    let socket = server.socket().display().to_string().replace('/', "%2F");
    let options = testing::options(&format!("postgres://postgres@{socket}:{}/{name}", server.port()));
    let journal = Database::open(options).await.unwrap().journal(0).await.unwrap();
    journal.append(journal::conformance::first(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shelf_in_a_database_conforms() {
    let url = Server::shared().await.database().await;
    let [one, two] = [
        Database::open(testing::options(&url)).await.unwrap(),
        Database::open(testing::options(&url)).await.unwrap(),
    ];
    journal::shelf::conforms(std::sync::Arc::new(one.shelf()), std::sync::Arc::new(two.shelf())).await;
}
