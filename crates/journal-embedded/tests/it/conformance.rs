//! The embedded journal passes the suite of all journals, on a real disk, with segments so small that every test rolls.

use std::sync::Arc;

use journal::{
    Journal,
    conformance::{self, Factory},
};
use journal_embedded::{EmbeddedJournal, Options};
use tempfile::TempDir;

struct Embedded {
    folder: TempDir,
}

impl Embedded {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }
}

impl Factory for Embedded {
    fn open(&self) -> Arc<dyn Journal> {
        let options = Options { segment_bytes: 4096, ..Options::new(self.folder.path()) };
        Arc::new(EmbeddedJournal::open(options).expect("a journal").journal)
    }

    fn reopen(&self, journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>> {
        drop(journal);
        Some(self.open())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_order_and_grows_positions() {
    conformance::keeps_order_and_grows_positions(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_unexpected_sequence() {
    conformance::refuses_an_unexpected_sequence(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_is_no_batch() {
    conformance::refuses_what_is_no_batch(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_one_of_many_first_batches_through() {
    conformance::lets_one_of_many_first_batches_through(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_many_jobs_at_once() {
    conformance::takes_many_jobs_at_once(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_its_own_writes() {
    conformance::reads_its_own_writes(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_history_in_pieces() {
    conformance::tells_history_in_pieces(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_lists() {
    conformance::filters_lists(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lists() {
    conformance::pages_lists(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_is_due() {
    conformance::tells_what_is_due(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_live_jobs() {
    conformance::pages_live_jobs(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_whole_batches_in_order() {
    conformance::feeds_whole_batches_in_order(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_definitions() {
    conformance::keeps_definitions(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_only_what_ended_long_ago() {
    conformance::drops_only_what_ended_long_ago(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_everything_over_a_restart() {
    conformance::keeps_everything_over_a_restart(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_readers_at_their_own_pace() {
    conformance::feeds_readers_at_their_own_pace(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_many_as_it_loads_one() {
    conformance::loads_many_as_it_loads_one(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_from_the_newest_snapshot() {
    conformance::loads_from_the_newest_snapshot(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_snapshots_with_their_job() {
    conformance::drops_snapshots_with_their_job(&Embedded::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_copy_as_it_was() {
    let folder = Embedded::new();
    let journal = EmbeddedJournal::open(Options::new(folder.folder.path())).expect("a journal").journal;
    conformance::takes_a_copy_as_it_was(&journal).await;
    drop(journal);
    // The positions are in the log, and read again from there.
    std::fs::remove_file(folder.folder.path().join("index.sqlite")).expect("an index");
    let journal = EmbeddedJournal::open(Options::new(folder.folder.path())).expect("the journal").journal;
    let feed = journal.feed(journal::Position(90_000), 10).await.expect("the feed");
    assert_eq!(feed.len(), 2);
    assert_eq!(journal.history(conformance::job(1), 0, 10).await.expect("its history").len(), 4);
}
