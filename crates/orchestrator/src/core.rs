//! Decide, append, apply, act: the one way in which anything happens to a job.
//!
//! Every job has a cell with an inbox and at most one driver at a time. The driver takes everything that waits in
//! the inbox, decides it in order against the job as it grows, appends the events of all of it once, and only then answers,
//! publishes and carries out effects. So a map of 10,000 callbacks costs a few syncs, two callbacks arriving together are
//! decided one after the other, and nobody ever sees a state that a crash could take back.
//!
//! Runs that become ready in a decision are given their slots in the same decision where the service's plan allows, so that
//! a callback and the start of what follows are durable in one sync.

mod act;
mod again;
mod cell;
mod codec;
mod drive;
mod fleet;
mod keys;
mod memory;
mod recover;
mod references;
mod unbroken;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use arc_swap::ArcSwap;
pub use cell::{CommandError, Reply};
use cell::{Envelope, JobCell};
pub(crate) use codec::index_entry;
pub use codec::{decode, public_state};
use dashmap::{DashMap, DashSet};
use engine::{
    command::{Command, Start},
    ids::{AttemptId, JobId, Name},
    job::Job,
    pipeline::{DefinitionHash, Pipeline},
};
pub use fleet::{Fleet, Member};
use journal::Journal;
pub use recover::Recovered;
use tokio::sync::{SetOnce, mpsc, oneshot};

use crate::{
    attempts::{Attempts, Progress},
    clock::World,
    estimates::background::Estimates,
    live::Live,
    memo::Memo,
    metrics::Metrics,
    outbound::Outbound,
    timers::{Due, Timers},
};

/// Everything that the orchestrator holds; cheap to clone.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

/// What [`Core::new`] needs.
#[expect(missing_debug_implementations, reason = "only handed over, never shown")]
pub struct Parts {
    /// Where events go.
    pub journal: Arc<dyn Journal>,
    /// Time and ids.
    pub world: Arc<dyn World>,
    /// Calls to services.
    pub outbound: Arc<dyn Outbound>,
    /// The services' plans.
    pub fleet: Fleet,
    /// Earlier results.
    pub memo: Memo,
    /// The pipelines that new jobs may have.
    pub pipelines: Vec<Arc<Pipeline>>,
}

struct Inner {
    journal: Arc<dyn Journal>,
    world: Arc<dyn World>,
    outbound: Arc<dyn Outbound>,
    fleet: Fleet,
    memo: Memo,
    estimates: Estimates,
    timers: Timers,
    live: Live,
    metrics: Metrics,
    attempts: Attempts,
    cells: DashMap<JobId, Arc<JobCell>>,
    /// Live jobs by pipeline and key.
    keys: DashMap<(Name, Arc<str>), JobId>,
    pipelines: ArcSwap<BTreeMap<Name, Arc<Pipeline>>>,
    definitions: DashMap<DefinitionHash, Arc<Pipeline>>,
    /// Definitions that the journal has.
    kept: DashSet<DefinitionHash>,
    /// Attempts that were accepted, to be noted in the journal if they last.
    accepted: mpsc::Sender<(JobId, AttemptId)>,
    /// Jobs that have ended, the latest last: these leave memory first.
    ended: parking_lot::Mutex<memory::Ended>,
    /// Set when every key and slot in use is known; nothing is decided before.
    known: SetOnce<()>,
    /// Cancelled once the journal has said that another one leads.
    fenced: tokio_util::sync::CancellationToken,
    /// Bumped by every use of a cell, so that the ones used least can leave memory.
    uses: std::sync::atomic::AtomicU64,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({} jobs in memory)", self.inner.cells.len())
    }
}

/// What a start came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// A new job.
    New(JobId),
    /// There is a live job with that key, and the pipeline says that it is the answer, or the same start was made before.
    Existing(JobId),
}

/// Why a job was not started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The key belongs to a live job.
    #[error("the key '{key}' belongs to live job {job}")]
    KeyInUse {
        /// The key.
        key: Arc<str>,
        /// Whose it is.
        job: JobId,
    },
    /// The journal would not take it.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Core {
    /// Puts the parts together. Whoever asks for something waits until [`Core::recover`] knows what is in use already; nothing
    /// happens by itself before [`Core::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (accepted, later) = mpsc::channel(act::NOTES);
        let pipelines: BTreeMap<Name, Arc<Pipeline>> =
            parts.pipelines.iter().map(|pipeline| (pipeline.name.clone(), pipeline.clone())).collect();
        let definitions = DashMap::new();
        for pipeline in &parts.pipelines {
            definitions.insert(pipeline.hash, pipeline.clone());
        }
        let services = parts.fleet.members().map(|(name, _)| name.clone());
        let metrics = Metrics::new(services, pipelines.keys().cloned());
        let core = Self {
            inner: Arc::new(Inner {
                journal: parts.journal,
                world: parts.world,
                outbound: parts.outbound,
                estimates: Estimates::new(parts.fleet.clone()),
                fleet: parts.fleet,
                memo: parts.memo,
                timers: Timers::default(),
                live: Live::default(),
                metrics,
                attempts: Attempts::default(),
                cells: DashMap::new(),
                keys: DashMap::new(),
                pipelines: ArcSwap::from_pointee(pipelines),
                definitions,
                kept: DashSet::new(),
                accepted,
                ended: parking_lot::Mutex::default(),
                known: SetOnce::new(),
                fenced: tokio_util::sync::CancellationToken::new(),
                uses: std::sync::atomic::AtomicU64::new(0),
            }),
        };
        act::note_acceptances(core.clone(), later);
        core
    }

    /// Starts a job.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been started then.
    pub async fn start(&self, pipeline: Arc<Pipeline>, start: Start) -> Result<Started, StartError> {
        let slot = (pipeline.name.clone(), start.key.clone());
        let (job, idempotency_key) = (start.job, start.idempotency_key.clone());
        let cell = Arc::new(JobCell::new(job));
        let (reply, answer) = oneshot::channel();
        let mut envelope = Some(Envelope::Start { pipeline, start: Box::new(start), reply });
        let begin = || {
            if let Some(envelope) = envelope.take() {
                cell.put(envelope);
                self.inner.cells.insert(job, cell.clone());
            }
        };
        if let Some(holder) = self.take_key(&slot, job, begin).await? {
            let is_same_start =
                idempotency_key.is_some() && self.idempotency_key(holder).await == idempotency_key;
            return match is_same_start {
                true => Ok(Started::Existing(holder)),
                false => Err(StartError::KeyInUse { key: slot.1, job: holder }),
            };
        }
        self.note_use(&cell);
        match self.drive_here(&cell, answer).await {
            Ok(_) => Ok(Started::New(job)),
            Err(error) => {
                self.give_key_back(&slot, job);
                self.inner.cells.remove(&job);
                Err(StartError::Command(error))
            }
        }
    }

    /// What the job was started under, so that the same start again is the same job.
    pub(crate) async fn idempotency_key(&self, job: JobId) -> Option<Arc<str>> {
        let first = self.inner.journal.history(job, 0, 1).await.ok()?;
        let event = decode(&first.first()?.2).ok()?;
        match event.kind {
            engine::event::EventKind::JobStarted { idempotency_key, .. } => idempotency_key,
            _ => None,
        }
    }

    /// A service says how far an attempt is. The attempt's job; none where it is not under way.
    pub fn progress(&self, attempt: AttemptId, said: protocol::Progress) -> Option<JobId> {
        let (done, total) = (said.done.unwrap_or_default(), said.total.unwrap_or_default());
        let progress = Progress { said, at: self.inner.world.now() };
        let (job, service) = self.inner.attempts.progress(attempt, progress.clone())?;
        self.inner.fleet.with_plan(&service, |plan| plan.progressed(attempt, done, total));
        self.inner.live.publish_progress(job, attempt, progress);
        self.heard(job, attempt);
        Some(job)
    }

    /// A service has said something of an attempt: one that was suspect is well again.
    pub fn heard(&self, job: JobId, attempt: AttemptId) {
        if self.inner.attempts.clear_suspect(attempt) {
            self.tell(job, Command::Beat { attempt });
        }
    }

    /// Gives a command to a job and waits until what follows from it is durable.
    ///
    /// # Errors
    /// [`CommandError`]; nothing has changed then.
    pub async fn command(&self, job: JobId, command: Command) -> Result<Reply, CommandError> {
        self.command_since(job, command, None).await
    }

    /// As [`Core::command`]; `since` is when the callback came that it follows from, which only metrics look at.
    pub(crate) async fn command_since(
        &self,
        job: JobId,
        command: Command,
        since: Option<Instant>,
    ) -> Result<Reply, CommandError> {
        if keys::may_revive(&command) {
            self.clear_key(job).await?;
        }
        let cell = self.cell(job);
        let (reply, answer) = oneshot::channel();
        self.submit_to(&cell, Envelope::Command { command, reply: Some(reply), since }, answer).await
    }

    /// Gives a command to a job without waiting; what it comes to concerns nobody.
    pub fn tell(&self, job: JobId, command: Command) {
        let cell = self.cell(job);
        self.push(&cell, Envelope::Command { command, reply: None, since: None });
    }

    /// Looks at a job as of everything that is durable, and nothing more.
    ///
    /// # Errors
    /// [`CommandError::UnknownJob`], or that of the journal.
    pub async fn look<T: Send + 'static>(
        &self,
        job: JobId,
        look: impl FnOnce(&Pipeline, &Job) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, seen) = oneshot::channel();
        let look = Box::new(move |found: Result<(&Pipeline, &Job), CommandError>| {
            let _ = answer.send(found.map(|(pipeline, job)| look(pipeline, job)));
        });
        let cell = self.cell(job);
        self.push(&cell, Envelope::Look(look));
        seen.await.unwrap_or(Err(CommandError::ShuttingDown))
    }

    /// A job as of everything that is durable, with its definition.
    ///
    /// # Errors
    /// As [`Core::look`].
    pub async fn copy_of(&self, job: JobId) -> Result<(Arc<Pipeline>, Job), CommandError> {
        let copy = self.look(job, |_, job| job.clone()).await?;
        Ok((self.definition(copy.definition).await?, copy))
    }

    /// The live job of a key.
    pub async fn find_live(&self, pipeline: &Name, key: &str) -> Option<JobId> {
        self.inner.known.wait().await;
        self.inner.keys.get(&(pipeline.clone(), Arc::from(key))).map(|job| *job)
    }

    /// The pipelines that new jobs may have.
    #[must_use]
    pub fn pipelines(&self) -> Arc<BTreeMap<Name, Arc<Pipeline>>> {
        self.inner.pipelines.load_full()
    }

    /// The pipeline of that name.
    #[must_use]
    pub fn pipeline(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.inner.pipelines.load().iter().find(|(id, _)| *id.as_str() == *name).map(|(_, p)| p.clone())
    }

    /// The pipeline whose jobs are reached under `/api/{route}/…`.
    #[must_use]
    pub fn pipeline_by_route(&self, route: &str) -> Option<Arc<Pipeline>> {
        let pipelines = self.inner.pipelines.load();
        pipelines.values().find(|pipeline| pipeline.route.as_deref() == Some(route)).cloned()
    }

    /// The journal, for questions about jobs that are not in memory.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.inner.journal
    }

    /// The services' plans.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.inner.fleet
    }

    /// Earlier results.
    #[must_use]
    pub fn memo(&self) -> &Memo {
        &self.inner.memo
    }

    /// What was learned of how long work takes.
    #[must_use]
    pub fn estimates(&self) -> &Estimates {
        &self.inner.estimates
    }

    /// Calls to services.
    #[must_use]
    pub fn outbound(&self) -> &Arc<dyn Outbound> {
        &self.inner.outbound
    }

    /// What happens, as it happens.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The deadlines of the near future.
    pub(crate) fn timers(&self) -> &Timers {
        &self.inner.timers
    }

    /// What is known of attempts under way beyond what the journal says.
    #[must_use]
    pub fn attempts(&self) -> &Attempts {
        &self.inner.attempts
    }

    /// Resolves once the journal has refused something because another one leads: nothing can be changed here any more.
    pub async fn until_fenced(&self) {
        self.inner.fenced.cancelled().await;
    }

    fn note_fenced(&self, error: &CommandError) {
        if matches!(error, CommandError::Journal(journal::JournalError::Fenced { .. })) {
            self.inner.fenced.cancel();
        }
    }

    /// Time and ids.
    #[must_use]
    pub fn world(&self) -> &Arc<dyn World> {
        &self.inner.world
    }

    /// What is in the journal is only looked at: nobody waits for a recovery, and nothing is brought on.
    pub(crate) fn only_look(&self) {
        let _ = self.inner.known.set(());
    }

    /// Runs the timers until dropped.
    pub async fn run(&self) {
        loop {
            for due in self.inner.timers.due(&self.inner.world).await {
                match due {
                    Due::Job(job) => self.tell(job, Command::Tick),
                    Due::Heartbeat(attempt) => self.heartbeat_due(attempt),
                    Due::Service(service) => self.pump(&service),
                }
            }
        }
    }
}
