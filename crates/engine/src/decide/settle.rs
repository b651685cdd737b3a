//! Phases whose runs have all settled: gate, approval, success or failure.

use super::Decision;
use crate::{
    event::EventKind,
    ids::PhaseIndex,
    job::{FailureKind, JobState, PhaseStatus, Run, RunError, RunRef, RunState, SkipReason},
    pipeline::{Join, Mode, OnItemError, Trigger, Work},
    values,
};

impl Decision<'_> {
    /// Settles what can be settled; true where anything was.
    pub(super) fn settle_phases(&mut self) -> bool {
        let before = self.events.len();
        for phase in self.pipeline.indexes() {
            if self.job.phase(phase).status == PhaseStatus::Active {
                self.settle_phase(phase);
            }
        }
        self.events.len() > before
    }

    fn settle_phase(&mut self, phase: PhaseIndex) {
        let state = self.job.phase(phase);
        let all = state.settled as usize == state.runs.len();
        let succeeded = |run: &Run| matches!(run.state, RunState::Succeeded(_));
        let none_succeeded = all && state.failed > 0 && !state.runs.iter().any(succeeded);
        let tolerates_items =
            self.pipeline.phase(phase).map.as_ref().is_some_and(|map| map.on_error == OnItemError::Continue);
        let failed = state.failed > 0 && (!tolerates_items || none_succeeded);
        let tolerated = failed && self.can_do_without(phase);
        if failed && (all || !tolerated) {
            return self.phase_failed(phase, tolerated);
        }
        if !all || state.runs.iter().any(|run| run.state == RunState::Stopped) {
            return;
        }
        if !state.runs.is_empty() && state.runs.iter().all(|run| run.state == RunState::Superseded) {
            return self.skip(phase, SkipReason::Superseded);
        }
        self.runs_succeeded(phase);
    }

    fn phase_failed(&mut self, phase: PhaseIndex, tolerated: bool) {
        let failing = self.job.phase(phase).runs.iter().enumerate();
        let first = failing.filter_map(|(item, run)| match &run.state {
            RunState::Failed(error) => Some((u32::try_from(item).unwrap_or(0), error.clone())),
            _ => None,
        });
        let Some((item, error)) = first.min_by_key(|(item, _)| *item) else { return };
        let (name, turn) = (self.pipeline.phase(phase).id.clone(), self.job.phase(phase).turn);
        self.record(EventKind::PhaseFailed { phase: name, turn });
        if !tolerated && !self.is_failure_phase(phase) {
            self.fail_job(FailureKind::Run, RunRef { phase, item }, error);
        }
    }

    fn runs_succeeded(&mut self, phase: PhaseIndex) {
        if let Some(gate) = &self.pipeline.phase(phase).gate {
            let held = gate.holds(&|name| values::lookup(self.pipeline, self.job, name, None));
            let (kind, error) = match held {
                Ok(true) => return self.passed_gate(phase),
                Ok(false) => {
                    let message = format!("the gate `{}` is false", gate.source());
                    (FailureKind::Gate, RunError::permanent("gate-closed", message))
                }
                Err(error) => {
                    (FailureKind::Run, RunError::permanent("gate-not-evaluated", error.to_string()))
                }
            };
            let enforced = kind == FailureKind::Run || self.job.mode != Mode::Full;
            let (name, turn) = (self.pipeline.phase(phase).id.clone(), self.job.phase(phase).turn);
            let closed = EventKind::GateClosed { phase: name.clone(), turn, error: error.clone(), enforced };
            self.record(closed);
            if enforced {
                self.record(EventKind::PhaseFailed { phase: name, turn });
                return self.fail_job(kind, RunRef { phase, item: 0 }, error);
            }
        }
        self.passed_gate(phase);
    }

    fn passed_gate(&mut self, phase: PhaseIndex) {
        let definition = self.pipeline.phase(phase);
        let (name, turn) = (definition.id.clone(), self.job.phase(phase).turn);
        let by_service = matches!(definition.work, Work::Service(_));
        let going_on = !matches!(self.job.state, JobState::Failing(_));
        if self.job.mode == Mode::Manual && by_service && going_on && definition.trigger == Trigger::Flow {
            let deadline = self.now.0.after(self.pipeline.approval_timeout);
            self.record(EventKind::ApprovalRequested { phase: name, turn, deadline });
        } else {
            self.record(EventKind::PhaseSucceeded { phase: name, turn });
        }
    }

    /// Whether everything that follows from a phase can go on without it.
    fn can_do_without(&self, phase: PhaseIndex) -> bool {
        let before = &self.pipeline.phase(phase).before;
        !before.is_empty() && before.iter().all(|&successor| self.join_survives(successor, phase))
    }

    fn join_survives(&self, successor: PhaseIndex, without: PhaseIndex) -> bool {
        let wanted = match self.pipeline.phase(successor).join {
            Join::All => return false,
            Join::Any => 1,
            Join::Count(count) => count as usize,
        };
        let may_succeed = |&&p: &&PhaseIndex| {
            p != without && !matches!(self.job.phase(p).status, PhaseStatus::Failed | PhaseStatus::Skipped(_))
        };
        self.pipeline.phase(successor).after.iter().filter(may_succeed).count() >= wanted
    }
}
