//! The embedded journal: an append-only log as the truth, a rebuildable SQLite index beside it.
//!
//! One thread writes (`writer`): it takes every batch that has arrived while the last sync ran, writes them as one,
//! syncs once, and wakes all who wait. Segments are laid out beforehand (`segment`), so that a sync has no file size to make
//! durable. Another thread follows with the index (`index`); it is a cache, thrown away and built again from the log
//! whenever it does not fit. Questions wait until the index has seen what was durable when they were asked.
//!
//! What can go wrong has a name: a torn tail is cut; a damaged record before other records stops the opening; a failed write
//! or sync stops the journal for good, because after it nobody knows what is on disk; a full disk refuses batches until
//! there is room for the next segment.
//!
//! Reading order: [`disk`], `record`, `segment`, `scan`, `writer`, `index`, `retain`, [`inspect`].

pub mod disk;
pub mod faults;
mod index;
pub mod inspect;
mod open;
mod picture;
mod record;
mod retain;
mod scan;
mod segment;
mod writer;

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use disk::{Disk, File};
use engine::ids::JobId;
use futures::FutureExt;
use index::Index;
use journal::{
    Answer, Batch, Counts, FeedItem, Health, Journal, JournalError, Page, Position, Query, Retained,
    RetentionPolicy, Snapshot, Stored, Whole,
};
pub use open::Opened;
use parking_lot::Mutex;
use segment::Place;
use writer::Writer;

/// Places of readers of the feed that are remembered.
const READERS: usize = 64;
/// Segments that stay open for reading.
const OPEN_FILES: usize = 64;

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lies.
    pub folder: PathBuf,
    /// Bytes of a segment; a batch that is larger gets one of its own.
    pub segment_bytes: u64,
    /// Go on although records in the middle are damaged: what they held is lost.
    pub leave_damaged: bool,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), segment_bytes: 64 * 1024 * 1024, leave_damaged: false }
    }
}

/// A journal in a folder of this machine.
#[derive(Debug, Clone)]
pub struct EmbeddedJournal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    disk: Arc<dyn Disk>,
    options: Options,
    writer: Writer,
    index: Index,
    /// One retention at a time.
    retaining: Mutex<()>,
    /// One definition at a time.
    defining: Mutex<()>,
    /// Everything up to here may have been dropped.
    dropped: Mutex<Position>,
    /// Where the last readers of the feed stopped, the latest first: most go on there.
    readers: Mutex<VecDeque<scan::Reached>>,
    /// Segments that are open for reading, by number.
    files: Mutex<BTreeMap<u64, Arc<dyn File>>>,
    /// Held as long as the journal is open.
    _lock: Option<disk::Lock>,
}

impl Inner {
    /// The events of a record, read from the log.
    fn read(&self, place: &Place) -> Result<record::Record, JournalError> {
        let path = segment::path(&self.options.folder, place.segment);
        let file = self.file(&path, place.segment)?;
        segment::read_record(&*file, &path, place)
    }

    /// A segment's file, open for reading.
    fn file(&self, path: &Path, segment: u64) -> Result<Arc<dyn File>, JournalError> {
        if let Some(open) = self.files.lock().get(&segment) {
            return Ok(open.clone());
        }
        let opened = self.disk.open(path, false).map_err(|error| segment::io_error(path, &error))?;
        let opened: Arc<dyn File> = opened.into();
        let mut files = self.files.lock();
        if files.len() >= OPEN_FILES {
            files.pop_first();
        }
        files.insert(segment, opened.clone());
        Ok(opened)
    }

    fn load(&self, job: JobId) -> Result<Option<Stored>, JournalError> {
        let Some(index) = self.index.entry(job)? else { return Ok(None) };
        let snapshot = self.index.snapshot_of(job)?;
        let known = snapshot.as_ref().map_or(0, |snapshot| snapshot.events);
        // From the last event that the snapshot stands for: a job that is there has it.
        let records = self.records(job, known.saturating_sub(1), usize::MAX)?;
        let Some(mut next) = records.first().map(|(first, ..)| (*first).min(known)) else {
            // Retention has dropped it since.
            return Ok(None);
        };
        let mut events: Vec<Bytes> = Vec::new();
        for (first, _, record) in records {
            if first > next {
                let lost = format!("events {next} to {first} of job {job}");
                return Err(JournalError::Damaged { segment: "the log".to_owned(), offset: 0, lost });
            }
            next = first + record.events.len() as u64;
            let after = (first..).zip(record.events).filter(|(seq, _)| *seq >= known);
            events.extend(after.map(|(_, event)| event));
        }
        Ok(Some(Stored { snapshot, events, index }))
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Result<(), JournalError> {
        let actual = self.index.events(job)?;
        if actual == 0 || snapshot.events > actual {
            return Err(JournalError::Conflict { job, expected: snapshot.events, actual });
        }
        self.index.keep_snapshot(job, snapshot)
    }

    fn history(
        &self,
        job: JobId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Position, Bytes)>, JournalError> {
        let mut found = Vec::new();
        for (first, position, record) in self.records(job, from, limit)? {
            let events = (first..).zip(record.events).filter(|(seq, _)| *seq >= from);
            found.extend(events.map(|(seq, event)| (seq, position, event)));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The records of a job from the one that holds event `from` on, until they hold `limit` events.
    fn records(
        &self,
        job: JobId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Position, record::Record)>, JournalError> {
        let mut places = self.index.places(job, from)?;
        loop {
            let (mut found, mut events, mut failed) = (Vec::new(), 0, None);
            for (first, position, place) in &places {
                if events >= limit {
                    break;
                }
                match self.read(place) {
                    Ok(record) => {
                        let skipped = usize::try_from(from.saturating_sub(*first)).unwrap_or(usize::MAX);
                        events += record.events.len().saturating_sub(skipped);
                        found.push((*first, *position, record));
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let Some(error) = failed else { return Ok(found) };
            // Retention may have moved or dropped them between the two questions.
            let now = self.index.places(job, from)?;
            if now == places {
                return Err(error);
            }
            places = now;
        }
    }

    fn feed(&self, after: Position, limit: usize) -> Result<Vec<FeedItem>, JournalError> {
        let reached = self.readers.lock().iter().find(|reached| reached.position == after).copied();
        let durable = self.writer.durable();
        let found = scan::feed(&*self.disk, &self.options.folder, after, reached, durable, limit);
        // Asked afterwards: retention says what it drops before it does.
        let dropped = *self.dropped.lock();
        if after < dropped {
            return Err(JournalError::TooOld(dropped));
        }
        let (found, end) = found?;
        if let Some(end) = end {
            let mut readers = self.readers.lock();
            readers.truncate(READERS - 1);
            readers.push_front(end);
        }
        Ok(found)
    }
}

impl EmbeddedJournal {
    /// Asks on a thread where waiting does no harm, once the index has seen what is durable now.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Inner) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<T> {
        let inner = self.inner.clone();
        async move {
            inner.index.caught_up(inner.writer.durable()).await?;
            let asked = tokio::task::spawn_blocking(move || question(&inner));
            asked.await.unwrap_or_else(|error| Err(JournalError::Stopped { reason: error.to_string() }))
        }
        .boxed()
    }
}

impl Journal for EmbeddedJournal {
    fn append(&self, batch: Batch) -> Answer<Position> {
        self.inner.writer.append(batch, None)
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.ask(move |inner| inner.snapshot(job, snapshot))
    }

    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.ask(move |inner| inner.load(job))
    }

    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.ask(move |inner| {
            inner.index.at_one_moment(|| {
                let found = jobs.iter().filter_map(|job| Some((*job, inner.load(*job).ok()??)));
                found.collect()
            })
        })
    }

    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, Bytes)>> {
        self.ask(move |inner| inner.history(job, from, limit))
    }

    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.ask(move |inner| inner.feed(after, limit))
    }

    fn list(&self, query: Query) -> Answer<Page> {
        self.ask(move |inner| inner.index.list(&query))
    }

    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.ask(move |inner| inner.index.find_live(&pipeline, &key))
    }

    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.ask(move |inner| inner.index.live_jobs(after, limit))
    }

    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.ask(move |inner| inner.index.due(until, limit))
    }

    fn counts(&self) -> Answer<Counts> {
        self.ask(|inner| inner.index.counts())
    }

    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        let inner = self.inner.clone();
        let put = tokio::task::spawn_blocking(move || {
            let _one_at_a_time = inner.defining.lock();
            open::put_definition(&*inner.disk, &inner.options.folder, hash, &text)
        });
        async move {
            put.await.unwrap_or_else(|error| Err(JournalError::Stopped { reason: error.to_string() }))
        }
        .boxed()
    }

    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.ask(move |inner| open::definition(&*inner.disk, &inner.options.folder, hash))
    }

    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.ask(move |inner| inner.retain(now, policy))
    }

    fn health(&self) -> Health {
        self.inner.writer.health()
    }
}

impl Whole for EmbeddedJournal {
    fn definitions(&self) -> Answer<Vec<[u8; 32]>> {
        self.ask(|inner| open::definitions(&*inner.disk, &inner.options.folder))
    }

    fn bring(&self, position: Position, batch: Batch) -> Answer<Position> {
        self.inner.writer.append(batch, Some(position))
    }
}
