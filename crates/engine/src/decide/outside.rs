//! What reaches a job from outside its services: decisions and artifacts.

use std::sync::Arc;

use super::Decision;
use crate::{
    command::Rejection,
    event::EventKind,
    ids::{AttemptId, Name, PhaseIndex},
    job::{Artifact, PhaseStatus, RunError, RunRef, RunState},
    payload::Payload,
    pipeline::{Mode, Work},
};

/// Most signals kept for a job that nobody has waited for yet.
pub(super) const MAX_KEPT_SIGNALS: usize = 1_000;
/// Most artifacts of a job.
pub(super) const MAX_ARTIFACTS: usize = 500_000;
/// The signal that approves a phase in mode manual.
pub(super) const APPROVE: &str = "approve";

impl Decision<'_> {
    pub(super) fn signal(&mut self, name: Name, payload: Payload, by: Arc<str>) -> Result<(), Rejection> {
        if self.job.has_ended() {
            return Err(self.not_now("signal"));
        }
        let waiting = self.job.open_runs().find_map(|(at, run)| match &run.state {
            RunState::Waiting { signal, .. } if *signal == name => Some(at),
            _ => None,
        });
        if let Some(at) = waiting {
            let run = self.job.run_id(self.pipeline, at);
            self.record(EventKind::SignalTaken { run, signal: name, payload, by, kept: false });
            return Ok(());
        }
        if name == *APPROVE && self.approve(&payload, &by) {
            return Ok(());
        }
        let awaited_later = self.pipeline.phases.iter().any(|phase| match &phase.work {
            Work::Wait(wait) => wait.signal == name,
            Work::Service(_) => false,
        });
        if !awaited_later {
            return match name == *APPROVE && self.job.mode == Mode::Manual {
                true => Err(self.not_now("approve")),
                false => Err(Rejection::UnknownSignal(name)),
            };
        }
        if self.job.inbox.len() >= MAX_KEPT_SIGNALS {
            return Err(Rejection::Limit(format!("a job keeps at most {MAX_KEPT_SIGNALS} signals")));
        }
        self.record(EventKind::SignalKept { signal: name, payload, by });
        Ok(())
    }

    /// Approves or refuses the phases that wait for it; `{"phase": …}` names one, `{"approved": false}` refuses.
    fn approve(&mut self, payload: &Payload, by: &Arc<str>) -> bool {
        let said = payload.value();
        let only = said.get("phase").and_then(serde_json::Value::as_str).map(str::to_owned);
        let refused = said.get("approved") == Some(&serde_json::Value::Bool(false));
        let waits = |index: &PhaseIndex| {
            let awaited = matches!(self.job.phase(*index).status, PhaseStatus::AwaitingApproval { .. });
            let named = only.as_deref().is_none_or(|name| self.pipeline.resolve(name) == Some(*index));
            awaited && named
        };
        let phases: Vec<PhaseIndex> = self.pipeline.indexes().filter(waits).collect();
        for &index in &phases {
            let (phase, turn) = (self.pipeline.phase(index).id.clone(), self.job.phase(index).turn);
            if refused {
                let error =
                    RunError::permanent("approval-refused", format!("{by} did not approve the phase"));
                self.refuse_approval(index, error);
            } else {
                self.record(EventKind::ApprovalGiven { phase: phase.clone(), turn, by: by.clone() });
                self.record(EventKind::PhaseSucceeded { phase, turn });
            }
        }
        !phases.is_empty()
    }

    /// A decision that came before anybody waited for it.
    pub(super) fn take_kept_signal(&mut self, at: RunRef, signal: &Name) {
        let Some(kept) = self.job.inbox.iter().find(|kept| kept.name == *signal).cloned() else { return };
        let run = self.job.run_id(self.pipeline, at);
        let (signal, payload, by) = (kept.name, kept.payload, kept.by);
        self.record(EventKind::SignalTaken { run, signal, payload, by, kept: true });
    }

    pub(super) fn store_artifact(
        &mut self,
        name: Arc<str>,
        mut artifact: Artifact,
        attempt: Option<AttemptId>,
    ) -> Result<(), Rejection> {
        if let Some(attempt) = attempt {
            let (at, _) = self.live(attempt)?;
            artifact.run = Some(self.job.run_id(self.pipeline, at));
        }
        let known = self.job.artifacts.get(&name);
        if known == Some(&artifact) {
            return Ok(());
        }
        if known.is_none() && self.job.artifacts.len() >= MAX_ARTIFACTS {
            return Err(Rejection::Limit(format!("a job has at most {MAX_ARTIFACTS} artifacts")));
        }
        self.record(EventKind::ArtifactStored { name, artifact });
        Ok(())
    }
}
