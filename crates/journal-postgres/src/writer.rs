//! The one task that appends: whatever arrived while a group was under way goes in the next.
//!
//! Nothing is delayed in the hope of more. Batches of a job that already has one in the group wait for the next, so that
//! each is judged by what the one before it came to.

mod settle;

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use engine::ids::JobId;
use futures::FutureExt;
use journal::{Answer, Batch, Health, Histogram, JournalError, Position};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Statement;

use crate::{
    connect::{Options, Session, Trouble},
    group::{self, Group, Outcome},
};

/// Most batches of a group.
pub(crate) const MAX_GROUP: usize = 1_024;
/// Most bytes of events in a group, but for a batch that has more alone.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes of a batch; the database takes a little less than a GiB at once.
const MAX_BATCH: usize = 256 * 1024 * 1024;
/// Most batches that wait, here and in the inbox each: more are turned away.
const MAX_WAITING: usize = 65_536;
/// How often a group is sent again that the database could not take just then.
const TRIES: u32 = 5;
/// The first pause before connecting again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Microseconds.
const SEND_TIMES: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];
/// Batches.
const GROUP_SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// A batch that waits to be stored.
struct Request {
    batch: Batch,
    /// The position that it must have; none: the next.
    position: Option<Position>,
    asked: Instant,
    reply: oneshot::Sender<Result<Position, JournalError>>,
}

/// The writer, as others see it. The task ends when this has gone and what was asked for is answered.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    last_send_micros: AtomicU64,
    /// Why nothing is taken any more.
    stopped: Mutex<Option<JournalError>>,
    sends: Histogram,
    groups: Histogram,
}

impl Writer {
    /// Starts to append under an epoch, after a position.
    pub(crate) fn start(options: Options, epoch: u64, last: Position) -> Self {
        let shared = Arc::new(Shared {
            last_send_micros: AtomicU64::default(),
            stopped: Mutex::default(),
            sends: Histogram::new(&SEND_TIMES),
            groups: Histogram::new(&GROUP_SIZES),
        });
        let (requests, inbox) = mpsc::channel(MAX_WAITING);
        let appender = Appender {
            options,
            epoch,
            last,
            inbox,
            waiting: VecDeque::new(),
            session: None,
            pause: PAUSES.0,
            shared: shared.clone(),
        };
        tokio::spawn(appender.run());
        Self { requests, shared }
    }

    pub(crate) fn append(&self, batch: Batch, position: Option<Position>) -> Answer<Position> {
        let bytes: usize = batch.events.iter().map(bytes::Bytes::len).sum();
        let fault = group::fault(&batch);
        let large = (bytes > MAX_BATCH).then_some(JournalError::NotABatch("it is too large"));
        if let Some(error) = fault.or(large).or_else(|| self.shared.stopped.lock().clone()) {
            return futures::future::ready(Err(error)).boxed();
        }
        let (reply, answer) = oneshot::channel();
        let request = Request { batch, position, asked: Instant::now(), reply };
        if let Err(mpsc::error::TrySendError::Full(request)) = self.requests.try_send(request) {
            // Where the task is gone, the reply is dropped with the request.
            refuse([request], &JournalError::Away { reason: "too many events wait for it".to_owned() });
        }
        let shared = self.shared.clone();
        async move {
            answer.await.unwrap_or_else(|_| Err(shared.stopped.lock().clone().unwrap_or_else(gone)))
        }
        .boxed()
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            last_sync: Duration::from_micros(self.shared.last_send_micros.load(Ordering::Relaxed)),
            syncs: self.shared.sends.read(),
            groups: self.shared.groups.read(),
            stopped: self.shared.stopped.lock().as_ref().map(ToString::to_string),
            ..Health::default()
        }
    }
}

fn gone() -> JournalError {
    JournalError::Stopped { reason: "its writer is gone".to_owned() }
}

/// What appends.
struct Appender {
    options: Options,
    epoch: u64,
    /// The last position that was given out.
    last: Position,
    inbox: mpsc::Receiver<Request>,
    /// In the order in which they go.
    waiting: VecDeque<Request>,
    session: Option<(Session, Statement)>,
    /// Before connecting again.
    pause: Duration,
    shared: Arc<Shared>,
}

impl Appender {
    async fn run(mut self) {
        loop {
            self.take_in();
            if self.waiting.is_empty() {
                let Some(request) = self.inbox.recv().await else { return };
                self.waiting.push_back(request);
                continue;
            }
            if !self.connect().await {
                continue;
            }
            let (group, requests) = self.gather();
            if let Err(stopped) = self.store(group, requests).await {
                tracing::error!(reason = %stopped, "the journal stops");
                *self.shared.stopped.lock() = Some(stopped.clone());
                self.inbox.close();
                while let Ok(request) = self.inbox.try_recv() {
                    self.waiting.push_back(request);
                }
                refuse(self.waiting, &stopped);
                return;
            }
        }
    }

    /// Takes in what was asked for meanwhile.
    fn take_in(&mut self) {
        while self.waiting.len() < MAX_WAITING
            && let Ok(request) = self.inbox.try_recv()
        {
            self.waiting.push_back(request);
        }
    }

    /// Takes what goes next: at most one batch of each job.
    fn gather(&mut self) -> (Group, Vec<Request>) {
        let (mut group, mut requests) = (Group::after(self.last), Vec::new());
        let (mut jobs, mut later, mut bytes) = (HashSet::<JobId>::new(), Vec::new(), 0);
        while group.len() < MAX_GROUP && bytes < MAX_BYTES {
            let Some(request) = self.waiting.pop_front() else { break };
            if !jobs.insert(request.batch.job) {
                let in_order = request.position.is_some();
                later.push(request);
                if in_order {
                    break;
                }
                continue;
            }
            let position = request.position.unwrap_or_else(|| Position(group.last().0 + 1));
            if position <= group.last() {
                let error = JournalError::NotABatch("its position is before that of another");
                refuse([request], &error);
                continue;
            }
            bytes += request.batch.events.iter().map(bytes::Bytes::len).sum::<usize>();
            group.add(&request.batch, position);
            requests.push(request);
        }
        self.put_back(later);
        (group, requests)
    }

    fn put_back(&mut self, requests: Vec<Request>) {
        for request in requests.into_iter().rev() {
            self.waiting.push_front(request);
        }
    }

    /// Stores a group and answers it. What it could not store for a reason that passes waits again.
    async fn store(&mut self, group: Group, requests: Vec<Request>) -> Result<(), JournalError> {
        let mut tries = 0;
        while let Some((session, append)) = &self.session {
            let began = Instant::now();
            match group.send(session, append, self.epoch).await {
                Ok(Outcome::Taken(jobs)) => {
                    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                    self.shared.last_send_micros.store(micros, Ordering::Relaxed);
                    self.shared.sends.observe(micros);
                    self.shared.groups.observe(group.len() as u64);
                    self.last = group.last();
                    self.answer(&group, requests, &jobs.into_iter().collect()).await;
                    return Ok(());
                }
                Ok(Outcome::Moved) => {
                    let moved = self.moved(&group).await;
                    self.put_back(requests);
                    return moved;
                }
                Err(Trouble::Again(reason)) if tries < TRIES => {
                    tries += 1;
                    tracing::warn!(reason, "the database could not take events; they are sent again");
                    tokio::time::sleep(PAUSES.0 * tries).await;
                }
                Err(Trouble::Lost(reason)) => {
                    tracing::warn!(reason, "the connection to the journal broke; connecting again");
                    self.session = None;
                    return self.settle(group, requests).await;
                }
                Err(Trouble::Refused(error)) if requests.len() > 1 && error != JournalError::Full => {
                    tracing::warn!(%error, "the database refused a group; its batches are sent one by one");
                    self.one_by_one(requests).await?;
                    return Ok(());
                }
                Err(trouble) => {
                    refuse(requests, &trouble.into_error());
                    return Ok(());
                }
            }
        }
        self.put_back(requests);
        Ok(())
    }

    /// One of them is at fault; the others must not fail with it.
    async fn one_by_one(&mut self, requests: Vec<Request>) -> Result<(), JournalError> {
        let others = mem::take(&mut self.waiting);
        for request in requests {
            self.waiting.push_back(request);
            while !self.waiting.is_empty() && self.connect().await {
                let (group, requests) = self.gather();
                if let Err(stopped) = Box::pin(self.store(group, requests)).await {
                    self.waiting.extend(others);
                    return Err(stopped);
                }
            }
        }
        self.waiting.extend(others);
        Ok(())
    }

    /// Answers a group that was committed but for those of its batches that did not follow on what was there.
    async fn answer(&mut self, group: &Group, requests: Vec<Request>, taken: &HashSet<uuid::Uuid>) {
        let (_, _, positions) = group.places();
        let mut conflicts = Vec::new();
        for (request, position) in requests.into_iter().zip(positions) {
            if taken.contains(&request.batch.job.0) {
                // Whoever asked may have gone.
                let _ = request.reply.send(Ok(Position(group::count(*position))));
            } else {
                conflicts.push(request);
            }
        }
        if conflicts.is_empty() {
            return;
        }
        let jobs: Vec<JobId> = conflicts.iter().map(|request| request.batch.job).collect();
        match self.heads_of(&jobs).await {
            Ok(heads) => {
                for request in conflicts {
                    let Batch { job, expected, .. } = request.batch;
                    let actual = heads.get(&job).copied().unwrap_or(0);
                    let _ = request.reply.send(Err(group::conflict(job, expected, actual)));
                }
            }
            Err(trouble) => {
                tracing::warn!(?trouble, "what a job has can't be asked; its events are sent again");
                self.session = None;
                self.put_back(conflicts);
            }
        }
    }

    /// Sees to it that there is a connection; false where all who waited for one have been told that there is none.
    async fn connect(&mut self) -> bool {
        loop {
            if self.session.as_ref().is_some_and(|(session, _)| !session.is_closed()) {
                self.pause = PAUSES.0;
                return true;
            }
            self.session = None;
            let reason = match self.try_to_connect().await {
                Ok(()) => continue,
                Err(trouble) => trouble.into_error(),
            };
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSES.1);
            self.take_in();
            self.give_up(&reason);
            if self.waiting.is_empty() {
                return false;
            }
        }
    }

    /// Tells those who have waited for long.
    fn give_up(&mut self, reason: &JournalError) {
        let patience = self.options.patience;
        let all = mem::take(&mut self.waiting).into_iter();
        let (late, waiting): (Vec<_>, Vec<_>) = all.partition(|request| request.asked.elapsed() >= patience);
        self.waiting = waiting.into();
        refuse(late, reason);
    }

    async fn try_to_connect(&mut self) -> Result<(), Trouble> {
        // Those who wait must hear in time, however long connecting takes.
        let connecting = async {
            let session = self.options.connect_soon("appends", None).await?;
            session.set(&group::SESSION).await.map_err(|error| Trouble::of(&error))?;
            let append = group::prepare(&session).await?;
            Ok((session, append))
        };
        let patience = self.options.patience.max(Duration::from_millis(500));
        self.session = Some(
            tokio::time::timeout(patience, connecting)
                .await
                .unwrap_or_else(|_| Err(Trouble::Lost("the database does not answer".to_owned())))?,
        );
        Ok(())
    }
}

fn refuse(requests: impl IntoIterator<Item = Request>, error: &JournalError) {
    for request in requests {
        let _ = request.reply.send(Err(error.clone()));
    }
}
