//! Everything that did happen to a job: the durable truth.
//!
//! Events are only added to. A variant or field is never renamed or removed; a new field has a default. The corpus under
//! `test_data/journals` must replay for ever. They name runs in full (`baskets[3]#2`), so that a journal can be read without
//! the program that wrote it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, JobId, Name, Priority, RunId, Timestamp},
    job::{Artifact, Failure, LoopEnd, PauseReason, RunError, SkipReason},
    payload::Payload,
    pipeline::{DefinitionHash, Mode},
};

/// An event and when it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "is")]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// The job was started.
    JobStarted {
        /// Its id.
        job: JobId,
        /// Name of its pipeline.
        pipeline: Name,
        /// The definition that it keeps.
        definition: DefinitionHash,
        /// Its key.
        key: Arc<str>,
        /// What the caller gave.
        input: Payload,
        /// What the caller asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<Priority>,
        /// How far it goes on by itself.
        mode: Mode,
        /// W3C `traceparent` of the caller.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traceparent: Option<Arc<str>>,
        /// So that the same start again is the same job.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<Arc<str>>,
    },
    /// A run's join is satisfied: it waits for a slot.
    RunReady {
        /// The run.
        run: RunId,
        /// Its item, where it is that of a failure phase.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<Payload>,
        /// Runs with the same value are one to the service's plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        coalesce: Option<Arc<str>>,
        /// Which breaker guards it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        breaker: Option<Arc<str>>,
    },
    /// A map's join is satisfied: there is a run for each item.
    MapExpanded {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
        /// The items, stored once.
        items: Vec<Payload>,
        /// For each item, where runs with the same value are one to the service's plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        coalesce: Vec<Arc<str>>,
        /// For each item, which breaker guards it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        breaker: Vec<Arc<str>>,
    },
    /// A run has a slot: its attempt may be offered to the service.
    AttemptStarted {
        /// The run.
        run: RunId,
        /// The fence.
        attempt: AttemptId,
        /// From 1.
        number: u32,
        /// When it will have failed.
        deadline: Timestamp,
    },
    /// The service has accepted it.
    AttemptAccepted {
        /// Which.
        attempt: AttemptId,
    },
    /// The service has been silent for too long.
    AttemptSuspected {
        /// Which.
        attempt: AttemptId,
    },
    /// It was not lost after all.
    AttemptHealed {
        /// Which.
        attempt: AttemptId,
        /// How.
        by: Heal,
    },
    /// The service called back with a result.
    AttemptSucceeded {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
        /// The result.
        output: Payload,
        /// Figures about it.
        stats: Payload,
    },
    /// The attempt came to nothing.
    AttemptFailed {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
        /// Why.
        error: RunError,
        /// By a callback of the service, or found out otherwise.
        #[serde(default)]
        reported: bool,
    },
    /// The service was busy: the run waits and no attempt is used up.
    AttemptDeferred {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
        /// Until when.
        until: Timestamp,
    },
    /// Asked for a checkpoint.
    PauseRequested {
        /// Which.
        attempt: AttemptId,
        /// For whom.
        because: PauseReason,
    },
    /// It did not pause, and goes on as before.
    PauseRefused {
        /// Which.
        attempt: AttemptId,
    },
    /// It gave a checkpoint and its slot.
    AttemptPreempted {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
        /// From where to go on.
        checkpoint: Payload,
    },
    /// The attempt was ended from our side.
    AttemptCancelled {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
    },
    /// The run will be tried again.
    RetryScheduled {
        /// The run.
        run: RunId,
        /// When.
        until: Timestamp,
    },
    /// The run is not tried again.
    RunFailed {
        /// The run.
        run: RunId,
        /// Why.
        error: RunError,
    },
    /// A newer run with the same key went instead.
    RunSuperseded {
        /// The run.
        run: RunId,
    },
    /// The result of an equal run was taken.
    RunReused {
        /// The run.
        run: RunId,
        /// Whose result.
        from: JobId,
        /// The result.
        output: Payload,
        /// Figures about it.
        stats: Payload,
    },
    /// The phase was not needed.
    PhaseSkipped {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
        /// Why.
        because: SkipReason,
    },
    /// A gate was false or could not be evaluated.
    GateClosed {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
        /// The error that the job would fail with.
        error: RunError,
        /// False in mode full: the job goes on.
        enforced: bool,
    },
    /// The phase waits for somebody to say go on.
    ApprovalRequested {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
        /// Until when.
        deadline: Timestamp,
    },
    /// Somebody said go on.
    ApprovalGiven {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
        /// Who.
        by: Arc<str>,
    },
    /// The phase is through: everything after it may count on it.
    PhaseSucceeded {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
    },
    /// The phase failed.
    PhaseFailed {
        /// The phase.
        phase: Name,
        /// Its turn.
        turn: u32,
    },
    /// A run waits for a decision.
    SignalAwaited {
        /// The run.
        run: RunId,
        /// The signal.
        signal: Name,
        /// Until when.
        deadline: Timestamp,
    },
    /// A decision came that nobody waits for yet.
    SignalKept {
        /// The signal.
        signal: Name,
        /// What was decided.
        payload: Payload,
        /// Who decided.
        by: Arc<str>,
    },
    /// A run has its decision.
    SignalTaken {
        /// The run.
        run: RunId,
        /// The signal.
        signal: Name,
        /// What was decided.
        payload: Payload,
        /// Who decided.
        by: Arc<str>,
        /// It had been kept.
        #[serde(default)]
        kept: bool,
    },
    /// Nobody decided in time.
    WaitTimedOut {
        /// The run.
        run: RunId,
    },
    /// A loop begins again.
    LoopTurned {
        /// The loop.
        id: Name,
        /// The turn that begins.
        turn: u32,
    },
    /// A loop is over.
    LoopEnded {
        /// The loop.
        id: Name,
        /// How.
        end: LoopEnd,
    },
    /// A blob was stored.
    ArtifactStored {
        /// Its name.
        name: Arc<str>,
        /// The blob.
        artifact: Artifact,
    },
    /// Somebody changed how urgent the job is.
    PriorityChanged {
        /// To what.
        priority: Priority,
        /// Who.
        by: Arc<str>,
    },
    /// Somebody stopped the job for a while.
    JobPaused {
        /// Who.
        by: Arc<str>,
    },
    /// It goes on.
    JobResumed {
        /// Who.
        by: Arc<str>,
    },
    /// Something went wrong that the job can't go on from.
    JobFailing {
        /// What.
        failure: Failure,
    },
    /// It ended without success.
    JobFailed,
    /// It was cancelled.
    JobCancelled {
        /// Why, in the words of who did it.
        reason: Arc<str>,
        /// Who.
        by: Arc<str>,
    },
    /// All phases are through.
    JobCompleted,
    /// What failed is tried again.
    JobRetried {
        /// Who.
        by: Arc<str>,
    },
    /// A phase and all that follows from it is done again.
    JobRerun {
        /// From where.
        from: Name,
        /// Replaces the job's input, where given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Payload>,
        /// Who.
        by: Arc<str>,
    },
}

/// How an attempt that was silent was found to be well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Heal {
    /// It said something.
    Heartbeat,
    /// The service, asked, said that it is working.
    Working,
    /// The service, asked, knew nothing of it: it is offered again under the same key.
    Reoffered,
}

impl EventKind {
    /// The event's name, as in the journal.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::JobStarted { .. } => "jobStarted",
            Self::RunReady { .. } => "runReady",
            Self::MapExpanded { .. } => "mapExpanded",
            Self::AttemptStarted { .. } => "attemptStarted",
            Self::AttemptAccepted { .. } => "attemptAccepted",
            Self::AttemptSuspected { .. } => "attemptSuspected",
            Self::AttemptHealed { .. } => "attemptHealed",
            Self::AttemptSucceeded { .. } => "attemptSucceeded",
            Self::AttemptFailed { .. } => "attemptFailed",
            Self::AttemptDeferred { .. } => "attemptDeferred",
            Self::PauseRequested { .. } => "pauseRequested",
            Self::PauseRefused { .. } => "pauseRefused",
            Self::AttemptPreempted { .. } => "attemptPreempted",
            Self::AttemptCancelled { .. } => "attemptCancelled",
            Self::RetryScheduled { .. } => "retryScheduled",
            Self::RunFailed { .. } => "runFailed",
            Self::RunSuperseded { .. } => "runSuperseded",
            Self::RunReused { .. } => "runReused",
            Self::PhaseSkipped { .. } => "phaseSkipped",
            Self::GateClosed { .. } => "gateClosed",
            Self::ApprovalRequested { .. } => "approvalRequested",
            Self::ApprovalGiven { .. } => "approvalGiven",
            Self::PhaseSucceeded { .. } => "phaseSucceeded",
            Self::PhaseFailed { .. } => "phaseFailed",
            Self::SignalAwaited { .. } => "signalAwaited",
            Self::SignalKept { .. } => "signalKept",
            Self::SignalTaken { .. } => "signalTaken",
            Self::WaitTimedOut { .. } => "waitTimedOut",
            Self::LoopTurned { .. } => "loopTurned",
            Self::LoopEnded { .. } => "loopEnded",
            Self::ArtifactStored { .. } => "artifactStored",
            Self::PriorityChanged { .. } => "priorityChanged",
            Self::JobPaused { .. } => "jobPaused",
            Self::JobResumed { .. } => "jobResumed",
            Self::JobFailing { .. } => "jobFailing",
            Self::JobFailed => "jobFailed",
            Self::JobCancelled { .. } => "jobCancelled",
            Self::JobCompleted => "jobCompleted",
            Self::JobRetried { .. } => "jobRetried",
            Self::JobRerun { .. } => "jobRerun",
        }
    }
}
