//! Phases whose join is satisfied: skipped, expanded, made ready, or waiting for a decision.

use std::sync::Arc;

use super::Decision;
use crate::{
    condition::{Condition, EvaluationError},
    event::EventKind,
    ids::{Name, PhaseIndex, RunId},
    job::{FailureKind, JobState, PhaseStatus, RunError, RunRef, RunState, SkipReason},
    payload::Payload,
    pipeline::{Join, MAX_MAP_ITEMS, Map, ServiceWork, Trigger, Work},
    values,
};

/// Key for coalescing, key of the breaker.
type PlanKeys = (Option<Arc<str>>, Option<Arc<str>>);

/// Whether a phase may begin.
enum Joined {
    /// Enough of its predecessors are through.
    Yes,
    /// Some of them may yet succeed.
    NotYet,
    /// All are through, and too few of them succeeded.
    Never,
}

impl Decision<'_> {
    /// Starts what can be started; true where anything was.
    pub(super) fn start_phases(&mut self, trigger: Trigger) -> bool {
        let before = self.events.len();
        for phase in self.pipeline.indexes() {
            let due = self.pipeline.phase(phase).trigger == trigger
                && self.job.phase(phase).status == PhaseStatus::Pending
                && !self.stopped_starting(trigger);
            match due.then(|| self.join(phase)) {
                Some(Joined::Yes) => self.start_phase(phase),
                Some(Joined::Never) => self.fail_by_predecessor(phase),
                Some(Joined::NotYet) | None => {}
            }
        }
        self.events.len() > before
    }

    /// Whether starting one phase made the job fail, so that the others may not start.
    fn stopped_starting(&self, trigger: Trigger) -> bool {
        self.illegal.is_some() || (trigger == Trigger::Flow && self.job.state != JobState::Running)
    }

    fn join(&self, phase: PhaseIndex) -> Joined {
        let definition = self.pipeline.phase(phase);
        let (mut succeeded, mut skipped, mut failed) = (0, 0, 0);
        for &predecessor in &definition.after {
            let in_other_loop = self
                .pipeline
                .phase(predecessor)
                .in_loop
                .filter(|_| self.pipeline.phase(predecessor).in_loop != definition.in_loop);
            if in_other_loop.is_some_and(|number| self.job.loops[number].ended.is_none()) {
                continue;
            }
            match self.job.phase(predecessor).status {
                PhaseStatus::Succeeded => succeeded += 1,
                PhaseStatus::Skipped(_) => skipped += 1,
                PhaseStatus::Failed => failed += 1,
                PhaseStatus::Pending | PhaseStatus::Active | PhaseStatus::AwaitingApproval { .. } => {}
            }
        }
        let all = succeeded + skipped + failed == definition.after.len();
        let enough = match definition.join {
            Join::All => false,
            Join::Any => succeeded >= 1,
            Join::Count(count) => succeeded >= count as usize,
        };
        // What cleans up after a failure takes what it can get.
        let content = all && (failed == 0 || definition.trigger == Trigger::Failure);
        match (enough || content, all) {
            (true, _) => Joined::Yes,
            (false, true) => Joined::Never,
            (false, false) => Joined::NotYet,
        }
    }

    /// The phase can't begin any more: failures of its predecessors were tolerated as long as others could succeed instead,
    /// and now none did.
    fn fail_by_predecessor(&mut self, phase: PhaseIndex) {
        let failed = |before: &&PhaseIndex| self.job.phase(**before).status == PhaseStatus::Failed;
        let Some(&before) = self.pipeline.phase(phase).after.iter().find(failed) else { return };
        let error = (0u32..).zip(&self.job.phase(before).runs).find_map(|(item, run)| match &run.state {
            RunState::Failed(error) => Some((item, error.clone())),
            _ => None,
        });
        let (item, error) = error.unwrap_or_else(|| {
            let message =
                format!("too few of the phases before '{}' succeeded", self.pipeline.phase(phase).id);
            (0, RunError::permanent("join-impossible", message))
        });
        self.fail_job(FailureKind::Run, RunRef { phase: before, item }, error);
    }

    fn start_phase(&mut self, phase: PhaseIndex) {
        let definition = self.pipeline.phase(phase);
        if let Some(when) = &definition.when {
            match when.holds(&|name| values::lookup(self.pipeline, self.job, name, None)) {
                Ok(true) => {}
                Ok(false) => return self.skip(phase, SkipReason::When),
                Err(error) => return self.cannot_start(phase, &error),
            }
        }
        match (&definition.work, &definition.map) {
            (Work::Wait(_), _) => self.await_signal(phase),
            (Work::Service(work), Some(map)) => self.expand(phase, work, map),
            (Work::Service(work), None) => self.ready_single(phase, work),
        }
    }

    fn ready_single(&mut self, phase: PhaseIndex, work: &ServiceWork) {
        let item = match (&self.job.state, self.is_failure_phase(phase)) {
            (JobState::Failing(failure), true) => {
                serde_json::to_value(failure).ok().map(|failure| Payload::from_value(&failure))
            }
            _ => None,
        };
        match self.plan_keys(work, item.as_ref()) {
            Ok((coalesce, breaker)) => {
                let run = RunId {
                    phase: self.pipeline.phase(phase).id.clone(),
                    turn: self.job.phase(phase).turn,
                    item: None,
                };
                self.record(EventKind::RunReady { run, item, coalesce, breaker });
            }
            Err(error) => self.cannot_start(phase, &error),
        }
    }

    fn expand(&mut self, phase: PhaseIndex, work: &ServiceWork, map: &Map) {
        let items = map.over.list(&|name| values::lookup(self.pipeline, self.job, name, None));
        let items = match items {
            Ok(items) if items.len() > MAX_MAP_ITEMS => {
                let error = RunError::permanent(
                    "map-too-large",
                    format!("the map has {} items; at most {MAX_MAP_ITEMS} are possible", items.len()),
                );
                return self.fail_unstarted(phase, error);
            }
            Ok(items) => items,
            Err(error) => return self.cannot_start(phase, &error),
        };
        let (mut coalesce, mut breaker) = (Vec::new(), Vec::new());
        for item in &items {
            match self.plan_keys(work, Some(item)) {
                Ok((one, other)) => {
                    coalesce.extend(one);
                    breaker.extend(other);
                }
                Err(error) => return self.cannot_start(phase, &error),
            }
        }
        let (name, turn) = (self.pipeline.phase(phase).id.clone(), self.job.phase(phase).turn);
        self.record(EventKind::MapExpanded { phase: name, turn, items, coalesce, breaker });
    }

    /// The values by which the service's plan keeps runs apart.
    fn plan_keys(&self, work: &ServiceWork, item: Option<&Payload>) -> Result<PlanKeys, EvaluationError> {
        let evaluate = |key: Option<&Condition>| {
            key.map(|key| key.text(&|name| values::lookup(self.pipeline, self.job, name, item)))
                .transpose()
                .map(|text| text.map(Arc::from))
        };
        let coalesce = evaluate(work.coalesce.as_ref().map(|coalesce| &coalesce.key))?;
        let breaker = evaluate(work.breaker.as_ref().and_then(|breaker| breaker.key.as_ref()))?;
        Ok((coalesce, breaker))
    }

    pub(super) fn await_signal(&mut self, phase: PhaseIndex) {
        let Work::Wait(wait) = &self.pipeline.phase(phase).work else { return };
        let id: Name = self.pipeline.phase(phase).id.clone();
        let run = RunId { phase: id, turn: self.job.phase(phase).turn, item: None };
        let deadline = self.now.0.after(wait.timeout);
        self.record(EventKind::SignalAwaited { run, signal: wait.signal.clone(), deadline });
        self.take_kept_signal(RunRef { phase, item: 0 }, &wait.signal);
    }

    fn cannot_start(&mut self, phase: PhaseIndex, error: &EvaluationError) {
        self.fail_unstarted(phase, RunError::permanent("expression-not-evaluated", error.to_string()));
    }

    fn fail_unstarted(&mut self, phase: PhaseIndex, error: RunError) {
        let (name, turn) = (self.pipeline.phase(phase).id.clone(), self.job.phase(phase).turn);
        self.record(EventKind::PhaseFailed { phase: name, turn });
        if !self.is_failure_phase(phase) {
            self.fail_job(FailureKind::Run, RunRef { phase, item: 0 }, error);
        }
    }
}
