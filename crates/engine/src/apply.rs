//! The only writer of a [`Job`]: folds events into it, live and in replay alike.
//!
//! An event that does not fit the job's state is an [`IllegalEvent`], never a panic: a damaged or foreign journal must be told
//! apart from a bug, and [`crate::decide`] checks in tests that it never makes one.

mod attempt;
mod phase;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    event::{Event, EventKind},
    ids::{AttemptId, Name, PhaseIndex, RunId},
    job::{
        Attempt, End, FailureKind, Job, JobState, LoopState, PhaseState, PhaseStatus, Run, RunRef, RunState,
    },
    pipeline::Pipeline,
};

/// An event that can't have happened to this job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    /// The first event is not a start, or a later one is.
    #[error("a job begins with jobStarted and has only one")]
    NotAStart,
    /// The job's definition is another one.
    #[error("the event belongs to another definition of the pipeline")]
    OtherDefinition,
    /// The pipeline has no such phase, or the job no such run in this turn.
    #[error("{event}: there is no {what}")]
    Unknown {
        /// The event.
        event: &'static str,
        /// What is missing.
        what: String,
    },
    /// The thing is in another state.
    #[error("{event}: {what} is in another state")]
    WrongState {
        /// The event.
        event: &'static str,
        /// What.
        what: String,
    },
}

/// The job that a start makes.
///
/// # Errors
/// [`IllegalEvent`] where the event is not a start or belongs to another definition.
pub fn create(pipeline: &Pipeline, event: &Event) -> Result<Job, IllegalEvent> {
    let EventKind::JobStarted { job, definition, key, input, priority, mode, traceparent, .. } = &event.kind
    else {
        return Err(IllegalEvent::NotAStart);
    };
    if *definition != pipeline.hash {
        return Err(IllegalEvent::OtherDefinition);
    }
    Ok(Job {
        id: *job,
        key: key.clone(),
        definition: *definition,
        input: input.clone(),
        priority: *priority,
        mode: *mode,
        traceparent: traceparent.clone(),
        created_at: event.at,
        updated_at: event.at,
        events: 1,
        state: JobState::Running,
        phases: pipeline.phases.iter().map(|_| PhaseState::pending(1)).collect(),
        loops: pipeline.loops.iter().map(|_| LoopState { turn: 1, ended: None }).collect(),
        attempts: BTreeMap::new(),
        deadlines: BTreeSet::new(),
        inbox: VecDeque::new(),
        artifacts: BTreeMap::new(),
        live_attempts: 0,
    })
}

/// Folds one event into the job.
///
/// # Errors
/// [`IllegalEvent`] where it does not fit; the job is then unchanged.
pub fn apply(pipeline: &Pipeline, job: &mut Job, event: &Event) -> Result<(), IllegalEvent> {
    let mut fold = Fold { pipeline, job, event };
    fold.fold()?;
    fold.job.events += 1;
    fold.job.updated_at = event.at;
    Ok(())
}

/// One event on its way into a job.
struct Fold<'a> {
    pipeline: &'a Pipeline,
    job: &'a mut Job,
    event: &'a Event,
}

impl Fold<'_> {
    fn fold(&mut self) -> Result<(), IllegalEvent> {
        match &self.event.kind {
            EventKind::JobStarted { .. } => return Err(IllegalEvent::NotAStart),
            EventKind::RunReady { run, item, coalesce, breaker } => {
                self.run_ready(run, item.clone(), coalesce.clone(), breaker.clone())?;
            }
            EventKind::MapExpanded { phase, turn, items, coalesce, breaker } => {
                self.map_expanded(phase, *turn, items, coalesce, breaker)?;
            }
            EventKind::AttemptStarted { run, attempt, number, deadline } => {
                self.attempt_started(run, *attempt, *number, *deadline)?;
            }
            EventKind::AttemptAccepted { attempt } => self.live(*attempt)?.accepted = true,
            EventKind::AttemptSuspected { attempt } => {
                let at = self.event.at;
                self.live(*attempt)?.suspect = Some(at);
            }
            EventKind::AttemptHealed { attempt, .. } => self.live(*attempt)?.suspect = None,
            EventKind::PauseRequested { attempt, because } => {
                self.live(*attempt)?.pausing = Some(because.clone());
            }
            EventKind::PauseRefused { attempt } => self.live(*attempt)?.pausing = None,
            EventKind::AttemptSucceeded { run, attempt, output, stats } => {
                self.attempt_succeeded(run, *attempt, output, stats)?;
            }
            EventKind::AttemptFailed { run, attempt, error, reported } => {
                self.attempt_failed(run, *attempt, error, *reported)?;
            }
            EventKind::AttemptDeferred { run, attempt, until } => {
                self.attempt_deferred(run, *attempt, *until)?;
            }
            EventKind::AttemptPreempted { run, attempt, checkpoint } => {
                self.attempt_preempted(run, *attempt, checkpoint)?;
            }
            EventKind::AttemptCancelled { run, attempt } => self.attempt_cancelled(run, *attempt)?,
            EventKind::RetryScheduled { run, until } => self.retry_scheduled(run, *until)?,
            EventKind::RunFailed { run, error } => self.run_failed(run, error)?,
            EventKind::WaitTimedOut { run } => self.settle(run, RunState::Stopped)?,
            EventKind::RunSuperseded { run } => self.settle(run, RunState::Superseded)?,
            EventKind::RunReused { run, from, output, stats } => {
                self.run_reused(run, *from, output, stats)?;
            }
            EventKind::SignalAwaited { run, signal, deadline } => {
                self.signal_awaited(run, signal, *deadline)?;
            }
            EventKind::SignalTaken { run, payload, by, kept, signal } => {
                self.signal_taken(run, signal, payload, by, *kept)?;
            }
            EventKind::PhaseSkipped { .. }
            | EventKind::GateClosed { .. }
            | EventKind::ApprovalRequested { .. }
            | EventKind::ApprovalGiven { .. }
            | EventKind::PhaseSucceeded { .. }
            | EventKind::PhaseFailed { .. }
            | EventKind::LoopTurned { .. }
            | EventKind::LoopEnded { .. } => self.phase_event()?,
            EventKind::SignalKept { .. }
            | EventKind::ArtifactStored { .. }
            | EventKind::PriorityChanged { .. }
            | EventKind::JobPaused { .. }
            | EventKind::JobResumed { .. }
            | EventKind::JobFailing { .. }
            | EventKind::JobFailed
            | EventKind::JobCancelled { .. }
            | EventKind::JobCompleted
            | EventKind::JobRetried { .. }
            | EventKind::JobRerun { .. } => self.job_event()?,
        }
        Ok(())
    }

    /// Events that concern the job as a whole.
    fn job_event(&mut self) -> Result<(), IllegalEvent> {
        let at = self.event.at;
        match &self.event.kind {
            EventKind::SignalKept { signal, payload, by } => self.job.inbox.push_back(crate::job::Signal {
                name: signal.clone(),
                payload: payload.clone(),
                by: by.clone(),
            }),
            EventKind::ArtifactStored { name, artifact } => {
                self.job.artifacts.insert(name.clone(), artifact.clone());
            }
            EventKind::PriorityChanged { priority, .. } => self.job.priority = Some(*priority),
            EventKind::JobPaused { .. } => self.job.state = JobState::Paused { since: at },
            EventKind::JobResumed { .. } => self.job.state = JobState::Running,
            EventKind::JobFailing { failure } => self.job.state = JobState::Failing(failure.clone()),
            EventKind::JobFailed => {
                let JobState::Failing(failure) = self.job.state.clone() else {
                    return Err(self.wrong_state("the job"));
                };
                let end = match failure.kind {
                    FailureKind::Gate => End::ValidationFailed(failure),
                    FailureKind::Run | FailureKind::Loop | FailureKind::Approval => End::Error(failure),
                };
                self.end(end);
            }
            EventKind::JobCancelled { reason, .. } => self.end(End::Cancelled { reason: reason.clone() }),
            EventKind::JobCompleted => self.end(End::Complete),
            EventKind::JobRetried { .. } => self.retry(),
            EventKind::JobRerun { from, input, .. } => {
                let from = self.phase_named(from)?;
                if let Some(input) = input {
                    self.job.input = input.clone();
                }
                self.rerun(from);
            }
            _ => return Err(self.wrong_state("the job")),
        }
        Ok(())
    }

    /// The job is over: what had not settled stopped.
    fn end(&mut self, end: End) {
        self.stop_open_runs(|_| true);
        self.job.state = JobState::Ended { end, at: self.event.at };
    }

    /// Marks runs that have not settled as stopped.
    fn stop_open_runs(&mut self, which: impl Fn(PhaseIndex) -> bool) {
        for number in 0..self.job.phases.len() {
            let index = PhaseIndex(u16::try_from(number).unwrap_or(u16::MAX));
            if !which(index) {
                continue;
            }
            let phase = &mut self.job.phases[number];
            for run in phase.runs.iter_mut().filter(|run| !run.state.is_settled()) {
                run.state = RunState::Stopped;
                phase.settled += 1;
            }
            phase.live = 0;
            if matches!(phase.status, PhaseStatus::AwaitingApproval { .. }) {
                phase.status = PhaseStatus::Active;
            }
            self.job.deadlines.retain(|(_, run)| run.phase != index);
        }
    }

    // === finding things by their names

    fn phase_named(&self, name: &Name) -> Result<PhaseIndex, IllegalEvent> {
        self.pipeline.find(name.as_str()).ok_or_else(|| self.unknown(format!("phase '{name}'")))
    }

    fn phase_in_turn(&self, name: &Name, turn: u32) -> Result<PhaseIndex, IllegalEvent> {
        let index = self.phase_named(name)?;
        if self.job.phase(index).turn == turn {
            Ok(index)
        } else {
            Err(self.unknown(format!("turn {turn} of '{name}'")))
        }
    }

    fn run_named(&self, run: &RunId) -> Result<RunRef, IllegalEvent> {
        self.job.run_ref(self.pipeline, run).ok_or_else(|| self.unknown(format!("run {run}")))
    }

    fn run_mut(&mut self, at: RunRef) -> &mut Run {
        &mut self.job.phases[at.phase.usize()].runs[at.item as usize]
    }

    fn live(&mut self, attempt: AttemptId) -> Result<&mut Attempt, IllegalEvent> {
        let unknown = self.unknown(format!("live attempt {attempt}"));
        let Some((at, _)) = self.job.live_attempt(attempt) else { return Err(unknown) };
        match &mut self.run_mut(at).state {
            RunState::Live(attempt) => Ok(attempt),
            _ => Err(unknown),
        }
    }

    fn unknown(&self, what: String) -> IllegalEvent {
        IllegalEvent::Unknown { event: self.event.kind.name(), what }
    }

    fn wrong_state(&self, what: impl Into<String>) -> IllegalEvent {
        IllegalEvent::WrongState { event: self.event.kind.name(), what: what.into() }
    }
}
