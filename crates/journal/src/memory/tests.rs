//! The memory journal passes the suite of all journals.

use std::sync::Arc;

use crate::{
    Journal, MemoryJournal,
    conformance::{self, Factory},
};

struct Memory;

impl Factory for Memory {
    fn open(&self) -> Arc<dyn Journal> {
        Arc::new(MemoryJournal::default())
    }

    fn reopen(&self, _journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_order_and_grows_positions() {
    conformance::keeps_order_and_grows_positions(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_unexpected_sequence() {
    conformance::refuses_an_unexpected_sequence(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_is_no_batch() {
    conformance::refuses_what_is_no_batch(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_one_of_many_first_batches_through() {
    conformance::lets_one_of_many_first_batches_through(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_many_jobs_at_once() {
    conformance::takes_many_jobs_at_once(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_its_own_writes() {
    conformance::reads_its_own_writes(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_history_in_pieces() {
    conformance::tells_history_in_pieces(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_lists() {
    conformance::filters_lists(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lists() {
    conformance::pages_lists(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_is_due() {
    conformance::tells_what_is_due(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_live_jobs() {
    conformance::pages_live_jobs(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_whole_batches_in_order() {
    conformance::feeds_whole_batches_in_order(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_definitions() {
    conformance::keeps_definitions(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_only_what_ended_long_ago() {
    conformance::drops_only_what_ended_long_ago(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_everything_over_a_restart() {
    conformance::keeps_everything_over_a_restart(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_readers_at_their_own_pace() {
    conformance::feeds_readers_at_their_own_pace(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_many_as_it_loads_one() {
    conformance::loads_many_as_it_loads_one(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_from_the_newest_snapshot() {
    conformance::loads_from_the_newest_snapshot(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_snapshots_with_their_job() {
    conformance::drops_snapshots_with_their_job(&Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_copy_as_it_was() {
    conformance::takes_a_copy_as_it_was(&MemoryJournal::default()).await;
}
