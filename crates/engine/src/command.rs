//! Everything that can happen to a job, and every way in which it can be refused.

use std::{sync::Arc, time::Duration};

use crate::{
    ids::{AttemptId, JobId, Name, PhaseIndex, Priority, RunId, Timestamp},
    job::{Artifact, OutcomeDigest, RunError, RunRef},
    payload::Payload,
};

/// What a start says.
#[derive(Debug, Clone)]
pub struct Start {
    /// The new job's id.
    pub job: JobId,
    /// Its key.
    pub key: Arc<str>,
    /// What the caller gave.
    pub input: Payload,
    /// What the caller asked for.
    pub priority: Option<Priority>,
    /// Where the caller wants another than the pipeline's.
    pub mode: Option<crate::pipeline::Mode>,
    /// W3C `traceparent`.
    pub traceparent: Option<Arc<str>>,
    /// So that the same start again is the same job.
    pub idempotency_key: Option<Arc<str>>,
}

/// Everything that can happen to a job.
#[derive(Debug, Clone)]
pub enum Command {
    /// The service's plan has a slot for a run.
    Grant {
        /// Which.
        run: RunRef,
        /// The new attempt's id.
        attempt: AttemptId,
    },
    /// The service answered 202.
    Accept {
        /// Which.
        attempt: AttemptId,
    },
    /// The service did not take the attempt.
    Refuse {
        /// Which.
        attempt: AttemptId,
        /// How.
        refusal: Refusal,
    },
    /// The service called back.
    Report {
        /// Which.
        attempt: AttemptId,
        /// With what.
        outcome: Outcome,
    },
    /// The service said that it is working on a suspect attempt.
    Beat {
        /// Which.
        attempt: AttemptId,
    },
    /// The service has been silent for longer than the phase's heartbeat.
    Silence {
        /// Which.
        attempt: AttemptId,
    },
    /// What asking the service about a suspect attempt came to.
    Probed {
        /// Which.
        attempt: AttemptId,
        /// What.
        finding: ProbeFinding,
    },
    /// Somebody more urgent needs the attempt's slot.
    Preempt {
        /// Which.
        attempt: AttemptId,
        /// Who.
        by: JobId,
    },
    /// The service gave a checkpoint.
    PauseAnswered {
        /// Which.
        attempt: AttemptId,
        /// From where to go on.
        checkpoint: Payload,
    },
    /// The service did not pause.
    PauseRefused {
        /// Which.
        attempt: AttemptId,
    },
    /// A newer run with the same key goes instead.
    Supersede {
        /// Which.
        run: RunRef,
    },
    /// An equal run's result is there already.
    Reuse {
        /// Which.
        run: RunRef,
        /// Whose.
        from: JobId,
        /// The result.
        output: Payload,
        /// Figures about it.
        stats: Payload,
    },
    /// What a service reported too late becomes the result of a run of which no attempt is under way. A job that failed goes
    /// on by it.
    Adopt {
        /// Which.
        run: RunRef,
        /// The result.
        output: Payload,
        /// Figures about it.
        stats: Payload,
        /// Who says so.
        by: Arc<str>,
    },
    /// Time has passed.
    Tick,
    /// A decision from outside.
    Signal {
        /// Its name.
        name: Name,
        /// What was decided.
        payload: Payload,
        /// Who.
        by: Arc<str>,
    },
    /// A blob was stored for the job.
    StoreArtifact {
        /// Its name.
        name: Arc<str>,
        /// The blob.
        artifact: Artifact,
        /// The attempt in whose name, where a service stored it: it must hold its slot.
        attempt: Option<AttemptId>,
    },
    /// Stop for good.
    Cancel {
        /// Why.
        reason: Arc<str>,
        /// Who.
        by: Arc<str>,
    },
    /// Stop for a while.
    Pause {
        /// Who.
        by: Arc<str>,
    },
    /// Go on.
    Resume {
        /// Who.
        by: Arc<str>,
    },
    /// Try again what failed.
    Retry {
        /// Who.
        by: Arc<str>,
    },
    /// Do a phase and all that follows from it again.
    Rerun {
        /// From where.
        from: PhaseIndex,
        /// Another input, where given and not `null`.
        input: Option<Payload>,
        /// Who.
        by: Arc<str>,
    },
    /// Change how urgent it is.
    SetPriority {
        /// To what.
        priority: Priority,
        /// Who.
        by: Arc<str>,
    },
}

/// What a callback says.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It worked.
    Success {
        /// The result.
        output: Payload,
        /// Figures about it.
        stats: Payload,
    },
    /// It did not.
    Failure {
        /// Why.
        error: RunError,
    },
}

impl Outcome {
    /// Tells a repetition from a contradiction.
    #[must_use]
    pub fn digest(&self) -> OutcomeDigest {
        match self {
            Self::Success { output, stats } => digest(b"s", &[output.get(), stats.get()]),
            Self::Failure { error } => digest(b"f", &[&error.code, &error.message]),
        }
    }
}

fn digest(tag: &[u8], parts: &[&str]) -> OutcomeDigest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    OutcomeDigest(half)
}

/// How a service did not take an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 429 or 503: later, no attempt used up.
    Busy {
        /// When.
        retry_after: Duration,
    },
    /// Another 4xx, or no answer after all offers.
    Failed {
        /// Why.
        error: RunError,
    },
}

/// What asking a service about an attempt came to. Where it answers "done", that is a [`Command::Report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFinding {
    /// It knows nothing of it.
    Unknown,
    /// It is working.
    Working,
    /// It can't be asked, or does not answer.
    NoAnswer,
}

/// Why a command changes nothing. Every one has an answer for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The same outcome was accepted before.
    #[error("this outcome was accepted before")]
    Duplicate,
    /// Another outcome was accepted before.
    #[error("another outcome of {run} was accepted before")]
    ConflictingOutcome {
        /// The run.
        run: RunId,
    },
    /// The attempt was retried, cancelled or preempted.
    #[error("attempt {attempt} of {run} is no longer the current one")]
    Superseded {
        /// The run.
        run: RunId,
        /// Which.
        attempt: AttemptId,
        /// The one that is, if there is one.
        current: Option<AttemptId>,
    },
    /// The job has had no such attempt.
    #[error("the job has had no attempt {0}")]
    UnknownAttempt(AttemptId),
    /// The run is not waiting for what the command brings.
    #[error("{run} is {state}")]
    RunNotReady {
        /// The run.
        run: RunId,
        /// What it is instead.
        state: &'static str,
    },
    /// The job's state does not allow it.
    #[error("the job is {state}: {command} is not possible")]
    NotNow {
        /// What was asked.
        command: &'static str,
        /// Where the job stands.
        state: &'static str,
    },
    /// Nothing in the pipeline waits for such a signal.
    #[error("nothing in the pipeline waits for a signal '{0}'")]
    UnknownSignal(Name),
    /// A limit was reached.
    #[error("{0}")]
    Limit(String),
    /// Phases before it have no result.
    #[error("'{phase}' needs results of: {missing}", missing = .missing.join(", "))]
    PrerequisitesMissing {
        /// The phase.
        phase: Name,
        /// Which have none.
        missing: Vec<String>,
    },
}

impl Rejection {
    /// Stable, for programs: the `code` of the problem that answers whoever asked (`docs/errors`). The first is no problem: a
    /// repetition is answered as what it repeats was.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::ConflictingOutcome { .. } => "conflicting-outcome",
            Self::Superseded { .. } => "superseded",
            Self::UnknownAttempt(_) => "unknown-attempt",
            Self::RunNotReady { .. } | Self::NotNow { .. } | Self::Limit(_) => "not-now",
            Self::UnknownSignal(_) => "unknown-signal",
            Self::PrerequisitesMissing { .. } => "prerequisites-missing",
        }
    }
}

/// The moment of a decision. Brought by whoever asks; the engine has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now(pub Timestamp);
