//! What is checked while the orchestrator runs and at the end: slots, the live stream, and that nothing is left over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    event::Event,
    ids::{AttemptId, JobId, Name},
};
use orchestrator::{clock::World as _, core::Core, live::Happening};
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::TryRecvError};

use crate::{clock::short, disk::Disk, stage::Stage, witness::Shadow};

/// How long a plan may differ from what is durable: a grant or an end may be under way.
const UNDER_WAY: u64 = 30_000;

/// How long a deadline may have passed when nothing keeps the orchestrator from seeing it.
const LATE: u64 = 20_000;
/// After the clock was set, far deadlines are looked for within a minute.
const AFTER_JUMP: u64 = 65_000;

/// The checks of a run.
#[derive(Debug)]
pub struct Checks {
    stage: Arc<Stage>,
    /// Slots that differ, and since when.
    differ: BTreeMap<(Name, AttemptId), u64>,
    /// Jobs whose deadline has passed, and since when that could have been seen.
    overdue: BTreeMap<JobId, u64>,
    stream: Mutex<Option<broadcast::Receiver<Happening>>>,
    /// How many events of each job the stream has shown, from when on it is known.
    shown: BTreeMap<JobId, u64>,
    /// When all jobs had ended.
    pub ended_at: Option<u64>,
    /// When people last answered what waits for them.
    pub answered_at: u64,
}

impl Checks {
    /// Before anything has happened.
    #[must_use]
    pub fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            differ: BTreeMap::new(),
            overdue: BTreeMap::new(),
            stream: Mutex::new(None),
            shown: BTreeMap::new(),
            ended_at: None,
            answered_at: 0,
        }
    }

    /// A process of the orchestrator begins.
    pub fn begin(&mut self, core: &Core) {
        *self.stream.lock() = Some(core.live().subscribe());
        self.differ.clear();
        self.overdue.clear();
        self.shown.clear();
    }

    /// Looks at the orchestrator between two steps.
    pub fn look(&mut self, core: &Core, disk: &Disk) {
        self.stream();
        if disk.is_idle() {
            self.slots(core);
        }
        self.deadlines(disk);
    }

    /// Whether going on shows nothing more: something is wrong already.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        !self.stage.witness.lock().violations.is_empty()
    }

    /// What the plans hold is what is under way.
    fn slots(&mut self, core: &Core) {
        let now = self.stage.clock.steady();
        let mut differ = BTreeMap::new();
        for (service, member) in core.fleet().members() {
            let held: BTreeSet<AttemptId> = member.plan(|plan| plan.slots().keys().copied().collect());
            let live = self.stage.witness.lock().under_way(service);
            for attempt in held.symmetric_difference(&live) {
                let key = (service.clone(), *attempt);
                let since = self.differ.get(&key).copied().unwrap_or(now);
                differ.insert(key, since);
            }
        }
        self.differ = differ;
        let old = self.differ.iter().find(|(_, since)| now.saturating_sub(**since) > UNDER_WAY);
        if let Some(((service, attempt), _)) = old {
            let held = core
                .fleet()
                .member(service)
                .is_some_and(|member| member.plan(|plan| plan.slots().contains_key(attempt)));
            let what = if held { "has a slot and is not under way" } else { "is under way and has no slot" };
            self.stage.violated("slots", format!("attempt {} at {service} {what}", short(attempt.0)));
        }
    }

    /// Deadlines are seen when they pass, also after the clock was set.
    fn deadlines(&mut self, disk: &Disk) {
        let (steady, now) = (self.stage.clock.steady(), self.stage.clock.now());
        let mut overdue = BTreeMap::new();
        if disk.can_write() && self.stage.clock.since_jump() > AFTER_JUMP {
            let witness = self.stage.witness.lock();
            let passed =
                witness.live().filter(|(_, shadow)| shadow.job.next_deadline().is_some_and(|at| at < now));
            overdue.extend(passed.map(|(job, _)| (*job, self.overdue.get(job).copied().unwrap_or(steady))));
        }
        self.overdue = overdue;
        let late = self.overdue.iter().find(|(_, since)| steady.saturating_sub(**since) > LATE);
        if let Some((job, since)) = late {
            let late = steady.saturating_sub(*since) / 1000;
            self.stage
                .violated("late", format!("job {} has a deadline that passed {late} s ago", short(job.0)));
        }
    }

    /// The live stream shows the journal: each event when it is durable, in order, none left out.
    fn stream(&mut self) {
        let mut seen = Vec::new();
        if let Some(stream) = self.stream.lock().as_mut() {
            loop {
                match stream.try_recv() {
                    Ok(Happening::Events(published)) => seen.push(published),
                    Ok(Happening::Progress { .. }) => {}
                    Err(TryRecvError::Lagged(_)) => self.shown.clear(),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        for published in seen {
            let job = published.job;
            let next = published.first_seq + published.events.len() as u64;
            let wrong = {
                let witness = self.stage.witness.lock();
                let durable = witness.jobs.get(&job).map_or(&[][..], |shadow| &shadow.events);
                let first = usize::try_from(published.first_seq).unwrap_or(usize::MAX);
                let same = |(at, bytes): (usize, &bytes::Bytes)| {
                    let shown: Option<Event> = serde_json::from_slice(bytes).ok();
                    durable.get(at) == shown.as_ref() && shown.is_some()
                };
                !(first..).zip(&published.events).all(same)
            };
            let gap = self.shown.insert(job, next).is_some_and(|known| known != published.first_seq);
            if wrong || gap {
                let about = format!(
                    "job {}, events from {}: {}",
                    short(job.0),
                    published.first_seq,
                    if gap { "a gap" } else { "not what is durable" }
                );
                self.stage.violated("stream", about);
            }
        }
    }

    /// All jobs have ended: nobody holds or waits for anything.
    pub fn at_the_end(&mut self, core: &Core) {
        self.stream();
        let mut wrong = Vec::new();
        for (service, member) in core.fleet().members() {
            let (slots, queue) = member.plan(|plan| (plan.slots().len(), plan.queue_len()));
            if slots + queue > 0 {
                wrong.push(format!("{service} has {slots} slots in use and {queue} runs that wait"));
            }
        }
        if !core.attempts().is_empty() {
            wrong.push(format!("{} attempts are still followed", core.attempts().len()));
        }
        {
            let witness = self.stage.witness.lock();
            for (job, shown) in &self.shown {
                let durable = witness.jobs.get(job).map_or(0, |shadow| shadow.events.len() as u64);
                if durable != *shown {
                    wrong.push(format!("the stream showed {shown} of {durable} events of {}", short(job.0)));
                }
            }
        }
        let unanswered = self.stage.history.lock().unanswered(self.stage.process());
        wrong.extend(unanswered);
        for about in wrong {
            self.stage.violated("left-over", about);
        }
    }
}

/// Where a job stands that has not ended, for people.
#[must_use]
pub fn where_it_stands(id: JobId, shadow: &Shadow) -> String {
    let runs: Vec<String> = shadow
        .job
        .open_runs()
        .map(|(at, run)| format!("{} {:?}", shadow.job.run_id(&shadow.pipeline, at), run.state))
        .collect();
    let (pipeline, state) = (&shadow.pipeline.name, &shadow.job.state);
    format!("job {} ({pipeline}) {state:?}: {}", short(id.0), runs.join(", "))
}
