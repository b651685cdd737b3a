//! Questions to a job.

use super::{Attempt, End, Failure, Job, JobState, PhaseState, Run, RunRef, RunState};
use crate::{
    ids::{AttemptId, PhaseIndex, RunId, Timestamp},
    pipeline::Pipeline,
};

impl Job {
    /// The phase at an index.
    #[must_use]
    pub fn phase(&self, index: PhaseIndex) -> &PhaseState {
        &self.phases[index.usize()]
    }

    /// The run at a place, if it is there.
    #[must_use]
    pub fn run(&self, at: RunRef) -> Option<&Run> {
        self.phases.get(at.phase.usize())?.runs.get(at.item as usize)
    }

    /// The run's name, as people and the journal know it.
    #[must_use]
    pub fn run_id(&self, pipeline: &Pipeline, at: RunRef) -> RunId {
        let state = self.phase(at.phase);
        RunId {
            phase: pipeline.phase(at.phase).id.clone(),
            turn: state.turn,
            item: state.mapped.then_some(at.item),
        }
    }

    /// The place of a run that is named, in the current turn.
    #[must_use]
    pub fn run_ref(&self, pipeline: &Pipeline, run: &RunId) -> Option<RunRef> {
        let phase = pipeline.find(run.phase.as_str())?;
        let at = RunRef { phase, item: run.item.unwrap_or(0) };
        (self.phase(phase).turn == run.turn && self.run(at).is_some()).then_some(at)
    }

    /// The attempt, where it holds a slot, and its run.
    #[must_use]
    pub fn live_attempt(&self, id: AttemptId) -> Option<(RunRef, &Attempt)> {
        let record = self.attempts.get(&id).filter(|record| record.over.is_none())?;
        match &self.run(record.run)?.state {
            RunState::Live(attempt) if attempt.id == id => Some((record.run, attempt)),
            _ => None,
        }
    }

    /// All runs that have not settled, with their places: also those of a map that has failed by another of its items.
    pub fn open_runs(&self) -> impl Iterator<Item = (RunRef, &Run)> {
        let open = |phase: &PhaseState| (phase.settled as usize) < phase.runs.len();
        self.phases.iter().enumerate().filter(move |(_, phase)| open(phase)).flat_map(|(number, phase)| {
            let index = PhaseIndex(u16::try_from(number).unwrap_or(u16::MAX));
            phase.runs.iter().enumerate().filter(|(_, run)| !run.state.is_settled()).map(
                move |(item, run)| {
                    (RunRef { phase: index, item: u32::try_from(item).unwrap_or(u32::MAX) }, run)
                },
            )
        })
    }

    /// When the job must be woken, if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, JobState::Ended { .. })
    }

    /// What went wrong first, if anything did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            JobState::Failing(failure)
            | JobState::Ended { end: End::Error(failure) | End::ValidationFailed(failure), .. } => {
                Some(failure)
            }
            JobState::Running
            | JobState::Paused { .. }
            | JobState::Ended { end: End::Complete | End::Cancelled { .. }, .. } => None,
        }
    }
}
