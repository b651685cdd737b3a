//! Sees every batch at the moment at which it becomes durable, keeps jobs of its own by replay, and checks after each what
//! must always hold. It shares nothing with the orchestrator but the engine's `apply`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    apply,
    event::{Event, EventKind},
    ids::{AttemptId, JobId, Name, Timestamp},
    invariants,
    job::{Job, JobState, RunState},
    pipeline::{DefinitionHash, Pipeline},
};
use journal::Batch;

use crate::clock::short;

/// Something that must never be, and when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule, in one word.
    pub rule: &'static str,
    /// What was seen.
    pub about: String,
}

/// A job as the durable events say.
#[derive(Debug)]
pub struct Shadow {
    /// Its definition.
    pub pipeline: Arc<Pipeline>,
    /// The job after all of them.
    pub job: Job,
    /// All of them.
    pub events: Vec<Event>,
    /// At which steps some became durable, and how many there were then.
    pub commits: Vec<(u64, usize)>,
}

impl Shadow {
    /// How many events were durable at a step.
    #[must_use]
    pub fn count_at(&self, step: u64) -> usize {
        let known = self.commits.partition_point(|(at, _)| *at <= step);
        known.checked_sub(1).map_or(0, |last| self.commits[last].1)
    }
}

/// What has become durable.
#[derive(Debug)]
pub struct Witness {
    pipelines: BTreeMap<DefinitionHash, Arc<Pipeline>>,
    capacity: BTreeMap<Name, usize>,
    /// The jobs.
    pub jobs: BTreeMap<JobId, Shadow>,
    /// How many batches there are: the time by which callers and services are judged.
    pub step: u64,
    /// What went wrong.
    pub violations: Vec<Violation>,
    live: BTreeMap<(Name, Arc<str>), JobId>,
    /// Attempts under way, by service.
    slots: BTreeMap<Name, BTreeMap<AttemptId, JobId>>,
    /// Attempts whose outcome was accepted.
    pub accepted: BTreeSet<AttemptId>,
    /// How many events there were of each kind.
    pub seen: BTreeMap<&'static str, u64>,
}

impl Witness {
    /// Before the first batch.
    #[must_use]
    pub fn new(pipelines: &[Arc<Pipeline>], capacity: BTreeMap<Name, usize>) -> Self {
        Self {
            pipelines: pipelines.iter().map(|pipeline| (pipeline.hash, pipeline.clone())).collect(),
            capacity,
            jobs: BTreeMap::new(),
            step: 0,
            violations: Vec::new(),
            live: BTreeMap::new(),
            slots: BTreeMap::new(),
            accepted: BTreeSet::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Notes a violation.
    pub fn violated(&mut self, rule: &'static str, about: String) {
        self.violations.push(Violation { rule, about });
    }

    /// A batch is durable.
    pub fn commit(&mut self, batch: &Batch) {
        self.step += 1;
        for bytes in &batch.events {
            match serde_json::from_slice::<Event>(bytes) {
                Ok(event) => self.event(batch.job, event),
                Err(error) => self.violated("readable", format!("an event can't be read: {error}")),
            }
        }
        let step = self.step;
        let Some(shadow) = self.jobs.get_mut(&batch.job) else { return };
        shadow.commits.push((step, shadow.events.len()));
        let found = invariants::check(&shadow.pipeline, &shadow.job);
        for violation in found {
            self.violated("invariant", format!("job {}: {violation}", short(batch.job.0)));
        }
        self.key_of(batch.job);
        self.slots_of(batch.job);
    }

    fn event(&mut self, id: JobId, event: Event) {
        *self.seen.entry(event.kind.name()).or_default() += 1;
        self.once(id, &event.kind);
        match self.jobs.get_mut(&id) {
            Some(shadow) => {
                let applied = apply::apply(&shadow.pipeline, &mut shadow.job, &event);
                shadow.events.push(event);
                if let Err(illegal) = applied {
                    self.violated("replay", format!("job {}: {illegal}", short(id.0)));
                }
            }
            None => self.created(id, event),
        }
    }

    fn created(&mut self, id: JobId, event: Event) {
        let EventKind::JobStarted { definition, .. } = &event.kind else {
            return self.violated("replay", format!("job {} begins with no start", short(id.0)));
        };
        let Some(pipeline) = self.pipelines.get(definition).cloned() else {
            return self.violated("replay", format!("job {} has no definition", short(id.0)));
        };
        match apply::create(&pipeline, &event) {
            Ok(job) => {
                let shadow = Shadow { pipeline, job, events: vec![event], commits: Vec::new() };
                self.jobs.insert(id, shadow);
            }
            Err(illegal) => self.violated("replay", format!("job {}: {illegal}", short(id.0))),
        }
    }

    /// What may happen once only: an attempt's outcome, its start, the start of a run.
    fn once(&mut self, id: JobId, kind: &EventKind) {
        let outcome = match kind {
            EventKind::AttemptSucceeded { attempt, .. } => Some(attempt),
            EventKind::AttemptFailed { attempt, reported: true, .. } => Some(attempt),
            _ => None,
        };
        if let Some(attempt) = outcome
            && !self.accepted.insert(*attempt)
        {
            self.violated("one-outcome", format!("attempt {} was accepted twice", short(attempt.0)));
        }
        let Some(shadow) = self.jobs.get(&id) else { return };
        let again = match kind {
            EventKind::RunReady { run, .. } => shadow.job.run_ref(&shadow.pipeline, run).and_then(|at| {
                let state = &shadow.job.run(at)?.state;
                (!matches!(state, RunState::Backoff { .. } | RunState::Failed(_) | RunState::Stopped))
                    .then(|| format!("{run} became ready again while {state:?}"))
            }),
            EventKind::AttemptStarted { attempt, .. } if shadow.job.attempts.contains_key(attempt) => {
                Some(format!("attempt {} started twice", short(attempt.0)))
            }
            _ => None,
        };
        if let Some(about) = again {
            self.violated("once", format!("job {}: {about}", short(id.0)));
        }
    }

    fn key_of(&mut self, id: JobId) {
        let Some(shadow) = self.jobs.get(&id) else { return };
        let slot = (shadow.pipeline.name.clone(), shadow.job.key.clone());
        if matches!(shadow.job.state, JobState::Ended { .. }) {
            if self.live.get(&slot) == Some(&id) {
                self.live.remove(&slot);
            }
            return;
        }
        let holder = *self.live.entry(slot.clone()).or_insert(id);
        if holder != id {
            let about = format!("jobs {} and {} live both as {slot:?}", short(holder.0), short(id.0));
            self.violated("key", about);
        }
    }

    fn slots_of(&mut self, id: JobId) {
        for held in self.slots.values_mut() {
            held.retain(|_, job| *job != id);
        }
        let Some(shadow) = self.jobs.get(&id) else { return };
        for (at, run) in shadow.job.open_runs() {
            let RunState::Live(attempt) = &run.state else { continue };
            let Some(work) = shadow.pipeline.phase(at.phase).service() else { continue };
            self.slots.entry(work.service.clone()).or_default().insert(attempt.id, id);
        }
        let over = |(service, held): (&Name, &BTreeMap<AttemptId, JobId>)| {
            let capacity = *self.capacity.get(service)?;
            (held.len() > capacity).then(|| format!("{} attempts at {service}, of {capacity}", held.len()))
        };
        let found: Vec<String> = self.slots.iter().filter_map(over).collect();
        for about in found {
            self.violated("capacity", about);
        }
    }

    /// Attempts under way at a service.
    #[must_use]
    pub fn under_way(&self, service: &Name) -> BTreeSet<AttemptId> {
        self.slots.get(service).map_or_else(BTreeSet::new, |held| held.keys().copied().collect())
    }

    /// Jobs that have not ended.
    pub fn live(&self) -> impl Iterator<Item = (&JobId, &Shadow)> {
        self.jobs.iter().filter(|(_, shadow)| !matches!(shadow.job.state, JobState::Ended { .. }))
    }

    /// When the last event of a job was decided.
    #[must_use]
    pub fn last_event(&self, job: JobId) -> Option<Timestamp> {
        self.jobs.get(&job).and_then(|shadow| shadow.events.last()).map(|event| event.at)
    }
}
