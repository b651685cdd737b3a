//! How phases, loops and whole stretches of a job change: settled, skipped, approved, turned, done again.

use super::{Fold, IllegalEvent};
use crate::{
    event::EventKind,
    ids::PhaseIndex,
    job::{AttemptEnd, JobState, PhaseState, PhaseStatus, RunRef, RunResult},
    pipeline::Trigger,
    values,
};

impl Fold<'_> {
    pub(super) fn phase_event(&mut self) -> Result<(), IllegalEvent> {
        match &self.event.kind {
            EventKind::PhaseSkipped { phase, turn, because } => {
                let index = self.phase_in_turn(phase, *turn)?;
                self.settle_phase(index, PhaseStatus::Skipped(*because))?;
            }
            EventKind::PhaseSucceeded { phase, turn } => {
                let index = self.phase_in_turn(phase, *turn)?;
                self.settle_phase(index, PhaseStatus::Succeeded)?;
            }
            EventKind::PhaseFailed { phase, turn } => {
                let index = self.phase_in_turn(phase, *turn)?;
                self.settle_phase(index, PhaseStatus::Failed)?;
            }
            // What a closed gate leads to follows as an event of its own.
            EventKind::GateClosed { phase, turn, .. } => {
                self.phase_in_turn(phase, *turn)?;
            }
            EventKind::ApprovalRequested { phase, turn, deadline } => {
                let index = self.phase_in_turn(phase, *turn)?;
                self.job.phases[index.usize()].status = PhaseStatus::AwaitingApproval { deadline: *deadline };
                self.job.deadlines.insert((*deadline, RunRef { phase: index, item: 0 }));
            }
            EventKind::ApprovalGiven { phase, turn, .. } => {
                let index = self.phase_in_turn(phase, *turn)?;
                let PhaseStatus::AwaitingApproval { .. } = self.job.phase(index).status else {
                    return Err(self.wrong_state(phase.to_string()));
                };
            }
            EventKind::LoopTurned { id, turn } => {
                let number = self.loop_named(id.as_str())?;
                self.job.loops[number].turn = *turn;
                self.job.loops[number].ended = None;
                for &phase in &self.pipeline.loops[number].phases {
                    let previous = self.given(phase);
                    self.begin_again(phase);
                    self.job.phases[phase.usize()].previous = previous;
                }
            }
            EventKind::LoopEnded { id, end } => {
                let number = self.loop_named(id.as_str())?;
                self.job.loops[number].ended = Some(*end);
            }
            _ => return Err(self.wrong_state("a phase")),
        }
        Ok(())
    }

    fn loop_named(&self, id: &str) -> Result<usize, IllegalEvent> {
        let found = self.pipeline.loops.iter().position(|one| one.id == *id);
        found.ok_or_else(|| self.unknown(format!("loop '{id}'")))
    }

    fn settle_phase(&mut self, index: PhaseIndex, status: PhaseStatus) -> Result<(), IllegalEvent> {
        if self.job.phase(index).status.is_settled() {
            return Err(self.wrong_state(self.pipeline.phase(index).id.to_string()));
        }
        let phase = &mut self.job.phases[index.usize()];
        if let PhaseStatus::AwaitingApproval { deadline } = phase.status {
            self.job.deadlines.remove(&(deadline, RunRef { phase: index, item: 0 }));
        }
        phase.status = status;
        phase.ended_at = Some(self.event.at);
        Ok(())
    }

    /// What a phase gave, where it succeeded.
    fn given(&self, phase: PhaseIndex) -> Option<RunResult> {
        (self.job.phase(phase).status == PhaseStatus::Succeeded).then(|| RunResult {
            output: values::output(self.job, phase),
            stats: values::stats(self.job, phase),
            reused_from: None,
        })
    }

    /// The phase is pending again, in a new turn, and its old attempts can no longer change anything.
    fn begin_again(&mut self, index: PhaseIndex) {
        let turn = self.job.phase(index).turn;
        self.job.live_attempts -= self.job.phase(index).live;
        for record in self.job.attempts.values_mut().filter(|record| record.run.phase == index) {
            record.over.get_or_insert(AttemptEnd::Superseded);
        }
        self.job.deadlines.retain(|(_, run)| run.phase != index);
        self.job.phases[index.usize()] = PhaseState::pending(turn + 1);
    }

    /// A phase and everything that follows from it is pending again.
    pub(super) fn rerun(&mut self, from: PhaseIndex) {
        let again = self.pipeline.done_again(from);
        for index in self.pipeline.indexes() {
            let on_failure = self.pipeline.phase(index).trigger == Trigger::Failure;
            let never_ran = self.job.phase(index).status == PhaseStatus::Pending;
            if (again.contains(&index) || on_failure) && !never_ran {
                self.begin_again(index);
            }
        }
        for (number, one) in self.pipeline.loops.iter().enumerate() {
            if one.phases.iter().any(|phase| again.contains(phase)) {
                self.job.loops[number].ended = None;
                self.job.loops[number].turn = 1;
            }
        }
        self.retry();
    }

    /// What failed or stopped is open again: runs say so themselves with `RunReady`, phases that failed although their
    /// runs succeeded (a gate, an approval) begin again. A failure that everything after it went on without stays: nobody
    /// waits for another outcome.
    pub(super) fn retry(&mut self) {
        for index in self.pipeline.indexes() {
            let after = &self.pipeline.phase(index).before;
            let pending = |next: &PhaseIndex| self.job.phase(*next).status == PhaseStatus::Pending;
            let awaited = after.is_empty() || after.iter().any(pending);
            let on_failure = self.pipeline.phase(index).trigger == Trigger::Failure;
            let phase = &mut self.job.phases[index.usize()];
            let no_run_failed = phase.status == PhaseStatus::Failed && phase.failed == 0;
            if no_run_failed || (on_failure && phase.status != PhaseStatus::Pending) {
                self.begin_again(index);
            } else if phase.status == PhaseStatus::Failed && awaited {
                phase.status = PhaseStatus::Active;
                phase.ended_at = None;
            }
        }
        self.job.state = JobState::Running;
    }
}
