//! What follows from a command: decided here, written down as events, changed by [`crate::apply`] alone.
//!
//! [`decide`] applies each event to the job as soon as it has decided it, because the next one may depend on it; so the job
//! that comes out is the one that a replay of the events gives. Whoever calls makes the events durable before anybody sees
//! the job or any effect. A rejection leaves the job as it was: every command checks before it records.
//!
//! This file only dispatches. One file per group of commands; `advance` holds what follows from the state alone.

mod advance;
mod attempt;
mod operator;
mod outside;
mod settle;
mod start;
mod tick;

use crate::{
    apply::{self, IllegalEvent},
    command::{Command, Now, Rejection, Start},
    event::{Event, EventKind},
    ids::{AttemptId, PhaseIndex},
    job::{Failure, FailureKind, Job, JobState, RunError, RunRef, RunState},
    pipeline::{Pipeline, Trigger},
};

/// Why nothing came of a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The command is refused; the job is unchanged.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A bug: an event did not fit. The job in hand is to be thrown away and loaded from its journal.
    #[error("an event was decided that does not fit: {0}")]
    Illegal(#[from] IllegalEvent),
}

/// Starts a job.
///
/// # Errors
/// [`DecideError::Illegal`] only, which is a bug.
pub fn start(pipeline: &Pipeline, start: Start, now: Now) -> Result<(Job, Vec<Event>), DecideError> {
    let kind = EventKind::JobStarted {
        job: start.job,
        pipeline: pipeline.name.clone(),
        definition: pipeline.hash,
        key: start.key,
        input: start.input,
        priority: start.priority,
        mode: start.mode.unwrap_or(pipeline.mode),
        traceparent: start.traceparent,
        idempotency_key: start.idempotency_key,
    };
    let first = Event { at: now.0, kind };
    let mut job = apply::create(pipeline, &first)?;
    let mut decision = Decision::new(pipeline, &mut job, now);
    decision.events.push(first);
    decision.advance();
    let events = decision.finish()?;
    Ok((job, events))
}

/// Decides what follows from a command, and applies it.
///
/// # Errors
/// [`DecideError::Rejected`]: the job is unchanged. [`DecideError::Illegal`]: a bug, the job must be loaded again.
pub fn decide(
    pipeline: &Pipeline,
    job: &mut Job,
    command: Command,
    now: Now,
) -> Result<Vec<Event>, DecideError> {
    let mut decision = Decision::new(pipeline, job, now);
    decision.command(command)?;
    decision.advance();
    decision.finish()
}

/// A decision in the making: the job as it grows and the events so far.
struct Decision<'a> {
    pipeline: &'a Pipeline,
    job: &'a mut Job,
    now: Now,
    events: Vec<Event>,
    illegal: Option<IllegalEvent>,
}

impl<'a> Decision<'a> {
    fn new(pipeline: &'a Pipeline, job: &'a mut Job, now: Now) -> Self {
        // A wall clock may be set back; in a job time never goes back.
        let now = Now(now.0.max(job.updated_at));
        Self { pipeline, job, now, events: Vec::new(), illegal: None }
    }

    fn command(&mut self, command: Command) -> Result<(), Rejection> {
        match command {
            Command::Grant { run, attempt } => self.grant(run, attempt),
            Command::Accept { attempt } => self.accept(attempt),
            Command::Refuse { attempt, refusal } => self.refuse(attempt, refusal),
            Command::Report { attempt, outcome } => self.report(attempt, outcome),
            Command::Beat { attempt } => self.beat(attempt),
            Command::Silence { attempt } => self.silence(attempt),
            Command::Probed { attempt, finding } => self.probed(attempt, finding),
            Command::Preempt { attempt, by } => self.preempt(attempt, by),
            Command::PauseAnswered { attempt, checkpoint } => self.pause_answered(attempt, checkpoint),
            Command::PauseRefused { attempt } => self.pause_refused(attempt),
            Command::Supersede { run } => self.supersede(run),
            Command::Reuse { run, from, output, stats } => self.reuse(run, from, output, stats),
            Command::Adopt { run, output, stats, by } => self.adopt(run, output, stats, by),
            Command::Tick => self.tick(),
            Command::Signal { name, payload, by } => self.signal(name, payload, by),
            Command::StoreArtifact { name, artifact, attempt } => {
                self.store_artifact(name, artifact, attempt)
            }
            Command::Cancel { reason, by } => self.cancel(reason, by),
            Command::Pause { by } => self.pause(by),
            Command::Resume { by } => self.resume(by),
            Command::Retry { by } => self.retry(by),
            Command::Rerun { from, input, by } => self.rerun(from, input, by),
            Command::SetPriority { priority, by } => self.set_priority(priority, by),
        }
    }

    /// Notes an event and lets it take effect.
    fn record(&mut self, kind: EventKind) {
        if self.illegal.is_some() {
            return;
        }
        let event = Event { at: self.now.0, kind };
        match apply::apply(self.pipeline, self.job, &event) {
            Ok(()) => self.events.push(event),
            Err(illegal) => self.illegal = Some(illegal),
        }
    }

    fn finish(self) -> Result<Vec<Event>, DecideError> {
        match self.illegal {
            Some(illegal) => Err(DecideError::Illegal(illegal)),
            None => Ok(self.events),
        }
    }

    // === what several commands need

    /// The run and attempt, where it is live; else the answer that a stranger gets.
    fn live(&self, attempt: AttemptId) -> Result<(RunRef, crate::job::Attempt), Rejection> {
        if let Some((run, live)) = self.job.live_attempt(attempt) {
            return Ok((run, live.clone()));
        }
        let Some(record) = self.job.attempts.get(&attempt) else {
            return Err(Rejection::UnknownAttempt(attempt));
        };
        let current = match self.job.run(record.run).map(|run| &run.state) {
            Some(RunState::Live(current)) => Some(current.id),
            _ => None,
        };
        let mut run = self.job.run_id(self.pipeline, record.run);
        run.turn = record.turn;
        Err(Rejection::Superseded { run, attempt, current })
    }

    /// The job is about to fail; only the first reason counts.
    fn fail_job(&mut self, kind: FailureKind, at: RunRef, error: RunError) {
        if matches!(self.job.state, JobState::Failing(_) | JobState::Ended { .. }) {
            return;
        }
        let run = self.job.run_id(self.pipeline, at);
        self.record(EventKind::JobFailing { failure: Failure { kind, run, error } });
        if self.pipeline.on_failure == crate::pipeline::OnFailure::Cancel {
            self.cancel_live(|_| true);
        }
    }

    /// Ends live attempts from our side.
    fn cancel_live(&mut self, which: impl Fn(PhaseIndex) -> bool) {
        let live: Vec<(RunRef, AttemptId)> = self
            .job
            .open_runs()
            .filter_map(|(at, run)| match &run.state {
                RunState::Live(attempt) if which(at.phase) => Some((at, attempt.id)),
                _ => None,
            })
            .collect();
        for (at, attempt) in live {
            let run = self.job.run_id(self.pipeline, at);
            self.record(EventKind::AttemptCancelled { run, attempt });
        }
    }

    fn is_failure_phase(&self, phase: PhaseIndex) -> bool {
        self.pipeline.phase(phase).trigger == Trigger::Failure
    }

    fn not_now(&self, command: &'static str) -> Rejection {
        Rejection::NotNow { command, state: state_name(self.job) }
    }
}

/// The job's state in one word, as in `GET …/status`.
#[must_use]
pub fn state_name(job: &Job) -> &'static str {
    use crate::job::End;
    match &job.state {
        JobState::Running => "running",
        JobState::Paused { .. } => "paused",
        JobState::Failing(_) => "failing",
        JobState::Ended { end: End::Complete, .. } => "complete",
        JobState::Ended { end: End::ValidationFailed(_), .. } => "validation_failed",
        JobState::Ended { end: End::Error(_), .. } => "error",
        JobState::Ended { end: End::Cancelled { .. }, .. } => "cancelled",
    }
}
