//! The suite that every journal must pass: what callers rely on, whatever it is stored in.
//!
//! Each function opens a journal of its own and panics where the journal is wrong. They want a tokio runtime with several
//! threads. A new journal proves itself by calling all of them, one test each, so that a failure has a name.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a suite of tests: panicking is what it is for"
)]

mod asking;
mod keeping;

use std::sync::Arc;

pub use asking::*;
use bytes::Bytes;
use engine::ids::JobId;
pub use keeping::*;
use uuid::Uuid;

use crate::{Batch, IndexEntry, Journal, JournalError, Position};

/// How journals of a kind are opened.
pub trait Factory {
    /// A new, empty one.
    fn open(&self) -> Arc<dyn Journal>;
    /// The same one again, after a restart; none where a journal ends with its process.
    fn reopen(&self, journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>>;
}

/// A job id that sorts by its number.
#[must_use]
pub fn job(number: u64) -> JobId {
    JobId(Uuid::from_u64_pair(number, 7))
}

/// A live job's entry: pipeline `course`, key `key-NUMBER`, started at 1,000 + number.
#[must_use]
pub fn entry(number: u64) -> IndexEntry {
    IndexEntry {
        pipeline: "course".to_owned(),
        key: format!("key-{number}"),
        state: "running".to_owned(),
        live: true,
        created: 1000 + number,
        updated: 1000 + number,
        deadline: None,
        priority: 1,
        summary: Bytes::from_static(b"{}"),
    }
}

/// The entry of a job that ended at a moment.
#[must_use]
pub fn ended(number: u64, at: u64) -> IndexEntry {
    IndexEntry { state: "done".to_owned(), live: false, updated: at, ..entry(number) }
}

/// An event that says whose it is and which.
#[must_use]
pub fn event(number: u64, seq: u64) -> Bytes {
    Bytes::from(format!("event {seq} of job {number}"))
}

/// A batch of a job: `count` events from `expected` on, and an entry.
#[must_use]
pub fn batch(number: u64, expected: u64, count: u64, index: Option<IndexEntry>) -> Batch {
    let events = (expected..expected + count).map(|seq| event(number, seq)).collect();
    Batch { job: job(number), expected, events, index }
}

/// A job's first batch: one event and its entry.
#[must_use]
pub fn first(number: u64) -> Batch {
    batch(number, 0, 1, Some(entry(number)))
}

/// Appends that must succeed.
pub async fn append_all(
    journal: &Arc<dyn Journal>,
    batches: impl IntoIterator<Item = Batch>,
) -> Vec<Position> {
    let mut positions = Vec::new();
    for batch in batches {
        positions.push(journal.append(batch).await.unwrap());
    }
    positions
}

/// Events come back in order, and every batch has a later position than the one before.
pub async fn keeps_order_and_grows_positions(factory: &impl Factory) {
    let journal = factory.open();
    let batches = [first(1), first(2), batch(1, 1, 3, None), batch(2, 1, 1, None), batch(1, 4, 2, None)];
    let positions = append_all(&journal, batches).await;
    assert!(positions.is_sorted_by(|before, after| before < after), "{positions:?}");
    assert!(positions[0] > Position(0), "nothing is before the first position");
    let stored = journal.load(job(1)).await.unwrap().unwrap();
    assert_eq!(stored.events, (0..6).map(|seq| event(1, seq)).collect::<Vec<_>>());
    assert_eq!(journal.load(job(2)).await.unwrap().unwrap().events.len(), 2);
    assert!(journal.load(job(3)).await.unwrap().is_none());
}

/// Whoever appends to what he does not know is told what is so, and nothing is stored.
pub async fn refuses_an_unexpected_sequence(factory: &impl Factory) {
    let journal = factory.open();
    append_all(&journal, [batch(1, 0, 2, Some(entry(1)))]).await;
    for (wrong, index) in [(0, Some(entry(1))), (1, None), (3, None)] {
        let answer = journal.append(batch(1, wrong, 1, index)).await;
        assert_eq!(answer, Err(JournalError::Conflict { job: job(1), expected: wrong, actual: 2 }));
    }
    let answer = journal.append(batch(2, 4, 1, None)).await;
    assert_eq!(answer, Err(JournalError::Conflict { job: job(2), expected: 4, actual: 0 }));
    append_all(&journal, [batch(1, 2, 1, Some(ended(1, 5)))]).await;
    let again = journal.append(first(1)).await;
    assert_eq!(again, Err(JournalError::Conflict { job: job(1), expected: 0, actual: 3 }), "over is not new");
    assert_eq!(journal.load(job(1)).await.unwrap().unwrap().events.len(), 3);
}

/// Batches without events, and first ones without an entry, are refused by name.
pub async fn refuses_what_is_no_batch(factory: &impl Factory) {
    let journal = factory.open();
    let empty = journal.append(batch(1, 0, 0, Some(entry(1)))).await;
    assert!(matches!(empty, Err(JournalError::NotABatch(_))), "{empty:?}");
    let blind = journal.append(batch(1, 0, 1, None)).await;
    assert!(matches!(blind, Err(JournalError::NotABatch(_))), "{blind:?}");
    append_all(&journal, [first(1)]).await;
}

/// Of many who append the same first batch at once, one succeeds.
pub async fn lets_one_of_many_first_batches_through(factory: &impl Factory) {
    let journal = factory.open();
    for round in 0..20 {
        let over = if round % 2 == 0 { entry(round) } else { ended(round, 5) };
        let tries = (0..16).map(|_| tokio::spawn(journal.append(batch(round, 0, 1, Some(over.clone())))));
        let answers = futures::future::join_all(tries).await;
        let through = answers.iter().filter(|answer| matches!(answer, Ok(Ok(_)))).count();
        assert_eq!(through, 1, "in round {round}");
    }
}

/// 64 tasks append 50 batches each at once; all of them are there, each job in order.
pub async fn takes_many_jobs_at_once(factory: &impl Factory) {
    let journal = factory.open();
    let tasks = (0..64).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move {
            append_all(&journal, [first(number)]).await;
            for seq in 1..50 {
                append_all(&journal, [batch(number, seq, 1, (seq % 7 == 0).then(|| entry(number)))]).await;
            }
        })
    });
    for done in futures::future::join_all(tasks).await {
        done.unwrap();
    }
    for number in 0..64 {
        let stored = journal.load(job(number)).await.unwrap().unwrap();
        assert_eq!(stored.events, (0..50).map(|seq| event(number, seq)).collect::<Vec<_>>());
    }
    assert_eq!(journal.feed(Position(0), usize::MAX).await.unwrap().len(), 64 * 50);
}
