//! Everything the world must do because of an event, once the event is durable.
//!
//! Effects are the outside: no effect describes a write, and an effect that fails comes back as a command.

use crate::{
    event::{Event, EventKind},
    ids::{AttemptId, Name, PhaseIndex, RunId},
    job::{Job, JobState, PhaseStatus, RunRef, RunState},
    pipeline::{Pipeline, Trigger},
    priority,
};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A run waits for a slot of its service: tell the service's plan.
    Enqueue {
        /// Which.
        run: RunRef,
    },
    /// None of the job's runs waits any more.
    DequeueAll,
    /// Which of the job's runs wait, and how urgently, has changed: tell the plans anew.
    Requeue,
    /// Offer an attempt to its service.
    Dispatch {
        /// Which.
        attempt: AttemptId,
    },
    /// The attempt's slot is free.
    FreeSlot {
        /// Which.
        attempt: AttemptId,
        /// Of which service.
        service: Name,
        /// What the service's breaker should think of it.
        verdict: Verdict,
    },
    /// Tell the service that the attempt is over.
    CancelAttempt {
        /// Which.
        attempt: AttemptId,
        /// Whom.
        service: Name,
    },
    /// Ask the service for a checkpoint.
    AskToPause {
        /// Which.
        attempt: AttemptId,
    },
    /// Ask the service what it knows.
    Probe {
        /// Which.
        attempt: AttemptId,
    },
    /// The job is over.
    Ended,
}

/// What an attempt's end says about its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does its work.
    Good,
    /// It failed in a way that may concern others.
    Bad,
    /// Nothing either way.
    Neither,
}

impl Effect {
    /// The effect's name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enqueue { .. } => "enqueue",
            Self::DequeueAll => "dequeue-all",
            Self::Requeue => "requeue",
            Self::Dispatch { .. } => "dispatch",
            Self::FreeSlot { .. } => "free-slot",
            Self::CancelAttempt { .. } => "cancel-attempt",
            Self::AskToPause { .. } => "ask-to-pause",
            Self::Probe { .. } => "probe",
            Self::Ended => "ended",
        }
    }
}

/// What follows outside from an event. `job` is the job after the whole decision: an attempt that was over before its start
/// became durable is not dispatched.
#[must_use]
pub fn effects(pipeline: &Pipeline, job: &Job, event: &Event) -> Vec<Effect> {
    match &event.kind {
        EventKind::RunReady { run, .. } => enqueue(pipeline, job, run),
        EventKind::MapExpanded { phase, .. } => enqueue_map(pipeline, job, phase.as_str()),
        EventKind::AttemptStarted { attempt, .. } if job.live_attempt(*attempt).is_some() => {
            vec![Effect::Dispatch { attempt: *attempt }]
        }
        EventKind::AttemptHealed { attempt, by: crate::event::Heal::Reoffered } => {
            vec![Effect::Dispatch { attempt: *attempt }]
        }
        EventKind::AttemptSuspected { attempt } => vec![Effect::Probe { attempt: *attempt }],
        EventKind::PauseRequested { attempt, .. } => vec![Effect::AskToPause { attempt: *attempt }],
        EventKind::AttemptSucceeded { run, attempt, .. } => {
            let mut all = free(pipeline, run, *attempt, Verdict::Good);
            all.extend(next_of_map(pipeline, job, run));
            all
        }
        EventKind::AttemptFailed { run, attempt, error, reported } => {
            let verdict = if error.retryable { Verdict::Bad } else { Verdict::Neither };
            let mut all = free(pipeline, run, *attempt, verdict);
            if !reported {
                all.extend(tell_service(pipeline, run, *attempt));
            }
            all
        }
        EventKind::AttemptDeferred { run, attempt, .. } => free(pipeline, run, *attempt, Verdict::Neither),
        EventKind::AttemptPreempted { run, attempt, .. } => {
            let mut all = free(pipeline, run, *attempt, Verdict::Neither);
            all.extend(enqueue(pipeline, job, run));
            all
        }
        EventKind::AttemptCancelled { run, attempt } => {
            let mut all = free(pipeline, run, *attempt, Verdict::Neither);
            all.extend(tell_service(pipeline, run, *attempt));
            all
        }
        EventKind::RunFailed { run, .. }
        | EventKind::RunSuperseded { run }
        | EventKind::RunReused { run, .. } => next_of_map(pipeline, job, run),
        EventKind::JobPaused { .. } | EventKind::JobFailing { .. } => vec![Effect::DequeueAll],
        EventKind::JobResumed { .. } | EventKind::PriorityChanged { .. } | EventKind::JobRerun { .. } => {
            vec![Effect::Requeue]
        }
        EventKind::PhaseFailed { phase, .. } => requeue_without(pipeline, job, phase),
        EventKind::PhaseSucceeded { phase, .. } | EventKind::PhaseSkipped { phase, .. } => {
            requeue_lifted(pipeline, job, phase)
        }
        EventKind::JobFailed | EventKind::JobCancelled { .. } | EventKind::JobCompleted => {
            vec![Effect::DequeueAll, Effect::Ended]
        }
        EventKind::JobStarted { .. }
        | EventKind::AttemptStarted { .. }
        | EventKind::AttemptAccepted { .. }
        | EventKind::AttemptHealed { .. }
        | EventKind::PauseRefused { .. }
        | EventKind::RetryScheduled { .. }
        | EventKind::GateClosed { .. }
        | EventKind::ApprovalRequested { .. }
        | EventKind::ApprovalGiven { .. }
        | EventKind::SignalAwaited { .. }
        | EventKind::SignalKept { .. }
        | EventKind::SignalTaken { .. }
        | EventKind::WaitTimedOut { .. }
        | EventKind::LoopTurned { .. }
        | EventKind::LoopEnded { .. }
        | EventKind::ArtifactStored { .. }
        | EventKind::JobRetried { .. } => Vec::new(),
    }
}

/// Whether runs of a phase may be given a slot in the job's state.
#[must_use]
pub fn may_start(pipeline: &Pipeline, job: &Job, phase: PhaseIndex) -> bool {
    match job.state {
        JobState::Running => true,
        JobState::Failing(_) => pipeline.phase(phase).trigger == Trigger::Failure,
        JobState::Paused { .. } | JobState::Ended { .. } => false,
    }
}

/// Whether a run waits for a slot and may have one.
#[must_use]
pub fn is_queueable(pipeline: &Pipeline, job: &Job, at: RunRef) -> bool {
    let ready = job.run(at).is_some_and(|run| matches!(run.state, RunState::Ready { .. }));
    let active = job.phase(at.phase).status == PhaseStatus::Active;
    ready && active && at.item < job.phase(at.phase).released && may_start(pipeline, job, at.phase)
}

/// All runs that wait for a slot and may have one.
#[must_use]
pub fn queueable(pipeline: &Pipeline, job: &Job) -> Vec<RunRef> {
    job.open_runs().map(|(at, _)| at).filter(|&at| is_queueable(pipeline, job, at)).collect()
}

fn enqueue_map(pipeline: &Pipeline, job: &Job, phase: &str) -> Vec<Effect> {
    let Some(phase) = pipeline.find(phase) else { return Vec::new() };
    (0..job.phase(phase).released)
        .map(|item| RunRef { phase, item })
        .filter(|&at| is_queueable(pipeline, job, at))
        .map(|run| Effect::Enqueue { run })
        .collect()
}

/// A map that has failed by one of its items leaves the others waiting for slots that they must not get any more.
fn requeue_without(pipeline: &Pipeline, job: &Job, phase: &Name) -> Vec<Effect> {
    let open = |phase: PhaseIndex| (job.phase(phase).settled as usize) < job.phase(phase).runs.len();
    let is_open = pipeline.find(phase.as_str()).is_some_and(open);
    if is_open { vec![Effect::Requeue] } else { requeue_lifted(pipeline, job, phase) }
}

/// A join that waits from now on lifts what it waits for.
fn requeue_lifted(pipeline: &Pipeline, job: &Job, phase: &Name) -> Vec<Effect> {
    let lifts = pipeline.find(phase.as_str()).is_some_and(|phase| priority::lifts(pipeline, job, phase));
    if lifts { vec![Effect::Requeue] } else { Vec::new() }
}

fn enqueue(pipeline: &Pipeline, job: &Job, run: &RunId) -> Vec<Effect> {
    match job.run_ref(pipeline, run) {
        Some(run) if is_queueable(pipeline, job, run) => vec![Effect::Enqueue { run }],
        _ => Vec::new(),
    }
}

/// Where a map has a limit, a run that settled lets one more go: which one depends only on how many have settled, so telling
/// the plan twice of the same run is possible and harmless.
fn next_of_map(pipeline: &Pipeline, job: &Job, run: &RunId) -> Vec<Effect> {
    let Some(phase) = pipeline.find(run.phase.as_str()) else { return Vec::new() };
    let state = job.phase(phase);
    let limited = pipeline.phase(phase).map.as_ref().is_some_and(|map| map.parallel.is_some());
    if !limited || state.turn != run.turn || state.released == 0 {
        return Vec::new();
    }
    // Several runs may settle in one decision: look back as far as as many could have been released.
    let lowest = state.released.saturating_sub(state.settled.max(1));
    (lowest..state.released)
        .rev()
        .map(|item| RunRef { phase, item })
        .take_while(|&at| is_queueable(pipeline, job, at))
        .map(|run| Effect::Enqueue { run })
        .collect()
}

fn free(pipeline: &Pipeline, run: &RunId, attempt: AttemptId, verdict: Verdict) -> Vec<Effect> {
    match service_of(pipeline, run) {
        Some(service) => vec![Effect::FreeSlot { attempt, service, verdict }],
        None => Vec::new(),
    }
}

fn tell_service(pipeline: &Pipeline, run: &RunId, attempt: AttemptId) -> Option<Effect> {
    service_of(pipeline, run).map(|service| Effect::CancelAttempt { attempt, service })
}

fn service_of(pipeline: &Pipeline, run: &RunId) -> Option<Name> {
    let phase = pipeline.find(run.phase.as_str())?;
    pipeline.phase(phase).service().map(|work| work.service.clone())
}
