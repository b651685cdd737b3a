//! One writer: who lost the lease appends no more, whatever he still believes.

use std::{sync::Arc, time::Duration};

use journal::{
    Journal, JournalError, Position,
    conformance::{append_all, batch, event, first, job},
    lease::{Held, Holder, Lease},
};
use journal_postgres::{
    Database,
    testing::{self, Server},
};
use uuid::Uuid;

use crate::proxy::Proxy;

const TIME: Duration = Duration::from_secs(600);

fn holder(number: u64) -> Holder {
    Holder { id: Uuid::from_u64_pair(number, 1), url: format!("http://orchestrator-{number}:3456") }
}

async fn take(database: &Database, number: u64) -> u64 {
    match database.lease().await.unwrap().take(holder(number), TIME).await.unwrap() {
        Held::Ours { epoch } => epoch,
        Held::Theirs { holder } => panic!("{holder:?} has it"),
    }
}

/// The lease runs out.
async fn run_out(url: &str) {
    testing::execute(url, "UPDATE segue.head SET until = now()").await.unwrap();
}

/// Two orchestrators: the first holds the lease, and its way to the database can be held up.
struct Two {
    url: String,
    proxy: Proxy,
    one: Arc<dyn Journal>,
    other: Database,
}

impl Two {
    async fn new() -> Self {
        let server = Server::shared().await;
        let url = server.database().await;
        let proxy = Proxy::to(server.port()).await;
        let held = url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.address.port()));
        let database = Database::open(testing::options(&held)).await.unwrap();
        let epoch = take(&database, 1).await;
        let one: Arc<dyn Journal> = Arc::new(database.journal(epoch).await.unwrap());
        let other = Database::open(testing::options(&url)).await.unwrap();
        append_all(&one, [first(1)]).await;
        Self { url, proxy, one, other }
    }

    async fn taken_over(&self) -> Arc<dyn Journal> {
        let epoch = take(&self.other, 2).await;
        assert_eq!(epoch, 2);
        Arc::new(self.other.journal(epoch).await.unwrap())
    }
}

fn fenced() -> Result<Position, JournalError> {
    Err(JournalError::Fenced { epoch: 1, current: 2 })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_slept_through_a_takeover_is_refused() {
    let two = Two::new().await;
    run_out(&two.url).await;
    let new = two.taken_over().await;
    let positions = append_all(&new, [batch(1, 1, 1, None), first(2)]).await;
    assert_eq!(two.one.append(batch(1, 2, 1, None)).await, fenced());
    assert_eq!(two.one.append(first(3)).await, fenced(), "it stays so");
    assert!(two.one.stopped().is_some());
    assert_eq!(two.one.load(job(1)).await.unwrap().unwrap().events.len(), 2, "questions are answered");
    let more = append_all(&new, [batch(1, 2, 1, None)]).await;
    assert!(more[0] > positions[1]);
    let asked = two.other.journal(1).await.err();
    assert_eq!(asked, Some(JournalError::Fenced { epoch: 1, current: 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_arrives_after_the_takeover_is_refused() {
    let two = Two::new().await;
    two.proxy.hold("event 1 of job 1", usize::MAX);
    let late = two.one.append(batch(1, 1, 1, None));
    two.proxy.arrived().await;
    run_out(&two.url).await;
    let new = two.taken_over().await;
    append_all(&new, [batch(1, 1, 1, None)]).await;
    two.proxy.let_go();
    assert_eq!(late.await, fenced());
    assert_eq!(new.load(job(1)).await.unwrap().unwrap().events, [event(1, 0), event(1, 1)]);
}

/// All but the end of a message has come: the statement is carried out and waits for its end with the row locked.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_append_does_not_hold_up_the_takeover() {
    let two = Two::new().await;
    // Before: it has to wait for the row, too.
    run_out(&two.url).await;
    two.proxy.hold("event 1 of job 1", 5);
    let late = two.one.append(batch(1, 1, 1, None));
    two.proxy.arrived().await;
    let new = two.taken_over().await;
    append_all(&new, [batch(1, 1, 1, None)]).await;
    two.proxy.let_go();
    assert_eq!(late.await, fenced());
    assert_eq!(new.history(job(1), 0, 10).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_was_stored_before_the_takeover_is_acknowledged_after_it() {
    let two = Two::new().await;
    two.proxy.deafen(true);
    let late = two.one.append(batch(1, 1, 1, None));
    two.proxy.unheard().await;
    run_out(&two.url).await;
    let new = two.taken_over().await;
    append_all(&new, [batch(1, 2, 1, None)]).await;
    two.proxy.deafen(false);
    two.proxy.cut();
    let position = late.await.unwrap();
    let history = new.history(job(1), 1, 1).await.unwrap();
    assert_eq!(history, [(1, position, event(1, 1))]);
    assert_eq!(two.one.append(batch(1, 3, 1, None)).await, fenced());
}
