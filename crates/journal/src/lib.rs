//! The storage contract: a durable list of events for every job, and an index over the jobs.
//!
//! A journal does not know what events say: it stores bytes. What it must know of a job to list and wake it comes with the
//! events, as an [`IndexEntry`]. [`Journal::append`] is the only call on the hot path: its future resolves when the events
//! are durable, many jobs in one sync. Everything else may be slower, but sees every append that had resolved when it was
//! asked.
//!
//! An `async fn` in a trait can't be called through `dyn`, so calls return boxed futures that own what they need.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod distribution;
mod entry;
pub mod lease;
mod memory;
pub mod shelf;
mod whole;

use std::{collections::BTreeMap, fmt, time::Duration};

use bytes::Bytes;
pub use distribution::{Distribution, Histogram};
use engine::ids::JobId;
pub use entry::{Cursor, IndexEntry, Page, Query};
use futures::future::BoxFuture;
pub use memory::MemoryJournal;
pub use whole::Whole;

/// Place of a batch in the journal: strictly growing over all jobs, never used twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// New events of one job: all of them become durable, or none.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose they are.
    pub job: JobId,
    /// How many events the job has already; anything else is a [`JournalError::Conflict`].
    pub expected: u64,
    /// Each as it is to be stored; at least one.
    pub events: Vec<Bytes>,
    /// The whole current picture of the job, where it has changed. A job's first batch has one.
    pub index: Option<IndexEntry>,
}

/// A job's state after some of its events, so that those need not be replayed. A shortcut, never the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How many events it stands for, from the first one on.
    pub events: u64,
    /// The state, in the words of whoever made it.
    pub state: Bytes,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The newest snapshot, where one was ever given.
    pub snapshot: Option<Snapshot>,
    /// Its events after the snapshot, oldest first; all of them where there is none.
    pub events: Vec<Bytes>,
    /// What the index was last told of it.
    pub index: IndexEntry,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// The place of its batch.
    pub position: Position,
    /// Whose it is.
    pub job: JobId,
    /// Which of the job's events, from 0.
    pub seq: u64,
    /// As it was stored.
    pub event: Bytes,
}

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Jobs that ended longer ago are dropped.
    pub ended_for: Duration,
}

/// What retention did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Jobs dropped.
    pub dropped: usize,
    /// Segments given back to the file system.
    pub freed: usize,
    /// Batches copied forward so that an old segment could go.
    pub moved: usize,
}

/// How a journal is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files of the log.
    pub segments: usize,
    /// How long the last sync took.
    pub last_sync: Duration,
    /// How long syncs took since the start, the write before them included, in microseconds.
    pub syncs: Distribution,
    /// How many batches each sync made durable.
    pub groups: Distribution,
    /// Why it has stopped, if it has.
    pub stopped: Option<String>,
}

/// Why a journal refuses. Nothing was stored then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Somebody else has appended to the job.
    #[error("job {job} has {actual} events, not {expected}")]
    Conflict {
        /// The job.
        job: JobId,
        /// What the caller knew.
        expected: u64,
        /// What is so.
        actual: u64,
    },
    /// There is no room. Nothing was stored; when there is room again it goes on.
    #[error("there is no room for the journal")]
    Full,
    /// A write or sync failed: what is on disk is not known, so nothing more is written. Start it again.
    #[error("the journal has stopped: {reason}")]
    Stopped {
        /// What failed.
        reason: String,
    },
    /// A record in the middle of the log can't be read.
    #[error("the journal is damaged in {segment} at byte {offset}: {lost}")]
    Damaged {
        /// The file.
        segment: String,
        /// Where.
        offset: u64,
        /// What is lost, for a person.
        lost: String,
    },
    /// Whatever it is kept in can't be reached now. Nothing was stored; asking again later may help.
    #[error("the journal can't be reached: {reason}")]
    Away {
        /// Why, without secrets.
        reason: String,
    },
    /// Somebody else has taken the [lease](lease::Lease) since: whoever appends must not go on.
    #[error("epoch {epoch} is over: another orchestrator has taken over in epoch {current}")]
    Fenced {
        /// Of whoever appended.
        epoch: u64,
        /// Of whoever holds the lease, or held it last.
        current: u64,
    },
    /// Retention has removed what was asked for.
    #[error("events before {0} are no longer kept")]
    TooOld(Position),
    /// A batch without events, or a first one without an index entry: a bug of the caller.
    #[error("that is no batch: {0}")]
    NotABatch(&'static str),
    /// A file can't be read, or the index can't be used.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: String,
    },
}

/// The answer of a journal.
pub type Answer<T> = BoxFuture<'static, Result<T, JournalError>>;
/// How many jobs there are, by pipeline and state.
pub type Counts = BTreeMap<(String, String), u64>;

/// Where the events of jobs are kept.
pub trait Journal: Send + Sync {
    /// Makes a batch durable. It is under way when this returns, whether the answer is awaited or not.
    fn append(&self, batch: Batch) -> Answer<Position>;
    /// Keeps a shortcut for [`Journal::load`], in place of older ones of the job. A crash or damage may take it: the events
    /// stay. One that stands for more events than there are is a [`JournalError::Conflict`].
    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()>;
    /// A job; none where there is no such job, or no longer.
    fn load(&self, job: JobId) -> Answer<Option<Stored>>;
    /// Several jobs at once, as [`Journal::load`] gives them, in any order; those that are not there are left out, and those
    /// that can't be read too: loaded alone, they say why.
    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>>;
    /// A job's events from number `from` on (from 0), at most `limit`.
    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, Bytes)>>;
    /// Events of all jobs after a position, in order; whole batches until there are at least `limit`, or all.
    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>>;
    /// Jobs, newest first.
    fn list(&self, query: Query) -> Answer<Page>;
    /// The live job of a key.
    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>>;
    /// Live jobs in the order of their ids, after one, at most `limit`.
    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>>;
    /// Live jobs whose deadline is at or before a moment (milliseconds since 1970), the most urgent first.
    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>>;
    /// How many jobs there are.
    fn counts(&self) -> Answer<Counts>;
    /// Keeps a definition for ever, under the BLAKE3 hash of its text.
    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()>;
    /// A definition.
    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>>;
    /// Drops what is older than the policy says. `now` is in milliseconds since 1970.
    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained>;
    /// How it is.
    fn health(&self) -> Health;
    /// Why it has stopped, if it has.
    fn stopped(&self) -> Option<String> {
        self.health().stopped
    }
}
