//! The journal in a PostgreSQL, 15 or later: for when one machine is not enough, or a database is there anyway.
//!
//! **Tables** (`migrations`): `jobs` has a row for each job: its index entry, how many events it has (the expected version)
//! and when it must wake. `events` (job, seq, position, event) is only added to. `snapshots` and `definitions` are what
//! they are called. `head` is one row: the lease with its epoch, the last position, and what retention has dropped.
//!
//! **One writer.** Whoever holds the [lease](PostgresLease) appends, under the lease's epoch, through one connection. Each
//! group of appends updates the row `head` where epoch and last position are what the writer knows, in the same statement
//! that stores the events. That one row does three things at once:
//! * *Fencing.* After somebody else took the lease the epoch is another one; the row is not found, nothing is stored.
//! * *Positions.* The row is locked until the group has committed, so groups commit in the order of their positions, and a
//!   reader who sees a position sees all before it: the feed never skips one that commits later.
//! * *Finding out.* Where the connection breaks under a group, nobody knows whether it was committed. It is sent again: if
//!   it was not, the row is as it was, and it is stored now; if it was, the last position has moved, nothing is stored
//!   twice, and the events lie there at positions that nobody else can have (taking the lease anew leaves a gap wider than
//!   any group). Only then is it answered. Until then its batches wait: an answer of "not stored" could be a lie.
//!
//! A database that has forgotten what it had committed (a failover to a replica that was behind) has a last position before
//! ours. That can't be healed here: the journal stops and says so.
//!
//! **Groups.** What arrives while a group is under way goes in the next one, as one statement with arrays: one round trip
//! and one sync of the database for up to 1,024 batches of different jobs. One group is under way at a time:
//! a second one would wait for the row's lock. Versions are checked within; a batch that conflicts is left out, alone.
//!
//! **Reading** goes through a few connections beside it, each question one statement and so one moment. There is no
//! transaction over several round trips anywhere but in migrations, and every session has timeouts: nothing is left idle,
//! and a vacuum never waits for us. No extension, no advisory lock, no trigger, no function of ours is in the database:
//! plain SQL, which distributed ones speak, too. Sessions must last, though: a pooler in front must pool by session.
//!
//! **Bloat.** A job's row is updated with nearly every event. No index has a column that changes each time (`wake` is why,
//! see the migration) and pages keep room, so an update stays in its page and needs no vacuum (HOT).
//!
//! **When it is away.** Connections are made again with growing pauses, to a server that can be written to where the URL
//! names several. Appends and questions that wait longer than [`Options::patience`] are answered with
//! [`JournalError::Away`], and may be tried again: of those appends, nothing was sent.
//!
//! Reading order: `connect`, `migrate`, `group`, `writer`, `settle`, `readers`, `questions`, `retain`, `lease`.

mod connect;
mod group;
mod lease;
mod migrate;
mod questions;
mod readers;
mod retain;
mod shelf;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
pub use connect::{Options, OptionsError, is_postgres};
use engine::ids::JobId;
use futures::FutureExt;
use group::count;
use journal::{
    Answer, Batch, Counts, FeedItem, Health, Journal, JournalError, Page, Position, Query, Retained,
    RetentionPolicy, Snapshot, Stored, Whole,
};
pub use lease::PostgresLease;
use readers::Readers;
pub use shelf::PostgresShelf;
use writer::Writer;

/// A database whose tables have the form that this program knows.
#[derive(Debug, Clone)]
pub struct Database {
    options: Options,
}

impl Database {
    /// Connects, and brings the tables to the newest form.
    ///
    /// # Errors
    /// The database can't be reached, refuses, or is newer than this program.
    pub async fn open(options: Options) -> Result<Self, JournalError> {
        let connected = options.connect_soon("migrations", None).await;
        let mut session = connected.map_err(connect::Trouble::into_error)?;
        migrate::migrate(&mut session).await?;
        Ok(Self { options })
    }

    /// Where it is: hosts, ports and name, no secrets.
    #[must_use]
    pub fn place(&self) -> String {
        self.options.place()
    }

    /// Its lease.
    ///
    /// # Errors
    /// The database can't be reached.
    pub async fn lease(&self) -> Result<PostgresLease, JournalError> {
        PostgresLease::open(self.options.clone()).await
    }

    /// Its shelf.
    #[must_use]
    pub fn shelf(&self) -> PostgresShelf {
        PostgresShelf::new(self.options.clone())
    }

    /// The journal for whoever holds the lease in an epoch; zero before anybody has taken it.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] if that epoch is over, or the database can't be reached.
    pub async fn journal(&self, epoch: u64) -> Result<PostgresJournal, JournalError> {
        let readers = Readers::new(self.options.clone());
        let rows = readers.ask("SELECT epoch, last FROM segue.head WHERE one", &[]).await?;
        let (current, last) = rows.first().map_or((0, 0), |row| (count(row.get(0)), count(row.get(1))));
        if current != epoch {
            return Err(JournalError::Fenced { epoch, current });
        }
        let writer = Writer::start(self.options.clone(), epoch, Position(last));
        let inner = Inner { writer, readers, bytes: AtomicU64::default() };
        inner.measure().await?;
        Ok(PostgresJournal { inner: Arc::new(inner) })
    }
}

/// The journal of a database, under an epoch of its lease.
#[derive(Debug, Clone)]
pub struct PostgresJournal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: Writer,
    readers: Readers,
    /// On the database's disk, when last asked.
    bytes: AtomicU64,
}

impl Inner {
    async fn measure(&self) -> Result<(), JournalError> {
        let text = "SELECT sum(pg_total_relation_size(oid))::int8 FROM pg_class
             WHERE relnamespace = 'segue'::regnamespace AND relkind = 'r'";
        let rows = self.readers.ask(text, &[]).await?;
        let bytes = rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).map_or(0, count);
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    async fn feed(&self, after: Position, limit: usize) -> Result<Vec<FeedItem>, JournalError> {
        let (found, dropped) = questions::feed(&self.readers, after, limit).await?;
        if after < dropped { Err(JournalError::TooOld(dropped)) } else { Ok(found) }
    }

    async fn load(&self, job: JobId) -> Result<Option<Stored>, JournalError> {
        let found = questions::load(&self.readers, &[job]).await?;
        found.into_iter().next().map(|(_, stored)| stored).transpose()
    }

    async fn load_many(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Stored)>, JournalError> {
        let found = questions::load(&self.readers, jobs).await?;
        Ok(found.into_iter().filter_map(|(job, stored)| Some((job, stored.ok()?))).collect())
    }

    async fn retain(&self, now: u64, policy: RetentionPolicy) -> Result<Retained, JournalError> {
        let kept = u64::try_from(policy.ended_for.as_millis()).unwrap_or(u64::MAX);
        let retained = retain::drop_ended_before(&self.readers, now.saturating_sub(kept)).await?;
        self.measure().await?;
        Ok(retained)
    }
}

impl PostgresJournal {
    /// Asks with what the future needs of its own.
    fn ask<T, F>(&self, question: impl FnOnce(Arc<Inner>) -> F) -> Answer<T>
    where
        F: Future<Output = Result<T, JournalError>> + Send + 'static,
    {
        question(self.inner.clone()).boxed()
    }
}

impl Journal for PostgresJournal {
    fn append(&self, batch: Batch) -> Answer<Position> {
        self.inner.writer.append(batch, None)
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.ask(|inner| async move { questions::keep_snapshot(&inner.readers, job, snapshot).await })
    }

    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.ask(|inner| async move { inner.load(job).await })
    }

    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.ask(|inner| async move { inner.load_many(&jobs).await })
    }

    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, Bytes)>> {
        self.ask(|inner| async move { questions::history(&inner.readers, job, from, limit).await })
    }

    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.ask(|inner| async move { inner.feed(after, limit).await })
    }

    fn list(&self, query: Query) -> Answer<Page> {
        self.ask(|inner| async move { questions::list(&inner.readers, &query).await })
    }

    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.ask(|inner| async move { questions::find_live(&inner.readers, &pipeline, &key).await })
    }

    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.ask(|inner| async move { questions::live_jobs(&inner.readers, after, limit).await })
    }

    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.ask(|inner| async move { questions::due(&inner.readers, until, limit).await })
    }

    fn counts(&self) -> Answer<Counts> {
        self.ask(|inner| async move { questions::counts(&inner.readers).await })
    }

    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        self.ask(|inner| async move { questions::put_definition(&inner.readers, hash, &text).await })
    }

    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.ask(|inner| async move { questions::definition(&inner.readers, hash).await })
    }

    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.ask(|inner| async move { inner.retain(now, policy).await })
    }

    fn health(&self) -> Health {
        Health { bytes: self.inner.bytes.load(Ordering::Relaxed), ..self.inner.writer.health() }
    }
}

impl Whole for PostgresJournal {
    fn definitions(&self) -> Answer<Vec<[u8; 32]>> {
        self.ask(|inner| async move { questions::definitions(&inner.readers).await })
    }

    fn bring(&self, position: Position, batch: Batch) -> Answer<Position> {
        self.inner.writer.append(batch, Some(position))
    }
}
