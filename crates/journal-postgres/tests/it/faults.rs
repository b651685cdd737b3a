//! Whatever happens to the database or the way to it: what was acknowledged is there, once, and what was refused is not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use journal::{
    Journal, JournalError, Position,
    conformance::{append_all, batch, entry, event, first, job},
};
use journal_postgres::{
    Database, PostgresJournal,
    testing::{self, Server},
};
use tokio::sync::watch;

use crate::proxy::Proxy;

/// A database behind a proxy, and its journal.
async fn behind_a_proxy(server: &Server) -> (Proxy, Database, Arc<dyn Journal>) {
    let url = server.database().await;
    let proxy = Proxy::to(server.port()).await;
    let url = url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.address.port()));
    let database = Database::open(testing::options(&url)).await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(database.journal(0).await.unwrap());
    (proxy, database, journal)
}

/// Appends to a job until told to stop: each event says which it is, and one that is away is tried again. How many were
/// acknowledged.
async fn produce(journal: Arc<dyn Journal>, number: u64, stop: watch::Receiver<bool>) -> Vec<Position> {
    let mut positions = Vec::new();
    while !*stop.borrow() {
        let seq = positions.len() as u64;
        let index = seq.is_multiple_of(5).then(|| entry(number));
        match journal.append(batch(number, seq, 1, index)).await {
            Ok(position) => positions.push(position),
            Err(JournalError::Away { .. }) => {}
            Err(error) => panic!("event {seq} of job {number}: {error}"),
        }
    }
    positions
}

/// Every event that was acknowledged is there at its position, in order and once; nothing else is.
async fn check(journal: &Arc<dyn Journal>, acknowledged: &HashMap<u64, Vec<Position>>) {
    let mut all = Vec::new();
    for (number, positions) in acknowledged {
        let history = journal.history(job(*number), 0, usize::MAX).await.unwrap();
        let expected: Vec<(u64, Position, Bytes)> =
            (0..).zip(positions).map(|(seq, position)| (seq, *position, event(*number, seq))).collect();
        assert_eq!(history, expected, "job {number}");
        if !positions.is_empty() {
            assert_eq!(journal.load(job(*number)).await.unwrap().unwrap().events.len(), positions.len());
        }
        all.extend(positions);
    }
    all.sort_unstable();
    let feed = journal.feed(Position(0), usize::MAX).await.unwrap();
    assert_eq!(feed.iter().map(|item| item.position).collect::<Vec<_>>(), all);
}

/// Appends from many tasks while something is done to them, and checks what came of it.
async fn under_load(
    journal: Arc<dyn Journal>,
    producers: u64,
    harm: impl AsyncFnOnce(&Arc<dyn Journal>),
) -> usize {
    let (stop, stopped) = watch::channel(false);
    let tasks: Vec<_> = (0..producers)
        .map(|number| tokio::spawn(produce(journal.clone(), number, stopped.clone())))
        .collect();
    harm(&journal).await;
    stop.send_replace(true);
    let mut acknowledged = HashMap::new();
    for (number, task) in (0..).zip(tasks) {
        acknowledged.insert(number, task.await.unwrap());
    }
    check(&journal, &acknowledged).await;
    acknowledged.values().map(Vec::len).sum()
}

/// Waits until the feed has grown: the load goes on.
async fn grows(journal: &Arc<dyn Journal>, after: &mut Position) {
    loop {
        let feed = journal.feed(*after, usize::MAX).await;
        if let Some(last) = feed.ok().as_ref().and_then(|feed| feed.last()) {
            *after = last.position;
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_dies_under_load() {
    let server = Server::start();
    let url = server.database().await;
    let database = Database::open(testing::options(&url)).await.unwrap();
    let journal = Arc::new(database.journal(0).await.unwrap());
    let stored = under_load(journal, 16, async |journal| {
        let mut seen = Position(0);
        for _ in 0..3 {
            for _ in 0..10 {
                grows(journal, &mut seen).await;
            }
            server.kill();
            server.start_again();
        }
        grows(journal, &mut seen).await;
    })
    .await;
    assert!(stored > 16 * 5, "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_connections_break_under_load() {
    let (proxy, _, journal) = behind_a_proxy(Server::shared().await).await;
    under_load(journal, 16, async |journal| {
        let mut seen = Position(0);
        for _ in 0..30 {
            grows(journal, &mut seen).await;
            proxy.cut();
        }
        grows(journal, &mut seen).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_was_stored_but_not_heard_of_is_found() {
    let (proxy, _, journal) = behind_a_proxy(Server::shared().await).await;
    let before = append_all(&journal, [first(1), first(2)]).await;
    proxy.deafen(true);
    let asked = [journal.append(batch(1, 1, 2, None)), journal.append(batch(2, 7, 1, None))];
    proxy.unheard().await;
    proxy.deafen(false);
    proxy.cut();
    let [stored, conflict] = asked;
    let position = stored.await.unwrap();
    assert!(position > before[1]);
    assert_eq!(
        conflict.await,
        Err(JournalError::Conflict { job: job(2), expected: 7, actual: 1 }),
        "it had no effect, and says why"
    );
    let history = journal.history(job(1), 0, 10).await.unwrap();
    assert_eq!(
        history.iter().map(|(seq, at, _)| (*seq, *at)).collect::<Vec<_>>(),
        [(0, before[0]), (1, position), (2, position)]
    );
    let next = append_all(&journal, [batch(1, 3, 1, None)]).await[0];
    assert!(next > position);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_never_arrived_is_sent_again() {
    let (proxy, _, journal) = behind_a_proxy(Server::shared().await).await;
    append_all(&journal, [first(1)]).await;
    proxy.hold("event 1 of job 1", usize::MAX);
    let asked = journal.append(batch(1, 1, 1, None));
    proxy.arrived().await;
    proxy.cut();
    asked.await.unwrap();
    assert_eq!(journal.load(job(1)).await.unwrap().unwrap().events, [event(1, 0), event(1, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_is_told_and_may_try_again() {
    let server = Server::shared().await;
    let url = server.database().await;
    let proxy = Proxy::to(server.port()).await;
    let url = url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.address.port()));
    let mut options = testing::options(&url);
    options.patience = Duration::from_millis(200);
    let database = Database::open(options).await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(database.journal(0).await.unwrap());
    append_all(&journal, [first(1)]).await;
    // Under way when the connection breaks: it waits until it is known what became of it, however long that takes.
    proxy.deafen(true);
    let unknown = journal.append(batch(1, 1, 1, None));
    proxy.unheard().await;
    proxy.close(true);
    proxy.cut();
    let refused = journal.append(first(2)).await;
    assert!(matches!(refused, Err(JournalError::Away { .. })), "{refused:?}");
    assert!(matches!(journal.counts().await, Err(JournalError::Away { .. })));
    proxy.deafen(false);
    proxy.close(false);
    unknown.await.unwrap();
    append_all(&journal, [first(2), batch(1, 2, 1, None)]).await;
    assert_eq!(journal.load(job(1)).await.unwrap().unwrap().events.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_forgotten_stops_the_journal() {
    let server = Server::shared().await;
    let url = server.database().await;
    let database = Database::open(testing::options(&url)).await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(database.journal(0).await.unwrap());
    append_all(&journal, [first(1), first(2)]).await;
    // As a replica would be that took over and had not heard of the last append.
    let forget = "DELETE FROM segue.events WHERE position = 2; DELETE FROM segue.jobs WHERE position = 2;
        UPDATE segue.head SET last = 1";
    testing::execute(&url, forget).await.unwrap();
    let answer = journal.append(batch(1, 1, 1, None)).await;
    assert!(
        matches!(&answer, Err(JournalError::Stopped { reason }) if reason.contains("forgotten")),
        "{answer:?}"
    );
    assert!(matches!(journal.append(first(3)).await, Err(JournalError::Stopped { .. })));
    assert!(journal.stopped().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_the_database_refuses_fails_alone() {
    let server = Server::shared().await;
    let url = server.database().await;
    let database = Database::open(testing::options(&url)).await.unwrap();
    testing::execute(&url, "ALTER TABLE segue.jobs ADD CHECK (key <> 'key-3')").await.unwrap();
    let journal: PostgresJournal = database.journal(0).await.unwrap();
    let answers = futures::future::join_all((1..6).map(|number| journal.append(first(number)))).await;
    let refused: Vec<bool> = answers.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, false, true, false, false], "{answers:?}");
}
