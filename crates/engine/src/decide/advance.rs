//! What follows from the state alone, after every command: phases settle, phases start, loops turn, the job ends.
//!
//! Runs until nothing changes. Each round makes progress (a phase changes state, a loop turns, the job ends), and loops are
//! bounded, so it ends.

use super::Decision;
use crate::{
    event::EventKind,
    job::{FailureKind, JobState, LoopEnd, PhaseStatus, RunError, RunRef},
    pipeline::{OnMax, Trigger},
    values,
};

impl Decision<'_> {
    pub(super) fn advance(&mut self) {
        while self.illegal.is_none() {
            let settled = !self.job.has_ended() && self.settle_phases();
            let moved = match self.job.state {
                JobState::Running => {
                    let turned = self.turn_loops();
                    let started = self.start_phases(Trigger::Flow);
                    turned || started || self.complete()
                }
                JobState::Failing(_) => self.drain(),
                JobState::Paused { .. } | JobState::Ended { .. } => false,
            };
            if !settled && !moved {
                break;
            }
        }
    }

    fn turn_loops(&mut self) -> bool {
        let before = self.events.len();
        for (number, one) in self.pipeline.loops.iter().enumerate() {
            let through = self.job.loops[number].ended.is_none()
                && one.phases.iter().all(|&phase| self.job.phase(phase).status.is_settled());
            if through && self.job.state == JobState::Running {
                self.turn_loop(number);
            }
        }
        self.events.len() > before
    }

    fn turn_loop(&mut self, number: usize) {
        let one = &self.pipeline.loops[number];
        let (id, turn) = (one.id.clone(), self.job.loops[number].turn);
        let last = RunRef { phase: one.phases[one.phases.len() - 1], item: 0 };
        match one.until.holds(&|name| values::lookup(self.pipeline, self.job, name, None)) {
            Ok(true) => self.record(EventKind::LoopEnded { id, end: LoopEnd::Converged }),
            Ok(false) if turn < one.max => self.record(EventKind::LoopTurned { id, turn: turn + 1 }),
            Ok(false) if one.on_max == OnMax::Continue => {
                self.record(EventKind::LoopEnded { id, end: LoopEnd::Forced });
            }
            Ok(false) => {
                let message = format!("`{}` is still false after {turn} turns", one.until.source());
                self.fail_job(FailureKind::Loop, last, RunError::permanent("loop-exhausted", message));
            }
            Err(error) => {
                let error = RunError::permanent("expression-not-evaluated", error.to_string());
                self.fail_job(FailureKind::Loop, last, error);
            }
        }
    }

    fn complete(&mut self) -> bool {
        let through = self.pipeline.indexes().all(|phase| {
            self.pipeline.phase(phase).trigger == Trigger::Failure
                || self.job.phase(phase).status.is_settled()
        });
        let loops_over = self.job.loops.iter().all(|one| one.ended.is_some());
        if through && loops_over {
            self.record(EventKind::JobCompleted);
        }
        through && loops_over
    }

    /// The job is about to fail: once nothing runs any more, the phases for failures run, and then it has failed.
    fn drain(&mut self) -> bool {
        if self.job.live_attempts > 0 {
            return false;
        }
        if self.start_phases(Trigger::Failure) {
            return true;
        }
        let handled = self.pipeline.indexes().all(|phase| {
            self.pipeline.phase(phase).trigger == Trigger::Flow
                || matches!(
                    self.job.phase(phase).status,
                    PhaseStatus::Succeeded | PhaseStatus::Failed | PhaseStatus::Skipped(_)
                )
        });
        if handled {
            self.record(EventKind::JobFailed);
        }
        handled
    }
}
