//! The one thread that writes: all batches that arrived during the last sync become durable in the next.
//!
//! A batch that waits alone costs one write and one sync and nothing else: the thread sleeps on its channel, and nothing is
//! delayed in the hope of more. What a batch stores is laid out and checked by whoever appends it.

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use crc32c::crc32c;
use engine::ids::JobId;
use futures::FutureExt;
use journal::{Answer, Batch, Health, Histogram, IndexEntry, JournalError, Position};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    disk::{Disk, File},
    index::{Index, Indexed, Joined},
    record::{self, Header, Kind},
    segment::{self, MAGIC, Place},
};

/// Most bytes written before a sync: bounds what one sync has to do.
const MAX_GROUP: usize = 8 * 1024 * 1024;

/// Microseconds.
const SYNC_TIMES: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];
/// Batches.
const GROUP_SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Something to be written.
pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) job: JobId,
    pub(crate) first: u64,
    pub(crate) count: u32,
    /// Of a copy, or of what comes from another journal: the position that it had.
    pub(crate) position: Option<Position>,
    pub(crate) payload: Vec<u8>,
    pub(crate) index: Option<IndexEntry>,
    pub(crate) reply: Option<oneshot::Sender<Result<Position, JournalError>>>,
}

/// The writer, as others see it.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
    /// Last, so that the thread has been told to end when it is waited for: nothing is written after a journal is gone.
    _thread: Joined,
}

#[derive(Debug)]
struct Shared {
    durable: AtomicU64,
    last_sync_micros: AtomicU64,
    segments: AtomicUsize,
    bytes: AtomicU64,
    newest: AtomicU64,
    stopped: Mutex<Option<String>>,
    syncs: Histogram,
    groups: Histogram,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            durable: AtomicU64::default(),
            last_sync_micros: AtomicU64::default(),
            segments: AtomicUsize::default(),
            bytes: AtomicU64::default(),
            newest: AtomicU64::default(),
            stopped: Mutex::default(),
            syncs: Histogram::new(&SYNC_TIMES),
            groups: Histogram::new(&GROUP_SIZES),
        }
    }
}

/// Where writing goes on after opening.
pub(crate) struct Tail {
    pub(crate) file: Box<dyn File>,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) last: Position,
    pub(crate) segments: usize,
    pub(crate) bytes: u64,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
        tail: Tail,
        index: Index,
    ) -> Result<Self, JournalError> {
        let failed = |error: io::Error| segment::io_error(&folder, &error);
        let heads = Heads { greatest_past: index.greatest()?, ..Heads::default() };
        let shared = Arc::new(Shared::default());
        shared.durable.store(tail.last.0, Ordering::Release);
        shared.segments.store(tail.segments, Ordering::Relaxed);
        shared.bytes.store(tail.bytes, Ordering::Relaxed);
        shared.newest.store(tail.segment, Ordering::Release);
        let (requests, inbox) = mpsc::channel();
        let next = Next::new(disk, folder.clone(), segment_bytes, tail.segment + 1).map_err(failed)?;
        let mut thread =
            Thread { segment_bytes, tail, index, next, shared: shared.clone(), heads, buffer: Vec::new() };
        let named = std::thread::Builder::new().name("journal-writer".to_owned());
        let thread = named.spawn(move || thread.run(&inbox)).map_err(failed)?;
        Ok(Self { requests, shared, _thread: Joined::new(thread) })
    }

    /// Everything up to here is durable.
    pub(crate) fn durable(&self) -> Position {
        Position(self.shared.durable.load(Ordering::Acquire))
    }

    /// The segment that holds the last position: it must stay, or positions would be given out twice.
    pub(crate) fn newest(&self) -> u64 {
        self.shared.newest.load(Ordering::Acquire)
    }

    pub(crate) fn forget_segment(&self, bytes: u64) {
        self.shared.segments.fetch_sub(1, Ordering::Relaxed);
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            segments: self.shared.segments.load(Ordering::Relaxed),
            last_sync: Duration::from_micros(self.shared.last_sync_micros.load(Ordering::Relaxed)),
            syncs: self.shared.syncs.read(),
            groups: self.shared.groups.read(),
            stopped: self.shared.stopped.lock().clone(),
        }
    }

    /// At a position, or the next.
    pub(crate) fn append(&self, batch: Batch, position: Option<Position>) -> Answer<Position> {
        if batch.events.is_empty() {
            return futures::future::ready(Err(JournalError::NotABatch("it has no events"))).boxed();
        }
        if batch.expected == 0 && batch.index.is_none() {
            let error = JournalError::NotABatch("a job's first batch has no index entry");
            return futures::future::ready(Err(error)).boxed();
        }
        let payload = record::payload(&batch.events, batch.index.as_ref());
        if payload.len() > record::MAX_PAYLOAD {
            return futures::future::ready(Err(JournalError::NotABatch("it is too large"))).boxed();
        }
        let (reply, answer) = oneshot::channel();
        self.send(Request {
            kind: Kind::Batch,
            job: batch.job,
            first: batch.expected,
            count: u32::try_from(batch.events.len()).unwrap_or(u32::MAX),
            position,
            payload,
            index: batch.index,
            reply: Some(reply),
        });
        async move { answer.await.unwrap_or_else(|_| Err(gone())) }.boxed()
    }

    /// Writes requests of our own, and waits for all of them.
    pub(crate) fn write(&self, requests: Vec<Request>) -> Result<(), JournalError> {
        let send = |mut request: Request| {
            let (reply, answer) = oneshot::channel();
            request.reply = Some(reply);
            self.send(request);
            answer
        };
        let answers: Vec<_> = requests.into_iter().map(send).collect();
        for answer in answers {
            answer.blocking_recv().unwrap_or_else(|_| Err(gone()))?;
        }
        Ok(())
    }

    fn send(&self, request: Request) {
        if let Err(mpsc::SendError(request)) = self.requests.send(request)
            && let Some(reply) = request.reply
        {
            let _ = reply.send(Err(gone()));
        }
    }
}

fn gone() -> JournalError {
    JournalError::Stopped { reason: "its writer is gone".to_owned() }
}

struct Thread {
    segment_bytes: u64,
    tail: Tail,
    index: Index,
    next: Next,
    shared: Arc<Shared>,
    heads: Heads,
    buffer: Vec<u8>,
}

/// How many events jobs have that were appended to since the start: the index may be behind.
#[derive(Default)]
struct Heads {
    jobs: HashMap<JobId, Head>,
    /// Jobs that are over, by the position of their end: once the index has come so far, it knows enough of them.
    over: VecDeque<(Position, JobId)>,
    /// The greatest id among the jobs that are not here but may be in the index. Ids sort by age, so nearly every new job
    /// is beyond it, and the index need not be asked whether it is new.
    greatest_past: Option<JobId>,
}

struct Head {
    events: u64,
    last: Position,
}

impl Heads {
    fn forget(&mut self, followed: Position) {
        while let Some((at, job)) = self.over.front().copied().filter(|(at, _)| *at <= followed) {
            self.over.pop_front();
            if self.jobs.get(&job).is_some_and(|head| head.last == at) {
                self.jobs.remove(&job);
                self.greatest_past = self.greatest_past.max(Some(job));
            }
        }
    }
}

/// A request that has its place in the group.
struct Placed {
    request: Request,
    position: Position,
    place: Place,
}

impl Thread {
    fn run(&mut self, inbox: &mpsc::Receiver<Request>) {
        let mut waiting: Option<Request> = None;
        while let Some(first) = waiting.take().or_else(|| inbox.recv().ok()) {
            let mut group: Vec<Placed> = Vec::new();
            let mut request = Some(first);
            while let Some(next) = request.take().or_else(|| inbox.try_recv().ok()) {
                let len = (record::HEADER + next.payload.len()) as u64;
                let fits = self.tail.offset + self.buffer.len() as u64 + len <= self.tail.len;
                if !fits || self.buffer.len() > MAX_GROUP {
                    if !group.is_empty() {
                        // What is gathered goes first; then there is a new segment.
                        waiting = Some(next);
                        break;
                    }
                    if let Err(error) = self.roll(len) {
                        refuse(next, error);
                        continue;
                    }
                }
                self.place(next, &mut group);
            }
            if !self.commit(group) {
                return self.refuse_for_ever(waiting, inbox);
            }
        }
    }

    /// Gives a request its position and place; one that does not follow on what is there is refused.
    fn place(&mut self, request: Request, group: &mut Vec<Placed>) {
        if request.kind == Kind::Batch {
            // A job that is not among the heads has had no event since the index caught up with it.
            let actual = match self.heads.jobs.get(&request.job) {
                Some(head) => head.events,
                None if Some(request.job) > self.heads.greatest_past => 0,
                None => match self.index.events(request.job) {
                    Ok(events) => events,
                    Err(error) => return refuse(request, error),
                },
            };
            if actual != request.first {
                let (job, expected) = (request.job, request.first);
                return refuse(request, JournalError::Conflict { job, expected, actual });
            }
            if let Some(position) = request.position {
                if position <= self.tail.last {
                    let error = JournalError::NotABatch("its position is before that of another");
                    return refuse(request, error);
                }
                self.tail.last = position;
            }
        }
        let position = request.position.unwrap_or_else(|| {
            self.tail.last.0 += 1;
            self.tail.last
        });
        if request.kind == Kind::Batch || (request.kind == Kind::Dropped && request.position.is_none()) {
            // Zero after a mark that drops the job.
            let events = request.first + u64::from(request.count);
            self.heads.jobs.insert(request.job, Head { events, last: position });
            let ends = request.index.as_ref().is_some_and(|entry| !entry.live);
            if ends || request.kind == Kind::Dropped {
                self.heads.over.push_back((position, request.job));
            }
        }
        let header = Header {
            payload: u32::try_from(request.payload.len()).unwrap_or(u32::MAX),
            checksum: crc32c(&request.payload),
            position,
            durable: self.tail.offset,
            kind: request.kind,
            job: request.job,
            first: request.first,
            count: request.count,
        };
        let offset = self.tail.offset + self.buffer.len() as u64;
        let place = Place { segment: self.tail.segment, offset, len: header.record_len() };
        header.write(&mut self.buffer);
        self.buffer.extend_from_slice(&request.payload);
        group.push(Placed { request, position, place });
    }

    /// Writes and syncs a group; false where the journal can't go on.
    fn commit(&mut self, group: Vec<Placed>) -> bool {
        if group.is_empty() {
            self.buffer.clear();
            return true;
        }
        let began = Instant::now();
        let written =
            self.tail.file.write_at(&self.buffer, self.tail.offset).and_then(|()| self.tail.file.sync());
        if let Err(error) = written {
            let reason = format!("writing to segment {} failed: {error}", self.tail.segment);
            tracing::error!(%reason, "the journal stops");
            *self.shared.stopped.lock() = Some(reason.clone());
            for placed in group {
                refuse(placed.request, JournalError::Stopped { reason: reason.clone() });
            }
            return false;
        }
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.last_sync_micros.store(micros, Ordering::Relaxed);
        self.shared.syncs.observe(micros);
        self.shared.groups.observe(group.len() as u64);
        self.tail.offset += self.buffer.len() as u64;
        self.buffer.clear();
        if self.buffer.capacity() > 2 * MAX_GROUP {
            self.buffer = Vec::new();
        }
        if self.shared.durable.swap(self.tail.last.0, Ordering::AcqRel) < self.tail.last.0 {
            self.shared.newest.store(self.tail.segment, Ordering::Release);
        }
        let mut indexed = Vec::with_capacity(group.len());
        let mut replies = Vec::with_capacity(group.len());
        for Placed { request, position, place } in group {
            let Request { kind, job, first, count, index, reply, .. } = request;
            replies.extend(reply.map(|reply| (reply, position)));
            indexed.push(Indexed { kind, job, first, count, position, place, entry: index });
        }
        // First the index, so that who is answered may flush it.
        self.index.follow(indexed, self.tail.last);
        for (reply, position) in replies {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(position));
        }
        self.heads.forget(self.index.followed());
        true
    }

    /// Goes on in the next segment.
    fn roll(&mut self, len: u64) -> Result<(), JournalError> {
        let needed = MAGIC.len() as u64 + len;
        let wanted = self.segment_bytes.max(needed);
        let file = self.next.take(self.tail.segment + 1, wanted)?;
        self.tail.segment += 1;
        self.tail.file = file;
        self.tail.offset = MAGIC.len() as u64;
        self.tail.len = wanted;
        self.shared.segments.fetch_add(1, Ordering::Relaxed);
        self.shared.bytes.fetch_add(wanted, Ordering::Relaxed);
        Ok(())
    }

    fn refuse_for_ever(&self, waiting: Option<Request>, inbox: &mpsc::Receiver<Request>) {
        let reason = self.shared.stopped.lock().clone().unwrap_or_default();
        for request in waiting.into_iter().chain(inbox.iter()) {
            refuse(request, JournalError::Stopped { reason: reason.clone() });
        }
    }
}

fn refuse(request: Request, error: JournalError) {
    if let Some(reply) = request.reply {
        let _ = reply.send(Err(error));
    }
}

/// A segment's number and bytes, and what came of it.
type Made = (u64, u64, io::Result<Box<dyn File>>);

/// Lays out the next segment while the current one is written.
struct Next {
    orders: mpsc::Sender<(u64, u64)>,
    made: mpsc::Receiver<Made>,
    /// One is ordered and not taken yet.
    under_way: bool,
    usual_bytes: u64,
    /// Last, so that the thread has been told to end when it is waited for.
    _thread: Joined,
}

impl Next {
    fn new(disk: Arc<dyn Disk>, folder: PathBuf, segment_bytes: u64, first: u64) -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel::<(u64, u64)>();
        let (done, made) = mpsc::channel();
        let named = std::thread::Builder::new().name("journal-segments".to_owned());
        let thread = named.spawn(move || {
            for (number, bytes) in ordered {
                let file = segment::lay_out(&*disk, &folder, number, bytes);
                if done.send((number, bytes, file)).is_err() {
                    return;
                }
            }
        })?;
        let mut next =
            Self { orders, made, under_way: false, usual_bytes: segment_bytes, _thread: Joined::new(thread) };
        next.order(first, segment_bytes);
        Ok(next)
    }

    fn order(&mut self, number: u64, bytes: u64) {
        if self.orders.send((number, bytes)).is_ok() {
            self.under_way = true;
        }
    }

    /// The segment of that number, of at least so many bytes; and the one after it is begun.
    fn take(&mut self, number: u64, bytes: u64) -> Result<Box<dyn File>, JournalError> {
        // One try with what was laid out beforehand, which may have failed long ago or be too small; one anew.
        for _ in 0..2 {
            if !self.under_way {
                self.order(number, bytes);
            }
            let Ok((made, size, file)) = self.made.recv() else { return Err(gone()) };
            self.under_way = false;
            match file {
                Ok(file) if made == number && size >= bytes => {
                    self.order(number + 1, self.usual_bytes);
                    return Ok(file);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
                Err(error) => tracing::warn!(%error, "a segment could not be laid out"),
            }
        }
        Err(JournalError::Full)
    }
}
