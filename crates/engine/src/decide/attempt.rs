//! Attempts: a slot granted, an offer accepted or refused, a callback, silence, a checkpoint.

use super::Decision;
use crate::{
    command::{Outcome, ProbeFinding, Refusal, Rejection},
    event::{EventKind, Heal},
    ids::{AttemptId, JobId},
    job::{AttemptEnd, JobState, PauseReason, RunError, RunRef, RunState},
    payload::Payload,
    pipeline::Interruptible,
    retry,
};

impl Decision<'_> {
    pub(super) fn grant(&mut self, at: RunRef, attempt: AttemptId) -> Result<(), Rejection> {
        if self.job.attempts.contains_key(&attempt) {
            return Err(Rejection::Duplicate);
        }
        let entry = self.ready(at)?;
        let number = entry.attempts + 1;
        let Some(work) = self.pipeline.phase(at.phase).service() else {
            return Err(self.not_ready(at));
        };
        if !crate::effect::is_queueable(self.pipeline, self.job, at) {
            return Err(self.not_now("grant"));
        }
        let deadline = self.now.0.after(work.timeout);
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::AttemptStarted { run, attempt, number, deadline });
        Ok(())
    }

    pub(super) fn accept(&mut self, attempt: AttemptId) -> Result<(), Rejection> {
        let (_, live) = self.live(attempt)?;
        if !live.accepted {
            self.record(EventKind::AttemptAccepted { attempt });
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, attempt: AttemptId, refusal: Refusal) -> Result<(), Rejection> {
        let (at, live) = self.live(attempt)?;
        match refusal {
            Refusal::Busy { retry_after } => {
                let before = self.job.run(at).map_or(0, |run| run.turned_away);
                let until = self.now.0.after(retry::busy(retry_after, before, live.id));
                let run = self.job.run_id(self.pipeline, at);
                self.record(EventKind::AttemptDeferred { run, attempt, until });
            }
            Refusal::Failed { error } => self.fail_attempt(at, attempt, error, false),
        }
        Ok(())
    }

    pub(super) fn report(&mut self, attempt: AttemptId, outcome: Outcome) -> Result<(), Rejection> {
        let (at, _) = match self.live(attempt) {
            Ok(live) => live,
            Err(rejection) => return Err(self.already_over(attempt, &outcome, rejection)),
        };
        match outcome {
            Outcome::Success { output, stats } => {
                let run = self.job.run_id(self.pipeline, at);
                self.record(EventKind::AttemptSucceeded { run, attempt, output, stats });
            }
            Outcome::Failure { error } => self.fail_attempt(at, attempt, error, true),
        }
        Ok(())
    }

    /// The answer to a callback of an attempt that is over.
    fn already_over(&self, attempt: AttemptId, outcome: &Outcome, otherwise: Rejection) -> Rejection {
        let Some(record) = self.job.attempts.get(&attempt) else { return otherwise };
        match record.over {
            Some(AttemptEnd::Reported(digest)) if digest == outcome.digest() => Rejection::Duplicate,
            Some(AttemptEnd::Reported(_)) => {
                let mut run = self.job.run_id(self.pipeline, record.run);
                run.turn = record.turn;
                Rejection::ConflictingOutcome { run }
            }
            Some(AttemptEnd::Superseded) | None => otherwise,
        }
    }

    /// The attempt is over without success: tried again where that may help, else the run has failed.
    pub(super) fn fail_attempt(&mut self, at: RunRef, attempt: AttemptId, error: RunError, reported: bool) {
        let run = self.job.run_id(self.pipeline, at);
        let failed = EventKind::AttemptFailed { run: run.clone(), attempt, error: error.clone(), reported };
        self.record(failed);
        let used = self.job.run(at).map_or(u32::MAX, |run| run.attempts);
        let Some(work) = self.pipeline.phase(at.phase).service() else { return };
        let again = error.retryable && used < work.retry.attempts;
        let draining = matches!(self.job.state, JobState::Failing(_)) && !self.is_failure_phase(at.phase);
        if again && !draining {
            let until = self.now.0.after(retry::backoff(&work.retry, used, attempt));
            self.record(EventKind::RetryScheduled { run, until });
        } else if !again {
            self.record(EventKind::RunFailed { run, error });
        }
    }

    pub(super) fn beat(&mut self, attempt: AttemptId) -> Result<(), Rejection> {
        let (_, live) = self.live(attempt)?;
        if live.suspect.is_some() {
            self.record(EventKind::AttemptHealed { attempt, by: Heal::Heartbeat });
        }
        Ok(())
    }

    pub(super) fn silence(&mut self, attempt: AttemptId) -> Result<(), Rejection> {
        let (_, live) = self.live(attempt)?;
        if live.suspect.is_none() {
            self.record(EventKind::AttemptSuspected { attempt });
        }
        Ok(())
    }

    pub(super) fn probed(&mut self, attempt: AttemptId, finding: ProbeFinding) -> Result<(), Rejection> {
        let (at, live) = self.live(attempt)?;
        match finding {
            ProbeFinding::Working if live.suspect.is_some() => {
                self.record(EventKind::AttemptHealed { attempt, by: Heal::Working });
            }
            ProbeFinding::Unknown if !live.accepted => {
                self.record(EventKind::AttemptHealed { attempt, by: Heal::Reoffered });
            }
            ProbeFinding::Unknown => {
                let error =
                    RunError::retryable("gone", "the service accepted the attempt but no longer knows it");
                self.fail_attempt(at, attempt, error, false);
            }
            ProbeFinding::NoAnswer if live.suspect.is_some() => {
                let error = RunError::retryable("silent", "the service stopped reporting and can't be asked");
                self.fail_attempt(at, attempt, error, false);
            }
            ProbeFinding::Working | ProbeFinding::NoAnswer => {}
        }
        Ok(())
    }

    pub(super) fn preempt(&mut self, attempt: AttemptId, by: JobId) -> Result<(), Rejection> {
        let (at, live) = self.live(attempt)?;
        let work = self.pipeline.phase(at.phase).service();
        let keeps_it = work.is_none_or(|work| work.interruptible == Interruptible::No);
        if keeps_it || !live.accepted || live.pausing.is_some() {
            return Err(self.not_ready(at));
        }
        self.record(EventKind::PauseRequested { attempt, because: PauseReason::For(by) });
        Ok(())
    }

    pub(super) fn pause_answered(
        &mut self,
        attempt: AttemptId,
        checkpoint: Payload,
    ) -> Result<(), Rejection> {
        let (at, live) = self.live(attempt)?;
        if live.pausing.is_none() {
            return Err(self.not_ready(at));
        }
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::AttemptPreempted { run, attempt, checkpoint });
        Ok(())
    }

    pub(super) fn pause_refused(&mut self, attempt: AttemptId) -> Result<(), Rejection> {
        let (_, live) = self.live(attempt)?;
        if live.pausing.is_some() {
            self.record(EventKind::PauseRefused { attempt });
        }
        Ok(())
    }

    pub(super) fn supersede(&mut self, at: RunRef) -> Result<(), Rejection> {
        self.ready(at)?;
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::RunSuperseded { run });
        Ok(())
    }

    pub(super) fn reuse(
        &mut self,
        at: RunRef,
        from: JobId,
        output: Payload,
        stats: Payload,
    ) -> Result<(), Rejection> {
        self.ready(at)?;
        if !crate::effect::is_queueable(self.pipeline, self.job, at) {
            return Err(self.not_now("reuse"));
        }
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::RunReused { run, from, output, stats });
        Ok(())
    }

    fn ready(&self, at: RunRef) -> Result<&crate::job::Run, Rejection> {
        match self.job.run(at) {
            Some(run) if matches!(run.state, RunState::Ready { .. }) && !self.job.has_ended() => Ok(run),
            _ => Err(self.not_ready(at)),
        }
    }

    fn not_ready(&self, at: RunRef) -> Rejection {
        let state = match self.job.run(at).map(|run| &run.state) {
            None => "not there",
            Some(RunState::Ready { .. }) => "waiting for a slot",
            Some(RunState::Backoff { .. }) => "waiting to be tried again",
            Some(RunState::Live(_)) => "running",
            Some(RunState::Waiting { .. }) => "waiting for a decision",
            Some(RunState::Succeeded(_)) => "done",
            Some(RunState::Failed(_)) => "failed",
            Some(RunState::Superseded) => "superseded",
            Some(RunState::Stopped) => "stopped",
        };
        Rejection::RunNotReady { run: self.job.run_id(self.pipeline, at), state }
    }
}
