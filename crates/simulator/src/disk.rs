//! A journal in memory that is as bad as a disk may be: slow, full, broken off at a sync, or gone with the process in the
//! middle of one. What was durable survives every crash.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use engine::ids::JobId;
use futures::{FutureExt, future};
use journal::{
    Answer, Batch, Counts, FeedItem, Health, Journal, JournalError, MemoryJournal, Page, Position, Query,
    Retained, RetentionPolicy, Snapshot, Stored,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    dice::Dice,
    scenario::{Fault, Faults},
    stage::Stage,
};

type Waiter = oneshot::Sender<Result<Position, JournalError>>;

/// The journal of a run.
#[derive(Clone)]
pub struct Disk {
    stage: Arc<Stage>,
    durable: MemoryJournal,
    state: Arc<Mutex<State>>,
    /// Which process this is the journal of.
    process: u64,
}

struct State {
    /// Handed over, not yet durable.
    pending: VecDeque<(Batch, Waiter)>,
    syncing: bool,
    full: bool,
    stopped: bool,
    faults: Faults,
    dice: Dice,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disk of process {}", self.process)
    }
}

impl Disk {
    /// An empty one.
    #[must_use]
    pub fn new(stage: Arc<Stage>, faults: Faults, seed: u64) -> Self {
        let state = State {
            pending: VecDeque::new(),
            syncing: false,
            full: false,
            stopped: false,
            faults,
            dice: Dice::of(seed, "disk", 0),
        };
        Self { stage, durable: MemoryJournal::default(), state: Arc::new(Mutex::new(state)), process: 0 }
    }

    /// The same disk, opened by the next process.
    #[must_use]
    pub fn reopened(&self) -> Self {
        {
            let mut state = self.state.lock();
            state.pending.clear();
            state.syncing = false;
            state.stopped = false;
        }
        Self { process: self.process + 1, ..self.clone() }
    }

    /// Full, or with room again.
    pub fn set_full(&self, full: bool) {
        self.state.lock().full = full;
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.faults = Faults::default();
        state.full = false;
    }

    /// Whether there is room and no sync has failed.
    #[must_use]
    pub fn can_write(&self) -> bool {
        let state = self.state.lock();
        !state.full && !state.stopped
    }

    /// Whether nothing is being written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.lock().pending.is_empty()
    }

    /// The process is killed: some of what was being written is there, the oldest first.
    pub fn cut_off(&self) {
        let mut state = self.state.lock();
        let survive = {
            let pending = state.pending.len() as u64;
            state.dice.below(pending + 1)
        };
        for _ in 0..survive {
            let Some((batch, _)) = state.pending.pop_front() else { break };
            let _there = self.write(batch);
        }
    }

    fn write(&self, batch: Batch) -> Result<Position, JournalError> {
        let written = self.durable.append(batch.clone()).now_or_never();
        let written = written.unwrap_or(Err(JournalError::NotABatch("memory took its time")));
        match &written {
            Ok(_) => self.stage.witness.lock().commit(&batch),
            Err(error) => self.stage.violated("disk", error.to_string()),
        }
        written
    }

    /// A driver must know how many events its job has: nobody else appends to it.
    fn check_place(&self, state: &State, batch: &Batch) -> Result<(), JournalError> {
        let durable = self.stage.witness.lock().jobs.get(&batch.job).map_or(0, |shadow| shadow.events.len());
        let pending = state.pending.iter().filter(|(other, _)| other.job == batch.job);
        let actual = durable + pending.map(|(other, _)| other.events.len()).sum::<usize>();
        let actual = actual as u64;
        if actual == batch.expected {
            return Ok(());
        }
        let (job, expected) = (batch.job, batch.expected);
        let error = JournalError::Conflict { job, expected, actual };
        self.stage.violated("one-driver", error.to_string());
        Err(error)
    }

    fn take(&self, batch: Batch) -> Answer<Position> {
        if !self.stage.is_running(self.process) {
            return future::pending().boxed();
        }
        let mut state = self.state.lock();
        let refused = if state.stopped {
            Err(JournalError::Stopped { reason: "a sync failed".to_owned() })
        } else if state.full {
            Err(JournalError::Full)
        } else {
            self.check_place(&state, &batch)
        };
        if let Err(error) = refused {
            return future::ready(Err(error)).boxed();
        }
        let (answer, written) = oneshot::channel();
        state.pending.push_back((batch, answer));
        if state.faults.has(Fault::CrashAtAppend) && state.dice.chance(4) {
            drop(state);
            self.stage.crash("at an append");
            return future::pending().boxed();
        }
        if !state.syncing {
            state.syncing = true;
            let disk = self.clone();
            tokio::spawn(async move { disk.sync().await });
        }
        async move { written.await.unwrap_or_else(|_| Err(stopped())) }.boxed()
    }

    /// Writes what is there, and again until nothing is.
    async fn sync(&self) {
        loop {
            let (count, takes) = {
                let mut state = self.state.lock();
                let slow = state.faults.has(Fault::DiskSlow) && state.dice.chance(50);
                let takes = if slow { state.dice.millis(50, 4_000) } else { state.dice.millis(0, 3) };
                (state.pending.len(), takes)
            };
            nap(takes).await;
            if !self.stage.is_running(self.process) {
                return;
            }
            let mut state = self.state.lock();
            if state.faults.has(Fault::DiskStops) && state.dice.chance(3) {
                return self.stop(&mut state);
            }
            for _ in 0..count {
                let Some((batch, answer)) = state.pending.pop_front() else { break };
                let written = self.write(batch);
                let _ = answer.send(written);
            }
            if state.pending.is_empty() {
                state.syncing = false;
                return;
            }
        }
    }

    /// A sync failed: nobody knows what is there.
    fn stop(&self, state: &mut State) {
        let survive = state.dice.below(state.pending.len() as u64 + 1);
        for _ in 0..survive {
            let Some((batch, answer)) = state.pending.pop_front() else { break };
            let _there = self.write(batch);
            let _ = answer.send(Err(stopped()));
        }
        for (_, answer) in state.pending.drain(..) {
            let _ = answer.send(Err(stopped()));
        }
        state.stopped = true;
        state.syncing = false;
        self.stage.note(|| "the disk stops".to_owned());
    }

    /// A question: answered by what is durable when it is.
    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&MemoryJournal) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let disk = self.clone();
        async move {
            let takes = {
                let mut state = disk.state.lock();
                let slow = state.faults.has(Fault::DiskSlow) && state.dice.chance(30);
                if slow { state.dice.millis(1, 300) } else { state.dice.millis(0, 1) }
            };
            nap(takes).await;
            ask(&disk.durable).await
        }
        .boxed()
    }
}

fn stopped() -> JournalError {
    JournalError::Stopped { reason: "a sync failed".to_owned() }
}

async fn nap(takes: Duration) {
    if takes.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(takes).await;
    }
}

impl Journal for Disk {
    fn append(&self, batch: Batch) -> Answer<Position> {
        self.take(batch)
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.ask(move |durable| durable.snapshot(job, snapshot))
    }

    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.ask(move |durable| durable.load(job))
    }

    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.ask(move |durable| durable.load_many(jobs))
    }

    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, bytes::Bytes)>> {
        self.ask(move |durable| durable.history(job, from, limit))
    }

    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.ask(move |durable| durable.feed(after, limit))
    }

    fn list(&self, query: Query) -> Answer<Page> {
        self.ask(move |durable| durable.list(query))
    }

    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.ask(move |durable| durable.find_live(pipeline, key))
    }

    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.ask(move |durable| durable.live_jobs(after, limit))
    }

    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.ask(move |durable| durable.due(until, limit))
    }

    fn counts(&self) -> Answer<Counts> {
        self.ask(Journal::counts)
    }

    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        self.ask(move |durable| durable.put_definition(hash, text))
    }

    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.ask(move |durable| durable.definition(hash))
    }

    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.ask(move |durable| durable.retain(now, policy))
    }

    fn health(&self) -> Health {
        let stopped = self.state.lock().stopped.then(|| "a sync failed".to_owned());
        Health { stopped, ..Health::default() }
    }
}

/// How many slots each service has.
#[must_use]
pub fn capacities(
    services: &BTreeMap<engine::ids::Name, orchestrator::config::ServiceConfig>,
) -> BTreeMap<engine::ids::Name, usize> {
    services.iter().map(|(name, config)| (name.clone(), config.limits.capacity as usize)).collect()
}
