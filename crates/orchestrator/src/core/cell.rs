//! A job's place in memory: its inbox, the job itself while it is loaded, and the answers that commands get.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use engine::{
    command::{Command, Rejection, Start},
    ids::{JobId, Timestamp},
    job::Job,
    pipeline::Pipeline,
};
use journal::{JournalError, Position};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Core, codec, unbroken::Unbroken};

/// What a command came to, once that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// How many events followed from it; none where everything was already as asked.
    pub events: usize,
    /// Where the last of them lies in the journal.
    pub position: Option<Position>,
}

/// Why a command changed nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// There is no such job.
    #[error("there is no job {0}")]
    UnknownJob(JobId),
    /// The job refuses it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The journal would not take it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The job can't be read: its events do not fit its definition, or the definition is lost.
    #[error("the job can't be read: {0}")]
    Unreadable(String),
    /// Another live job has the job's key.
    #[error("the key '{key}' belongs to live job {job}")]
    KeyInUse {
        /// The key.
        key: Arc<str>,
        /// Whose it is now.
        job: JobId,
    },
    /// The orchestrator is stopping.
    #[error("the orchestrator is shutting down")]
    ShuttingDown,
}

pub(super) type Look = Box<dyn FnOnce(Result<(&Pipeline, &Job), CommandError>) + Send>;
pub(super) type With = Box<dyn FnOnce(Result<&Loaded, CommandError>) + Send>;
pub(super) type Answer = oneshot::Sender<Result<Reply, CommandError>>;

/// Something in a job's inbox.
pub(super) enum Envelope {
    /// The job's first event.
    Start { pipeline: Arc<Pipeline>, start: Box<Start>, reply: Answer },
    /// A command, and who waits for its answer.
    Command {
        command: Command,
        reply: Option<Answer>,
        /// When the callback came that it follows from.
        since: Option<Instant>,
    },
    /// Somebody looks.
    Look(Look),
    /// Recovery goes on with it.
    With(With),
}

/// The job while it is in memory.
pub(super) struct Loaded {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) job: Job,
    /// What the journal's index was last told.
    pub(super) indexed: Option<Indexed>,
    /// How many events the journal's newest snapshot stands for.
    pub(super) snapshot: u64,
    /// When the timers wake the job, as far as they were told.
    pub(super) timer: Option<Timestamp>,
    /// It is not what is durable and must be read again.
    pub(super) stale: bool,
}

impl Loaded {
    /// A job as it was read.
    pub(super) fn new(pipeline: Arc<Pipeline>, job: Job, snapshot: u64) -> Self {
        let indexed = Some(codec::indexed(&job));
        Self { pipeline, job, indexed, snapshot, timer: None, stale: false }
    }
}

/// The part of an index entry that decides whether a new one is worth writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) state: &'static str,
    pub(super) deadline: Option<Timestamp>,
    pub(super) priority: u8,
    pub(super) events: u64,
}

/// A job's place in memory.
pub(super) struct JobCell {
    pub(super) id: JobId,
    inbox: Mutex<VecDeque<Envelope>>,
    /// Somebody drives: he takes what is put into the inbox.
    driven: AtomicBool,
    /// Only the driver locks it, so it never waits.
    pub(super) loaded: tokio::sync::Mutex<Option<Loaded>>,
    pub(super) last_use: AtomicU64,
}

impl JobCell {
    pub(super) fn new(id: JobId) -> Self {
        Self {
            id,
            inbox: Mutex::new(VecDeque::new()),
            driven: AtomicBool::new(false),
            loaded: tokio::sync::Mutex::new(None),
            last_use: AtomicU64::new(0),
        }
    }

    /// Takes everything that waits.
    pub(super) fn take_inbox(&self) -> VecDeque<Envelope> {
        std::mem::take(&mut *self.inbox.lock())
    }

    /// The driver puts back what he has taken and could not answer: it comes first in his next round.
    pub(super) fn put_back(&self, envelopes: impl Iterator<Item = Envelope>) {
        let mut inbox = self.inbox.lock();
        let later = std::mem::take(&mut *inbox);
        inbox.extend(envelopes);
        inbox.extend(later);
    }

    /// Puts something in; true where the caller must see to it that somebody drives.
    pub(super) fn put(&self, envelope: Envelope) -> bool {
        self.inbox.lock().push_back(envelope);
        !self.driven.swap(true, Ordering::AcqRel)
    }

    /// The driver has found the inbox empty and stops; true where something came in meanwhile and he must go on.
    pub(super) fn stop_driving(&self) -> bool {
        self.driven.store(false, Ordering::Release);
        !self.inbox.lock().is_empty() && !self.driven.swap(true, Ordering::AcqRel)
    }

    /// Whether nobody drives and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        !self.driven.load(Ordering::Acquire) && self.inbox.lock().is_empty()
    }
}

impl Core {
    /// The job's cell, made where it is not in memory: the driver loads the job, or finds that there is none.
    pub(super) fn cell(&self, job: JobId) -> Arc<JobCell> {
        let cell = match self.inner.cells.get(&job) {
            Some(cell) => cell.clone(),
            None => self.inner.cells.entry(job).or_insert_with(|| Arc::new(JobCell::new(job))).clone(),
        };
        self.note_use(&cell);
        cell
    }

    /// A cell is used: it leaves memory later than those that were used before, and now and then room is made for it.
    pub(super) fn note_use(&self, cell: &JobCell) {
        let uses = self.inner.uses.fetch_add(1, Ordering::Relaxed);
        cell.last_use.store(uses, Ordering::Relaxed);
        if uses.is_multiple_of(super::memory::LOOK_EVERY) {
            self.put_out_surplus();
        }
    }

    pub(super) fn push(&self, cell: &Arc<JobCell>, envelope: Envelope) {
        if cell.put(envelope) {
            let (core, cell) = (self.clone(), cell.clone());
            tokio::spawn(async move { core.drive(cell).await });
        }
    }

    /// Does something with a job as it is loaded.
    pub(super) async fn with_loaded(
        &self,
        job: JobId,
        act: impl FnOnce(&Loaded) + Send + 'static,
    ) -> Result<(), CommandError> {
        let (answer, done) = oneshot::channel();
        let with = Box::new(move |found: Result<&Loaded, CommandError>| {
            let _ = answer.send(found.map(act));
        });
        self.push(&self.cell(job), Envelope::With(with));
        done.await.unwrap_or(Err(CommandError::ShuttingDown))
    }

    pub(super) async fn submit_to(
        &self,
        cell: &Arc<JobCell>,
        envelope: Envelope,
        answer: oneshot::Receiver<Result<Reply, CommandError>>,
    ) -> Result<Reply, CommandError> {
        if cell.put(envelope) {
            return self.drive_here(cell, answer).await;
        }
        answer.await.unwrap_or(Err(CommandError::ShuttingDown))
    }

    /// Drives a job in the task of whoever waits for its answer.
    pub(super) async fn drive_here(
        &self,
        cell: &Arc<JobCell>,
        answer: oneshot::Receiver<Result<Reply, CommandError>>,
    ) -> Result<Reply, CommandError> {
        let (core, cell) = (self.clone(), cell.clone());
        Unbroken::new(async move { core.drive_once(cell).await }).await;
        answer.await.unwrap_or(Err(CommandError::ShuttingDown))
    }
}
