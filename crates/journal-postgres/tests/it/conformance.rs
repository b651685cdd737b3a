//! The journal in PostgreSQL passes the suite of all journals, and its lease that of all leases, on a real server.

use std::{sync::Arc, time::Duration};

use journal::{
    Journal,
    conformance::{self, Factory},
    lease::{self, Lease},
};
use journal_postgres::{
    Database,
    testing::{self, Server},
};
use parking_lot::Mutex;

/// A database of its own.
struct Postgres {
    url: String,
}

impl Postgres {
    async fn new() -> Self {
        Self { url: Server::shared().await.database().await }
    }
}

impl Factory for Postgres {
    fn open(&self) -> Arc<dyn Journal> {
        let opening = async {
            let database = Database::open(testing::options(&self.url)).await.unwrap();
            database.journal(0).await.unwrap()
        };
        let opened = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opening));
        Arc::new(opened)
    }

    fn reopen(&self, journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>> {
        drop(journal);
        Some(self.open())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_order_and_grows_positions() {
    conformance::keeps_order_and_grows_positions(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_unexpected_sequence() {
    conformance::refuses_an_unexpected_sequence(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_is_no_batch() {
    conformance::refuses_what_is_no_batch(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_one_of_many_first_batches_through() {
    conformance::lets_one_of_many_first_batches_through(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_many_jobs_at_once() {
    conformance::takes_many_jobs_at_once(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_its_own_writes() {
    conformance::reads_its_own_writes(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_history_in_pieces() {
    conformance::tells_history_in_pieces(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_lists() {
    conformance::filters_lists(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lists() {
    conformance::pages_lists(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_is_due() {
    conformance::tells_what_is_due(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_live_jobs() {
    conformance::pages_live_jobs(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_whole_batches_in_order() {
    conformance::feeds_whole_batches_in_order(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_definitions() {
    conformance::keeps_definitions(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_only_what_ended_long_ago() {
    conformance::drops_only_what_ended_long_ago(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_everything_over_a_restart() {
    conformance::keeps_everything_over_a_restart(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_readers_at_their_own_pace() {
    conformance::feeds_readers_at_their_own_pace(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_many_as_it_loads_one() {
    conformance::loads_many_as_it_loads_one(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_from_the_newest_snapshot() {
    conformance::loads_from_the_newest_snapshot(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_snapshots_with_their_job() {
    conformance::drops_snapshots_with_their_job(&Postgres::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_copy_as_it_was() {
    let url = Server::shared().await.database().await;
    let database = Database::open(testing::options(&url)).await.unwrap();
    conformance::takes_a_copy_as_it_was(&database.journal(0).await.unwrap()).await;
}

/// Leases, each in a database of its own.
#[derive(Default)]
struct Leases {
    url: Mutex<String>,
}

impl lease::conformance::Factory for Leases {
    async fn open(&self) -> [Arc<dyn Lease>; 2] {
        let url = Server::shared().await.database().await;
        self.url.lock().clone_from(&url);
        let database = Database::open(testing::options(&url)).await.unwrap();
        [Arc::new(database.lease().await.unwrap()), Arc::new(database.lease().await.unwrap())]
    }

    /// The database's clock can't be moved, so the end of the lease is.
    async fn pass(&self, time: Duration) {
        let url = self.url.lock().clone();
        let earlier = format!("UPDATE segue.head SET until = until - interval '{} seconds'", time.as_secs());
        testing::execute(&url, &earlier).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_has_one_holder() {
    lease::conformance::has_one_holder(&Leases::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_runs_out() {
    lease::conformance::runs_out(&Leases::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_given_back() {
    lease::conformance::is_given_back(&Leases::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_goes_to_one_of_many() {
    lease::conformance::goes_to_one_of_many(&Leases::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_tells_those_who_wait() {
    lease::conformance::tells_those_who_wait(&Leases::default()).await;
}
