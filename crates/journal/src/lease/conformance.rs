//! The suite that every lease must pass. Each function takes a lease of its own and panics where it is wrong.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a suite of tests: panicking is what it is for"
)]

use std::{future::Future, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{Held, Holder, Lease};

/// How leases of a kind are opened, and how time passes for them.
pub trait Factory {
    /// A new, free lease, as two processes see it.
    fn open(&self) -> impl Future<Output = [Arc<dyn Lease>; 2]>;
    /// Lets time pass for the lease that was opened last.
    fn pass(&self, time: Duration) -> impl Future<Output = ()>;
}

const LONG: Duration = Duration::from_secs(600);

fn holder(number: u64) -> Holder {
    Holder { id: Uuid::from_u64_pair(number, 1), url: format!("http://orchestrator-{number}:3456") }
}

async fn take(lease: &Arc<dyn Lease>, number: u64) -> Held {
    lease.take(holder(number), LONG).await.unwrap()
}

fn theirs(number: u64) -> Held {
    Held::Theirs { holder: holder(number) }
}

/// While one holds it nobody else gets it, and all are told who has it; renewing keeps the epoch.
pub async fn has_one_holder(factory: &impl Factory) {
    let [one, two] = factory.open().await;
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 1 });
    assert_eq!(take(&two, 2).await, theirs(1));
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 1 });
    assert_eq!(take(&two, 2).await, theirs(1));
    let moved = Holder { url: "http://elsewhere".to_owned(), ..holder(1) };
    assert_eq!(one.take(moved.clone(), LONG).await.unwrap(), Held::Ours { epoch: 1 });
    assert_eq!(take(&two, 2).await, Held::Theirs { holder: moved });
}

/// It ends when its time is over and not before; renewing begins the time anew; who takes it then has the next epoch.
pub async fn runs_out(factory: &impl Factory) {
    let [one, two] = factory.open().await;
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 1 });
    factory.pass(LONG / 2).await;
    assert_eq!(take(&two, 2).await, theirs(1));
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 1 });
    factory.pass(LONG / 4 * 3).await;
    assert_eq!(take(&two, 2).await, theirs(1), "it was renewed");
    factory.pass(LONG / 4).await;
    assert_eq!(take(&two, 2).await, Held::Ours { epoch: 2 });
    assert_eq!(take(&one, 1).await, theirs(2), "who slept is told");
    factory.pass(LONG).await;
    assert_eq!(take(&two, 2).await, Held::Ours { epoch: 2 }, "late, but nobody else has taken it");
    factory.pass(LONG).await;
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 3 }, "an epoch is never used twice");
}

/// The holder gives it back, nobody else can; whoever takes it afterwards has the next epoch.
pub async fn is_given_back(factory: &impl Factory) {
    let [one, two] = factory.open().await;
    two.release(holder(2).id).await.unwrap();
    assert_eq!(take(&one, 1).await, Held::Ours { epoch: 1 });
    two.release(holder(2).id).await.unwrap();
    assert_eq!(take(&two, 2).await, theirs(1), "it was not his to give");
    one.release(holder(1).id).await.unwrap();
    one.release(holder(1).id).await.unwrap();
    assert_eq!(take(&two, 2).await, Held::Ours { epoch: 2 });
    two.release(holder(2).id).await.unwrap();
    assert_eq!(take(&two, 2).await, Held::Ours { epoch: 3 }, "between, somebody else might have had it");
}

/// Of many who try at once one gets it, and all others learn who.
pub async fn goes_to_one_of_many(factory: &impl Factory) {
    let [one, two] = factory.open().await;
    for round in 0..10 {
        let tries = (0..8).map(|number| {
            let lease = if number % 2 == 0 { &one } else { &two };
            lease.take(holder(10 * round + number), LONG)
        });
        let held: Vec<Held> = futures::future::try_join_all(tries).await.unwrap().into_iter().collect();
        let ours = |held: &Held| matches!(held, Held::Ours { .. });
        let got = held.iter().position(ours).unwrap();
        assert_eq!(held[got], Held::Ours { epoch: round + 1 });
        assert_eq!(held.iter().filter(|held| ours(held)).count(), 1);
        let winner = 10 * round + got as u64;
        assert!(held.iter().all(|held| ours(held) || *held == theirs(winner)), "{held:?}");
        one.release(holder(winner).id).await.unwrap();
    }
}

/// Those who wait hear that it was given back.
pub async fn tells_those_who_wait(factory: &impl Factory) {
    let [one, two] = factory.open().await;
    for epoch in 1..6 {
        assert_eq!(take(&one, 1).await, Held::Ours { epoch });
        let waiting = [two.changed(), two.changed(), one.changed()];
        one.release(holder(1).id).await.unwrap();
        futures::future::join_all(waiting).await;
    }
}
