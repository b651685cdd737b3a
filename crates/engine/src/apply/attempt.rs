//! How attempts and runs change: slots taken and given back, results kept, deadlines set and cleared.

use std::sync::Arc;

use super::{Fold, IllegalEvent};
use crate::{
    command::Outcome,
    event::EventKind,
    ids::{AttemptId, JobId, Name, RunId, Timestamp},
    job::{
        Attempt, AttemptEnd, AttemptRecord, OutcomeDigest, PhaseStatus, Run, RunError, RunRef, RunResult,
        RunState,
    },
    payload::Payload,
};

impl Fold<'_> {
    pub(super) fn run_ready(
        &mut self,
        run: &RunId,
        item: Option<Payload>,
        coalesce: Option<Arc<str>>,
        breaker: Option<Arc<str>>,
    ) -> Result<(), IllegalEvent> {
        let index = self.phase_in_turn(&run.phase, run.turn)?;
        let at = self.event.at;
        if let Some(place) = self.job.run_ref(self.pipeline, run) {
            return self.run_ready_again(place);
        }
        let phase = &mut self.job.phases[index.usize()];
        if phase.status != PhaseStatus::Pending || run.item.is_some() {
            return Err(self.wrong_state(run.to_string()));
        }
        phase.status = PhaseStatus::Active;
        phase.started_at.get_or_insert(at);
        phase.runs = vec![Run::ready(at, item, coalesce, breaker)];
        phase.released = 1;
        Ok(())
    }

    /// A run that waited to be tried again, or that had stopped with its job, waits for a slot once more.
    fn run_ready_again(&mut self, place: RunRef) -> Result<(), IllegalEvent> {
        let at = self.event.at;
        let run = self.run_mut(place);
        let deadline = match &run.state {
            RunState::Backoff { until, checkpoint } => {
                let until = *until;
                run.state = RunState::Ready { checkpoint: checkpoint.clone() };
                Some(until)
            }
            RunState::Failed(_) | RunState::Stopped => {
                let failed = matches!(run.state, RunState::Failed(_));
                *run = Run { last_error: run.last_error.clone(), ..Run::again(run, at) };
                let phase = &mut self.job.phases[place.phase.usize()];
                phase.settled -= 1;
                phase.failed -= u32::from(failed);
                phase.status = PhaseStatus::Active;
                phase.ended_at = None;
                None
            }
            RunState::Ready { .. }
            | RunState::Live(_)
            | RunState::Waiting { .. }
            | RunState::Succeeded(_)
            | RunState::Superseded => {
                let what = self.job.run_id(self.pipeline, place).to_string();
                return Err(self.wrong_state(what));
            }
        };
        if let Some(deadline) = deadline {
            self.job.deadlines.remove(&(deadline, place));
        }
        Ok(())
    }

    pub(super) fn map_expanded(
        &mut self,
        phase: &Name,
        turn: u32,
        items: &[Payload],
        coalesce: &[Arc<str>],
        breaker: &[Arc<str>],
    ) -> Result<(), IllegalEvent> {
        let index = self.phase_in_turn(phase, turn)?;
        let at = self.event.at;
        let state = &mut self.job.phases[index.usize()];
        if state.status != PhaseStatus::Pending {
            return Err(self.wrong_state(phase.to_string()));
        }
        state.status = PhaseStatus::Active;
        state.mapped = true;
        state.started_at.get_or_insert(at);
        state.runs = items
            .iter()
            .enumerate()
            .map(|(n, item)| {
                Run::ready(at, Some(item.clone()), coalesce.get(n).cloned(), breaker.get(n).cloned())
            })
            .collect();
        let all = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let limit = self.pipeline.phase(index).map.as_ref().and_then(|map| map.parallel);
        state.released = limit.map_or(all, |limit| limit.min(all));
        Ok(())
    }

    pub(super) fn attempt_started(
        &mut self,
        run: &RunId,
        attempt: AttemptId,
        number: u32,
        deadline: Timestamp,
    ) -> Result<(), IllegalEvent> {
        let place = self.run_named(run)?;
        let started_at = self.event.at;
        let entry = self.run_mut(place);
        let RunState::Ready { checkpoint } = &entry.state else {
            return Err(self.wrong_state(run.to_string()));
        };
        entry.state = RunState::Live(Attempt {
            id: attempt,
            number,
            started_at,
            deadline,
            accepted: false,
            suspect: None,
            pausing: None,
            checkpoint: checkpoint.clone(),
        });
        self.job.attempts.insert(attempt, AttemptRecord { run: place, turn: run.turn, over: None });
        self.job.deadlines.insert((deadline, place));
        self.job.phases[place.phase.usize()].live += 1;
        self.job.live_attempts += 1;
        Ok(())
    }

    /// Takes the slot back from an attempt; its run must get a new state at once.
    fn release(&mut self, run: &RunId, attempt: AttemptId, end: AttemptEnd) -> Result<RunRef, IllegalEvent> {
        let place = self.run_named(run)?;
        let deadline = match self.job.live_attempt(attempt) {
            Some((live, attempt)) if live == place => attempt.deadline,
            _ => return Err(self.wrong_state(format!("attempt {attempt}"))),
        };
        self.job.deadlines.remove(&(deadline, place));
        self.job.phases[place.phase.usize()].live -= 1;
        self.job.live_attempts -= 1;
        if let Some(record) = self.job.attempts.get_mut(&attempt) {
            record.over = Some(end);
        }
        Ok(place)
    }

    pub(super) fn attempt_succeeded(
        &mut self,
        run: &RunId,
        attempt: AttemptId,
        output: &Payload,
        stats: &Payload,
    ) -> Result<(), IllegalEvent> {
        let digest = digest_of(&self.event.kind);
        let place = self.release(run, attempt, AttemptEnd::Reported(digest))?;
        let result = RunResult { output: output.clone(), stats: stats.clone(), reused_from: None };
        let entry = self.run_mut(place);
        entry.attempts += 1;
        entry.state = RunState::Succeeded(result);
        self.count_settled(place);
        Ok(())
    }

    /// The run is left stopped: `RetryScheduled` or `RunFailed` follows in the same decision and says what becomes of it.
    pub(super) fn attempt_failed(
        &mut self,
        run: &RunId,
        attempt: AttemptId,
        error: &RunError,
        reported: bool,
    ) -> Result<(), IllegalEvent> {
        let end = match reported {
            true => AttemptEnd::Reported(digest_of(&self.event.kind)),
            false => AttemptEnd::Superseded,
        };
        let checkpoint = self.job.live_attempt(attempt).and_then(|(_, attempt)| attempt.checkpoint.clone());
        let place = self.release(run, attempt, end)?;
        let entry = self.run_mut(place);
        entry.attempts += 1;
        entry.turned_away = 0;
        entry.last_error = Some(error.clone());
        entry.state = RunState::Ready { checkpoint };
        Ok(())
    }

    pub(super) fn attempt_deferred(
        &mut self,
        run: &RunId,
        attempt: AttemptId,
        until: Timestamp,
    ) -> Result<(), IllegalEvent> {
        let checkpoint = self.job.live_attempt(attempt).and_then(|(_, attempt)| attempt.checkpoint.clone());
        let place = self.release(run, attempt, AttemptEnd::Superseded)?;
        let entry = self.run_mut(place);
        entry.turned_away = entry.turned_away.saturating_add(1);
        entry.state = RunState::Backoff { until, checkpoint };
        self.job.deadlines.insert((until, place));
        Ok(())
    }

    pub(super) fn attempt_preempted(
        &mut self,
        run: &RunId,
        attempt: AttemptId,
        checkpoint: &Payload,
    ) -> Result<(), IllegalEvent> {
        let place = self.release(run, attempt, AttemptEnd::Superseded)?;
        let entry = self.run_mut(place);
        entry.turned_away = 0;
        entry.state = RunState::Ready { checkpoint: Some(checkpoint.clone()) };
        Ok(())
    }

    pub(super) fn attempt_cancelled(&mut self, run: &RunId, attempt: AttemptId) -> Result<(), IllegalEvent> {
        let checkpoint = self.job.live_attempt(attempt).and_then(|(_, attempt)| attempt.checkpoint.clone());
        let place = self.release(run, attempt, AttemptEnd::Superseded)?;
        self.run_mut(place).state = RunState::Ready { checkpoint };
        Ok(())
    }

    pub(super) fn retry_scheduled(&mut self, run: &RunId, until: Timestamp) -> Result<(), IllegalEvent> {
        let place = self.run_named(run)?;
        let entry = self.run_mut(place);
        let RunState::Ready { checkpoint } = &entry.state else {
            return Err(self.wrong_state(run.to_string()));
        };
        entry.state = RunState::Backoff { until, checkpoint: checkpoint.clone() };
        self.job.deadlines.insert((until, place));
        Ok(())
    }

    pub(super) fn run_failed(&mut self, run: &RunId, error: &RunError) -> Result<(), IllegalEvent> {
        self.settle(run, RunState::Failed(error.clone()))?;
        let place = self.run_named(run)?;
        self.run_mut(place).last_error = Some(error.clone());
        self.job.phases[place.phase.usize()].failed += 1;
        Ok(())
    }

    pub(super) fn run_reused(
        &mut self,
        run: &RunId,
        from: JobId,
        output: &Payload,
        stats: &Payload,
    ) -> Result<(), IllegalEvent> {
        let result = RunResult { output: output.clone(), stats: stats.clone(), reused_from: Some(from) };
        self.settle(run, RunState::Succeeded(result))
    }

    /// Settles a run that holds no slot.
    pub(super) fn settle(&mut self, run: &RunId, state: RunState) -> Result<(), IllegalEvent> {
        let place = self.run_named(run)?;
        let entry = self.run_mut(place);
        let deadline = match &entry.state {
            RunState::Ready { .. } => None,
            RunState::Backoff { until, .. } => Some(*until),
            RunState::Waiting { deadline, .. } => Some(*deadline),
            RunState::Live(_)
            | RunState::Succeeded(_)
            | RunState::Failed(_)
            | RunState::Superseded
            | RunState::Stopped => return Err(self.wrong_state(run.to_string())),
        };
        entry.state = state;
        self.count_settled(place);
        if let Some(deadline) = deadline {
            self.job.deadlines.remove(&(deadline, place));
        }
        Ok(())
    }

    /// One more run has settled: where the map has a limit, the next one may go.
    fn count_settled(&mut self, place: RunRef) {
        let phase = &mut self.job.phases[place.phase.usize()];
        phase.settled += 1;
        let all = u32::try_from(phase.runs.len()).unwrap_or(u32::MAX);
        phase.released = phase.released.saturating_add(1).min(all);
    }

    pub(super) fn signal_awaited(
        &mut self,
        run: &RunId,
        signal: &Name,
        deadline: Timestamp,
    ) -> Result<(), IllegalEvent> {
        let index = self.phase_in_turn(&run.phase, run.turn)?;
        let at = self.event.at;
        let phase = &mut self.job.phases[index.usize()];
        let again =
            phase.runs.first().map(|run| matches!(run.state, RunState::Stopped | RunState::Failed(_)));
        match (again, &phase.status) {
            (None, PhaseStatus::Pending) => {}
            (Some(true), _) => {
                phase.settled = 0;
                phase.failed = 0;
                phase.ended_at = None;
            }
            _ => return Err(self.wrong_state(run.to_string())),
        }
        phase.status = PhaseStatus::Active;
        phase.started_at.get_or_insert(at);
        let mut waiting = Run::ready(at, None, None, None);
        waiting.state = RunState::Waiting { signal: signal.clone(), since: at, deadline };
        phase.runs = vec![waiting];
        self.job.deadlines.insert((deadline, RunRef { phase: index, item: 0 }));
        Ok(())
    }

    pub(super) fn signal_taken(
        &mut self,
        run: &RunId,
        signal: &Name,
        payload: &Payload,
        by: &Arc<str>,
        kept: bool,
    ) -> Result<(), IllegalEvent> {
        let stats = Payload::from_value(&serde_json::json!({ "signal": signal.as_str(), "by": &**by }));
        let result = RunResult { output: payload.clone(), stats, reused_from: None };
        self.settle(run, RunState::Succeeded(result))?;
        if kept && let Some(at) = self.job.inbox.iter().position(|kept| kept.name == *signal) {
            self.job.inbox.remove(at);
        }
        Ok(())
    }
}

/// The digest of the outcome that an event keeps, the same as that of the callback which caused it.
fn digest_of(event: &EventKind) -> OutcomeDigest {
    match event {
        EventKind::AttemptSucceeded { output, stats, .. } => {
            Outcome::Success { output: output.clone(), stats: stats.clone() }.digest()
        }
        EventKind::AttemptFailed { error, .. } => Outcome::Failure { error: error.clone() }.digest(),
        _ => OutcomeDigest([0; 16]),
    }
}

impl Run {
    /// A run that waits for its first slot.
    pub(super) fn ready(
        at: Timestamp,
        item: Option<Payload>,
        coalesce: Option<Arc<str>>,
        breaker: Option<Arc<str>>,
    ) -> Self {
        let state = RunState::Ready { checkpoint: None };
        Self { state, attempts: 0, turned_away: 0, item, coalesce, breaker, ready_at: at, last_error: None }
    }

    /// The same run, fresh.
    fn again(run: &Self, at: Timestamp) -> Self {
        Self::ready(at, run.item.clone(), run.coalesce.clone(), run.breaker.clone())
    }
}
