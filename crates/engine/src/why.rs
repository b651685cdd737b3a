//! Why a job is not moving: what each phase waits for, and what that waits for in turn, down to the attempt that runs or the
//! job that holds the slot.
//!
//! Built from the job and its pipeline alone. What only a service's plan knows (whose slots, which rate) is asked for by a
//! function, so that this stays pure; what only the live process knows (progress, when an attempt was last heard) is for the
//! caller to add, by [`Cause::run`].

mod words;

use std::collections::BTreeSet;

use crate::{
    ids::{JobId, Name, PhaseIndex, RunId, Timestamp},
    job::{Job, JobState, PhaseState, PhaseStatus, Run, RunError, RunRef, RunState},
    pipeline::{Join, Pipeline, Trigger},
    plan::Blocked,
};

/// Runs of a map, and holders of slots, that are told one by one; the figures speak for the others.
pub const EXPLAINED: usize = 3;

/// What is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody paused the job.
    Paused,
    /// The job will fail, once what still runs is done.
    Failing {
        /// What failed.
        run: RunId,
        /// How.
        error: RunError,
    },
    /// A phase waits for its predecessors.
    Join {
        /// The phase.
        phase: Name,
        /// How many of them must have succeeded.
        join: Join,
        /// Those that are not through.
        missing: Vec<Name>,
    },
    /// A loop must end first.
    Loop {
        /// The loop.
        id: Name,
        /// Its turn, from 1.
        turn: u32,
        /// Most turns.
        max: u32,
    },
    /// A phase for failures waits until nothing runs any more.
    Drain {
        /// The phase.
        phase: Name,
    },
    /// A person must say go on.
    Approval {
        /// The phase.
        phase: Name,
    },
    /// A map is under way.
    Map {
        /// The phase.
        phase: Name,
        /// Runs in all.
        runs: usize,
        /// Of them, through.
        settled: usize,
        /// Of those, failed.
        failed: usize,
        /// Attempts under way.
        live: usize,
    },
    /// A service works.
    Works {
        /// The run.
        run: RunId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A service was offered the attempt and has not taken it yet.
    Offered {
        /// The run.
        run: RunId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A service has not been heard of.
    Silent {
        /// The run.
        run: RunId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A service was asked for a checkpoint.
    Pausing {
        /// The run.
        run: RunId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The run is tried again later.
    Backoff {
        /// The run.
        run: RunId,
        /// Attempts used up.
        attempts: u32,
        /// What the last one came to; none: the service was busy.
        error: Option<RunError>,
    },
    /// A decision from outside.
    Signal {
        /// The run.
        run: RunId,
        /// The signal.
        signal: Name,
    },
    /// The run waits for a slot.
    Slot {
        /// The run.
        run: RunId,
        /// Of which service.
        service: Name,
    },
    /// The run waits for another item of its map: so many at once are too many.
    Parallel {
        /// The run.
        run: RunId,
        /// Most at once.
        parallel: u32,
    },
    /// What the service's plan says.
    Plan {
        /// The service.
        service: Name,
        /// What holds the run back.
        blocked: Blocked,
    },
    /// A job has a slot.
    Holder {
        /// Of the service.
        service: Name,
        /// The job.
        job: JobId,
    },
}

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What is so.
    pub what: What,
    /// The run that it is about, where it is about one that is not through.
    pub run: Option<RunRef>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Until when at the latest.
    pub until: Option<Timestamp>,
    /// Because of what.
    pub because: Vec<Cause>,
}

/// Why the job is not moving; empty where it has ended. `plan` says what a service's plan holds against a run of the job that
/// waits for a slot.
#[must_use]
pub fn why(pipeline: &Pipeline, job: &Job, plan: &dyn Fn(&Name, RunRef) -> Option<Blocked>) -> Vec<Cause> {
    let mut asked = Asked { pipeline, job, plan, told: BTreeSet::new() };
    match &job.state {
        JobState::Ended { .. } => Vec::new(),
        JobState::Running => asked.phases(),
        JobState::Paused { since } => {
            vec![Cause { since: Some(*since), because: asked.phases(), ..Cause::of(What::Paused) }]
        }
        JobState::Failing(failure) => {
            let what = What::Failing { run: failure.run.clone(), error: failure.error.clone() };
            vec![Cause { because: asked.draining(), ..Cause::of(what) }]
        }
    }
}

/// The question, and the phases that were told of already.
struct Asked<'a> {
    pipeline: &'a Pipeline,
    job: &'a Job,
    plan: &'a dyn Fn(&Name, RunRef) -> Option<Blocked>,
    told: BTreeSet<PhaseIndex>,
}

impl Asked<'_> {
    /// The phases that are as far as the job has come: those under way, and those that wait for some of them. Each is told
    /// once, under the last of those that wait for it.
    fn phases(&mut self) -> Vec<Cause> {
        let near: Vec<PhaseIndex> = self.pipeline.indexes().filter(|&index| self.is_near(index)).collect();
        let last =
            |index: &PhaseIndex| !self.pipeline.phase(*index).before.iter().any(|next| near.contains(next));
        let last: Vec<PhaseIndex> = near.iter().copied().filter(last).collect();
        let mut causes: Vec<Cause> = last.into_iter().filter_map(|index| self.phase(index)).collect();
        causes.extend(near.into_iter().filter_map(|index| self.phase(index)));
        causes
    }

    /// The job fails: attempts that may still finish, and the phases for failures.
    fn draining(&mut self) -> Vec<Cause> {
        let phases: Vec<PhaseIndex> = self.pipeline.indexes().collect();
        let (failure, flow): (Vec<PhaseIndex>, Vec<PhaseIndex>) =
            phases.into_iter().partition(|&index| self.pipeline.phase(index).trigger == Trigger::Failure);
        let mut causes: Vec<Cause> = flow.into_iter().flat_map(|index| self.live_runs(index)).collect();
        for index in failure {
            let waits = self.job.phase(index).status == PhaseStatus::Pending;
            if waits && self.pipeline.phase(index).after.is_empty() {
                causes.push(Cause::of(What::Drain { phase: self.pipeline.phase(index).id.clone() }));
            } else {
                causes.extend(self.phase(index));
            }
        }
        causes
    }

    fn live_runs(&self, index: PhaseIndex) -> Vec<Cause> {
        let live = self.open_runs(index).filter(|(_, run)| matches!(run.state, RunState::Live(_)));
        live.take(EXPLAINED).filter_map(|(at, run)| self.run(at, run)).collect()
    }

    fn is_near(&self, index: PhaseIndex) -> bool {
        let phase = self.pipeline.phase(index);
        let begun = |before: &PhaseIndex| self.job.phase(*before).status != PhaseStatus::Pending;
        match self.job.phase(index).status {
            PhaseStatus::Succeeded | PhaseStatus::Failed | PhaseStatus::Skipped(_) => false,
            PhaseStatus::Active | PhaseStatus::AwaitingApproval { .. } => true,
            PhaseStatus::Pending => phase.trigger == Trigger::Flow && phase.after.iter().any(begun),
        }
    }

    fn phase(&mut self, index: PhaseIndex) -> Option<Cause> {
        if !self.told.insert(index) {
            return None;
        }
        let job = self.job;
        let (phase, state) = (self.pipeline.phase(index).id.clone(), job.phase(index));
        match state.status {
            PhaseStatus::Succeeded | PhaseStatus::Failed | PhaseStatus::Skipped(_) => None,
            PhaseStatus::Pending => self.pending(index),
            PhaseStatus::AwaitingApproval { deadline } => {
                let since = state.started_at;
                Some(Cause { since, until: Some(deadline), ..Cause::of(What::Approval { phase }) })
            }
            PhaseStatus::Active if state.mapped => Some(self.map(index, phase, state)),
            PhaseStatus::Active => self.open_runs(index).next().and_then(|(at, run)| self.run(at, run)),
        }
    }

    /// A phase whose join is not satisfied. Phases of a loop that goes on are not through, whatever they gave.
    fn pending(&mut self, index: PhaseIndex) -> Option<Cause> {
        let pipeline = self.pipeline;
        let definition = pipeline.phase(index);
        let mut missing = Vec::new();
        let mut because = Vec::new();
        for &before in &definition.after {
            let turning = self.pipeline.phase(before).in_loop.filter(|number| {
                self.pipeline.phase(before).in_loop != definition.in_loop
                    && self.job.loops[*number].ended.is_none()
            });
            if self.job.phase(before).status.is_settled() && turning.is_none() {
                continue;
            }
            missing.push(self.pipeline.phase(before).id.clone());
            match turning {
                Some(number) => because.extend(self.turning(number)),
                None => because.extend(self.phase(before)),
            }
        }
        let waits = !missing.is_empty();
        let what = What::Join { phase: definition.id.clone(), join: definition.join, missing };
        waits.then(|| Cause { because, ..Cause::of(what) })
    }

    fn turning(&mut self, number: usize) -> Option<Cause> {
        let pipeline = self.pipeline;
        let one = &pipeline.loops[number];
        let open: Vec<PhaseIndex> = one.phases.iter().copied().filter(|&phase| self.is_near(phase)).collect();
        let because: Vec<Cause> = open.into_iter().rev().filter_map(|phase| self.phase(phase)).collect();
        let what = What::Loop { id: one.id.clone(), turn: self.job.loops[number].turn, max: one.max };
        (!because.is_empty()).then(|| Cause { because, ..Cause::of(what) })
    }

    fn map(&self, index: PhaseIndex, phase: Name, state: &PhaseState) -> Cause {
        let what = What::Map {
            phase,
            runs: state.runs.len(),
            settled: state.settled as usize,
            failed: state.failed as usize,
            live: state.live as usize,
        };
        let shown = self.open_runs(index).take(EXPLAINED);
        let because = shown.filter_map(|(at, run)| self.run(at, run)).collect();
        Cause { since: state.started_at, because, ..Cause::of(what) }
    }

    fn open_runs(&self, index: PhaseIndex) -> impl Iterator<Item = (RunRef, &Run)> {
        let runs = (0u32..).zip(&self.job.phase(index).runs);
        let open = runs.filter(|(_, run)| !run.state.is_settled());
        open.map(move |(item, run)| (RunRef { phase: index, item }, run))
    }

    fn run(&self, at: RunRef, run: &Run) -> Option<Cause> {
        let name = self.job.run_id(self.pipeline, at);
        let cause = match &run.state {
            RunState::Live(attempt) => {
                let number = attempt.number;
                let (since, until) = (attempt.started_at, Some(attempt.deadline));
                let (what, since) = match (attempt.suspect, &attempt.pausing) {
                    (Some(silent), _) => (What::Silent { run: name, attempt: number }, silent),
                    (None, Some(_)) => (What::Pausing { run: name, attempt: number }, since),
                    (None, None) if attempt.accepted => (What::Works { run: name, attempt: number }, since),
                    (None, None) => (What::Offered { run: name, attempt: number }, since),
                };
                Cause { since: Some(since), until, ..Cause::of(what) }
            }
            RunState::Backoff { until, .. } => {
                let error = run.last_error.clone();
                let what = What::Backoff { run: name, attempts: run.attempts, error };
                Cause { until: Some(*until), ..Cause::of(what) }
            }
            RunState::Waiting { signal, since, deadline } => {
                let what = What::Signal { run: name, signal: signal.clone() };
                Cause { since: Some(*since), until: Some(*deadline), ..Cause::of(what) }
            }
            RunState::Ready { .. } => self.ready(at, run, name)?,
            RunState::Succeeded(_) | RunState::Failed(_) | RunState::Superseded | RunState::Stopped => {
                return None;
            }
        };
        Some(Cause { run: Some(at), ..cause })
    }

    fn ready(&self, at: RunRef, run: &Run, name: RunId) -> Option<Cause> {
        let definition = self.pipeline.phase(at.phase);
        let service = definition.service()?.service.clone();
        let since = Some(run.ready_at);
        let parallel = definition.map.as_ref().and_then(|map| map.parallel);
        if let Some(parallel) = parallel.filter(|_| at.item >= self.job.phase(at.phase).released) {
            return Some(Cause { since, ..Cause::of(What::Parallel { run: name, parallel }) });
        }
        let blocked = (self.plan)(&service, at).map(|blocked| self.blocked(&service, blocked));
        let what = What::Slot { run: name, service };
        Some(Cause { since, because: blocked.into_iter().collect(), ..Cause::of(what) })
    }

    fn blocked(&self, service: &Name, blocked: Blocked) -> Cause {
        let holder = |job: &JobId| Cause::of(What::Holder { service: service.clone(), job: *job });
        let (until, because) = match &blocked {
            Blocked::Rate { until } | Blocked::Coalesce { until } => (Some(*until), Vec::new()),
            Blocked::Breaker { until } => (*until, Vec::new()),
            Blocked::Capacity { by, .. } => (None, by.iter().take(EXPLAINED).map(holder).collect()),
            Blocked::Stopped | Blocked::Next => (None, Vec::new()),
        };
        Cause { until, because, ..Cause::of(What::Plan { service: service.clone(), blocked }) }
    }
}

impl Cause {
    fn of(what: What) -> Self {
        Self { what, run: None, since: None, until: None, because: Vec::new() }
    }
}
