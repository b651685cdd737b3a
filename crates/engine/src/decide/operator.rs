//! What people do to a job: cancel, pause, resume, retry, rerun, change its priority.

use std::sync::Arc;

use super::Decision;
use crate::{
    command::Rejection,
    event::EventKind,
    ids::{AttemptId, PhaseIndex, Priority},
    job::{End, FailureKind, JobState, PauseReason, PhaseStatus, RunRef, RunState},
    payload::Payload,
    pipeline::{Interruptible, Trigger},
};

impl Decision<'_> {
    pub(super) fn cancel(&mut self, reason: Arc<str>, by: Arc<str>) -> Result<(), Rejection> {
        match &self.job.state {
            JobState::Ended { end: End::Cancelled { .. }, .. } => Ok(()),
            JobState::Ended { .. } => Err(self.not_now("cancel")),
            JobState::Running | JobState::Paused { .. } | JobState::Failing(_) => {
                self.cancel_live(|_| true);
                self.record(EventKind::JobCancelled { reason, by });
                Ok(())
            }
        }
    }

    pub(super) fn pause(&mut self, by: Arc<str>) -> Result<(), Rejection> {
        match &self.job.state {
            JobState::Paused { .. } => Ok(()),
            JobState::Failing(_) | JobState::Ended { .. } => Err(self.not_now("pause")),
            JobState::Running => {
                self.record(EventKind::JobPaused { by });
                for attempt in self.pausable() {
                    let because = PauseReason::Operator;
                    self.record(EventKind::PauseRequested { attempt, because });
                }
                Ok(())
            }
        }
    }

    fn pausable(&self) -> Vec<AttemptId> {
        // What would have to be done from the start is rather let end.
        let interruptible = |phase| {
            let work = self.pipeline.phase(phase).service();
            work.is_some_and(|work| work.interruptible == Interruptible::Checkpoint)
        };
        self.job
            .open_runs()
            .filter_map(|(at, run)| match &run.state {
                RunState::Live(attempt)
                    if attempt.accepted && attempt.pausing.is_none() && interruptible(at.phase) =>
                {
                    Some(attempt.id)
                }
                _ => None,
            })
            .collect()
    }

    pub(super) fn resume(&mut self, by: Arc<str>) -> Result<(), Rejection> {
        match &self.job.state {
            JobState::Running => Ok(()),
            JobState::Failing(_) | JobState::Ended { .. } => Err(self.not_now("resume")),
            JobState::Paused { .. } => {
                self.record(EventKind::JobResumed { by });
                Ok(())
            }
        }
    }

    /// After a failure: what failed or stopped is tried again, with all its attempts. While running: what waits to be tried
    /// again goes at once.
    pub(super) fn retry(&mut self, by: Arc<str>) -> Result<(), Rejection> {
        let kind = self.job.failure().map(|failure| failure.kind);
        match &self.job.state {
            JobState::Running if self.backing_off().is_empty() => Err(self.not_now("retry")),
            JobState::Running => {
                for at in self.backing_off() {
                    self.make_ready(at);
                }
                Ok(())
            }
            JobState::Ended { end: End::Complete, .. } | JobState::Paused { .. } | JobState::Failing(_) => {
                Err(self.not_now("retry"))
            }
            JobState::Ended { .. } => {
                self.record(EventKind::JobRetried { by });
                if kind == Some(FailureKind::Loop) {
                    self.restart_exhausted_loops();
                }
                self.reopen();
                Ok(())
            }
        }
    }

    /// What failed or waits to be tried again is through, because somebody takes what its service reported too late. Where the
    /// job has failed, all else that failed is tried again, as by [`Decision::retry`].
    pub(super) fn adopt(
        &mut self,
        at: RunRef,
        output: Payload,
        stats: Payload,
        by: Arc<str>,
    ) -> Result<(), Rejection> {
        match (self.job.run(at).map(|run| &run.state), &self.job.state) {
            (Some(RunState::Ready { .. }), JobState::Running)
                if crate::effect::is_queueable(self.pipeline, self.job, at) => {}
            (Some(RunState::Backoff { .. }), JobState::Running)
                if self.job.phase(at.phase).status == PhaseStatus::Active =>
            {
                self.make_ready(at);
            }
            (Some(RunState::Failed(_) | RunState::Stopped), JobState::Ended { .. })
                if self.retry_reaches(at, by.clone())? =>
            {
                self.retry(by)?;
            }
            _ => return Err(self.not_now("apply")),
        }
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::RunReused { run, from: self.job.id, output, stats });
        Ok(())
    }

    /// Whether a run would be done again by [`Decision::retry`]; one of a branch that nobody waits for any more is not. Tried on
    /// a copy, so that a refusal changes nothing.
    fn retry_reaches(&self, at: RunRef, by: Arc<str>) -> Result<bool, Rejection> {
        let mut copy = self.job.clone();
        Decision::new(self.pipeline, &mut copy, self.now).retry(by)?;
        Ok(crate::effect::is_queueable(self.pipeline, &copy, at))
    }

    pub(super) fn rerun(
        &mut self,
        from: PhaseIndex,
        input: Option<Payload>,
        by: Arc<str>,
    ) -> Result<(), Rejection> {
        let name = self.pipeline.phase(from).id.clone();
        if self.is_failure_phase(from) {
            return Err(self.not_now("rerun of a phase for failures"));
        }
        let usable = |phase: PhaseIndex| {
            matches!(self.job.phase(phase).status, PhaseStatus::Succeeded | PhaseStatus::Skipped(_))
        };
        let missing: Vec<String> = self
            .pipeline
            .ancestors(from)
            .into_iter()
            .filter(|&phase| !usable(phase))
            .map(|phase| self.pipeline.phase(phase).id.to_string())
            .collect();
        if !missing.is_empty() {
            return Err(Rejection::PrerequisitesMissing { phase: name, missing });
        }
        // What does not follow from the phase goes on undisturbed.
        let again = self.pipeline.done_again(from);
        let pipeline = self.pipeline;
        self.cancel_live(|phase| again.contains(&phase) || pipeline.phase(phase).trigger == Trigger::Failure);
        // In the journal `null` can't be told from no input at all.
        let input = input.filter(|input| input.get() != "null");
        self.record(EventKind::JobRerun { from: name, input, by });
        self.reopen();
        Ok(())
    }

    pub(super) fn set_priority(&mut self, priority: Priority, by: Arc<str>) -> Result<(), Rejection> {
        if self.job.has_ended() {
            return Err(self.not_now("priority"));
        }
        if self.job.priority != Some(priority) {
            self.record(EventKind::PriorityChanged { priority, by });
        }
        Ok(())
    }

    fn backing_off(&self) -> Vec<RunRef> {
        let waits = |(at, run): (RunRef, &crate::job::Run)| {
            matches!(run.state, RunState::Backoff { .. }).then_some(at)
        };
        self.job.open_runs().filter_map(waits).collect()
    }

    fn restart_exhausted_loops(&mut self) {
        for (number, one) in self.pipeline.loops.iter().enumerate() {
            let state = &self.job.loops[number];
            if state.ended.is_none() && state.turn >= one.max {
                self.record(EventKind::LoopTurned { id: one.id.clone(), turn: 1 });
            }
        }
    }

    /// Runs that failed or stopped in phases that are open wait for a slot, or for their decision, once more.
    fn reopen(&mut self) {
        for phase in self.pipeline.indexes() {
            let state = self.job.phase(phase);
            if state.status != PhaseStatus::Active {
                continue;
            }
            let again: Vec<RunRef> = (0u32..)
                .zip(&state.runs)
                .filter(|(_, run)| matches!(run.state, RunState::Failed(_) | RunState::Stopped))
                .map(|(item, _)| RunRef { phase, item })
                .collect();
            for at in again {
                match self.pipeline.phase(phase).service() {
                    Some(_) => self.make_ready(at),
                    None => self.await_signal(phase),
                }
            }
        }
    }

    fn make_ready(&mut self, at: RunRef) {
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::RunReady { run, item: None, coalesce: None, breaker: None });
    }
}
