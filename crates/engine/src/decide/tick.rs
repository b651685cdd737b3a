//! Time has passed: deadlines of attempts, waits to try again, decisions that did not come.

use super::Decision;
use crate::{
    command::Rejection,
    event::EventKind,
    job::{FailureKind, PhaseStatus, RunError, RunRef, RunState, SkipReason},
    pipeline::{OnTimeout, Work, duration},
};

impl Decision<'_> {
    pub(super) fn tick(&mut self) -> Result<(), Rejection> {
        while let Some(&(deadline, at)) = self.job.deadlines.first() {
            if deadline > self.now.0 || self.illegal.is_some() {
                break;
            }
            let before = self.events.len();
            self.due(at);
            // What was decided may have set the very same deadline again: a retry without a pause.
            if self.events.len() == before && self.job.deadlines.first() == Some(&(deadline, at)) {
                // Nothing was due there: a bug, but never a reason to spin.
                self.job.deadlines.remove(&(deadline, at));
            }
        }
        Ok(())
    }

    fn due(&mut self, at: RunRef) {
        if let PhaseStatus::AwaitingApproval { .. } = self.job.phase(at.phase).status {
            let error = RunError::permanent("approval-timeout", "nobody approved the phase in time");
            return self.refuse_approval(at.phase, error);
        }
        let run = self.job.run_id(self.pipeline, at);
        match self.job.run(at).map(|run| run.state.clone()) {
            Some(RunState::Live(attempt)) => {
                let span = duration::render(attempt.deadline.since(attempt.started_at));
                let error = RunError::retryable("timeout", format!("no result within {span}"));
                self.fail_attempt(at, attempt.id, error, false);
            }
            Some(RunState::Backoff { .. }) => {
                self.record(EventKind::RunReady { run, item: None, coalesce: None, breaker: None });
            }
            Some(RunState::Waiting { .. }) => self.wait_timed_out(at),
            Some(
                RunState::Ready { .. }
                | RunState::Succeeded(_)
                | RunState::Failed(_)
                | RunState::Superseded
                | RunState::Stopped,
            )
            | None => {}
        }
    }

    fn wait_timed_out(&mut self, at: RunRef) {
        let Work::Wait(wait) = &self.pipeline.phase(at.phase).work else { return };
        let run = self.job.run_id(self.pipeline, at);
        match wait.on_timeout {
            OnTimeout::Fail => {
                let message =
                    format!("no signal '{}' came within {}", wait.signal, duration::render(wait.timeout));
                let error = RunError::permanent("signal-timeout", message);
                self.record(EventKind::RunFailed { run, error });
            }
            OnTimeout::Continue => {
                self.record(EventKind::WaitTimedOut { run });
                self.skip(at.phase, SkipReason::TimedOut);
            }
            OnTimeout::Goto(target) => {
                self.record(EventKind::WaitTimedOut { run });
                self.skip(at.phase, SkipReason::TimedOut);
                let mut kept = self.pipeline.descendants(target);
                kept.insert(target);
                for phase in self.pipeline.descendants(at.phase) {
                    if !kept.contains(&phase) && self.job.phase(phase).status == PhaseStatus::Pending {
                        self.skip(phase, SkipReason::Goto);
                    }
                }
            }
        }
    }

    pub(super) fn refuse_approval(&mut self, phase: crate::ids::PhaseIndex, error: RunError) {
        let turn = self.job.phase(phase).turn;
        let name = self.pipeline.phase(phase).id.clone();
        self.record(EventKind::PhaseFailed { phase: name, turn });
        self.fail_job(FailureKind::Approval, RunRef { phase, item: 0 }, error);
    }

    pub(super) fn skip(&mut self, phase: crate::ids::PhaseIndex, because: SkipReason) {
        let turn = self.job.phase(phase).turn;
        let name = self.pipeline.phase(phase).id.clone();
        self.record(EventKind::PhaseSkipped { phase: name, turn, because });
    }
}
