//! What jobs teach: when the attempts of their phases began and ended, and once a job is over, what it all came to.
//!
//! Pure: live, and after a restart from the journal, the same is told to it in the same order.

use std::collections::{BTreeMap, btree_map::Entry};

use engine::{
    event::{Event, EventKind},
    ids::{AttemptId, JobId, Name, PhaseIndex, Timestamp},
    job::{Job, PhaseStatus, SkipReason},
    pipeline::Pipeline,
};

use super::{
    fit::Sample,
    known::{Kind, Known},
    picture::Picture,
};

/// Jobs under way of which it is remembered when their phases began; beyond that the oldest are not learned from.
const JOBS: usize = 20_000;

/// An attempt that is over.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// Its job.
    pub job: JobId,
    /// Its phase.
    pub phase: PhaseIndex,
    /// The turn of its phase.
    pub turn: u32,
    /// Who did it.
    pub service: Name,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Timestamp,
    /// Whether it gave a result.
    pub succeeded: bool,
}

/// From the first attempt of a phase to the end of its last.
#[derive(Debug, Clone, Copy)]
struct Worked {
    from: Timestamp,
    to: Timestamp,
}

/// What was learned, and what is about to be.
#[derive(Debug, Clone, Default)]
pub struct Learning {
    /// What is known.
    pub known: Known,
    worked: BTreeMap<JobId, BTreeMap<(PhaseIndex, u32), Worked>>,
}

impl Learning {
    /// An attempt is over.
    pub fn attempted(&mut self, attempt: &Attempted) {
        let Attempted { started_at: from, ended_at: to, .. } = *attempt;
        if attempt.succeeded {
            self.known.attempt(&attempt.service, to.since(from).as_secs_f64());
        }
        match self.worked.entry(attempt.job).or_default().entry((attempt.phase, attempt.turn)) {
            Entry::Vacant(new) => {
                new.insert(Worked { from, to });
            }
            Entry::Occupied(mut known) => {
                let worked = known.get_mut();
                (worked.from, worked.to) = (worked.from.min(from), worked.to.max(to));
            }
        }
        if self.worked.len() > JOBS {
            self.worked.pop_first();
        }
    }

    /// When the first attempt of a phase began, of those that are over.
    #[must_use]
    pub fn begun(&self, job: JobId, phase: PhaseIndex, turn: u32) -> Option<Timestamp> {
        Some(self.worked.get(&job)?.get(&(phase, turn))?.from)
    }

    /// A job is over that nothing is to be learned from.
    pub fn forget(&mut self, job: JobId) {
        self.worked.remove(&job);
    }

    /// A job is over. `version` knows that of a service.
    pub fn job_ended(
        &mut self,
        pipeline: &Pipeline,
        picture: &Picture,
        version: impl Fn(&Name) -> std::sync::Arc<str>,
    ) {
        let worked = self.worked.remove(&picture.job).unwrap_or_default();
        for phase in pipeline.indexes() {
            let (definition, state) = (pipeline.phase(phase), &picture.phases[phase.usize()]);
            match (&state.status, worked.get(&(phase, state.turn)), definition.service()) {
                (PhaseStatus::Succeeded, Some(worked), Some(work)) => {
                    let kind = Kind {
                        pipeline: pipeline.name.clone(),
                        phase: definition.id.clone(),
                        version: version(&work.service),
                        service: work.service.clone(),
                    };
                    let seconds = worked.to.since(worked.from).as_secs_f64();
                    self.known.phase(kind, Sample { sizes: picture.sizes(pipeline, phase), seconds });
                }
                // A map without items, or an earlier result.
                (PhaseStatus::Succeeded, None, Some(_)) => {
                    self.known.needed(&pipeline.name, &definition.id, false)
                }
                (PhaseStatus::Skipped(SkipReason::When | SkipReason::Goto), _, _) => {
                    self.known.needed(&pipeline.name, &definition.id, false);
                }
                _ => {}
            }
        }
        for (one, (turn, ended)) in pipeline.loops.iter().zip(&picture.loops) {
            if ended.is_some() {
                self.known.turns(&pipeline.name, &one.id, *turn);
            }
        }
    }
}

/// Follows the attempts of a job that is read from its events.
#[derive(Debug, Default)]
pub struct Follower {
    started: BTreeMap<AttemptId, Timestamp>,
}

impl Follower {
    /// What an event tells; `job` is as it is after the event.
    pub fn follow(&mut self, pipeline: &Pipeline, job: &Job, event: &Event) -> Option<Attempted> {
        let (attempt, succeeded) = match &event.kind {
            EventKind::AttemptStarted { attempt, .. } => {
                self.started.insert(*attempt, event.at);
                return None;
            }
            EventKind::AttemptSucceeded { attempt, .. } => (attempt, true),
            EventKind::AttemptFailed { attempt, .. }
            | EventKind::AttemptPreempted { attempt, .. }
            | EventKind::AttemptCancelled { attempt, .. } => (attempt, false),
            _ => return None,
        };
        let started_at = self.started.remove(attempt)?;
        let record = job.attempts.get(attempt)?;
        let service = pipeline.phase(record.run.phase).service()?.service.clone();
        Some(Attempted {
            job: job.id,
            phase: record.run.phase,
            turn: record.turn,
            service,
            started_at,
            ended_at: event.at,
            succeeded,
        })
    }
}
