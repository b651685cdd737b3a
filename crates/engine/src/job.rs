//! What a job is: one enum per thing that has states, with the fields of a state inside its variant.
//!
//! Nothing here changes anything. [`crate::apply`] is the only writer, live and in replay.

mod look;
mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

pub use snapshot::{SNAPSHOT_VERSION, SnapshotError};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, JobId, Name, PhaseIndex, Priority, RunId, Timestamp},
    payload::Payload,
    pipeline::{DefinitionHash, Mode},
};

/// One execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its key, unique among the pipeline's live jobs.
    pub key: Arc<str>,
    /// The definition that it started with.
    pub definition: DefinitionHash,
    /// What the caller gave.
    pub input: Payload,
    /// What the caller asked for; none: each phase has its own.
    pub priority: Option<Priority>,
    /// How far it goes on by itself.
    pub mode: Mode,
    /// W3C `traceparent` of the caller.
    pub traceparent: Option<Arc<str>>,
    /// When it was started.
    pub created_at: Timestamp,
    /// Time of the last event.
    pub updated_at: Timestamp,
    /// How many events it has had.
    pub events: u64,
    /// Where it stands.
    pub state: JobState,
    /// By index of the pipeline's phases.
    pub phases: Vec<PhaseState>,
    /// By index of the pipeline's loops.
    pub loops: Vec<LoopState>,
    /// Every attempt there has been.
    pub attempts: BTreeMap<AttemptId, AttemptRecord>,
    /// Deadlines of runs and phases; the first is when the job must be woken.
    pub deadlines: BTreeSet<(Timestamp, RunRef)>,
    /// Signals that nobody has waited for yet, oldest first.
    pub inbox: VecDeque<Signal>,
    /// Named blobs.
    pub artifacts: BTreeMap<Arc<str>, Artifact>,
    /// Attempts that hold a slot.
    pub live_attempts: u32,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// Going on.
    Running,
    /// Somebody stopped it; attempts that could not be interrupted may still end.
    Paused {
        /// Since when.
        since: Timestamp,
    },
    /// It will fail: what runs may end, then the phases for failures run.
    Failing(Failure),
    /// Over.
    Ended {
        /// How.
        end: End,
        /// When.
        at: Timestamp,
    },
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// All phases are through.
    Complete,
    /// A gate was false.
    ValidationFailed(Failure),
    /// A phase failed.
    Error(Failure),
    /// Somebody cancelled it.
    Cancelled {
        /// In his words.
        reason: Arc<str>,
    },
}

/// The first thing that went wrong; what goes wrong later does not overwrite it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Gate or error.
    pub kind: FailureKind,
    /// Where.
    pub run: RunId,
    /// What.
    pub error: RunError,
}

/// Why a job fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// A gate was false.
    Gate,
    /// A run failed.
    Run,
    /// A loop used up its turns.
    Loop,
    /// An approval was refused or not given in time.
    Approval,
}

/// An error of a run, in the service's own words where it has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    /// Stable, for programs.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// Whether another attempt may help.
    pub retryable: bool,
}

impl RunError {
    /// An error that another attempt may mend.
    #[must_use]
    pub fn retryable(code: &str, message: impl AsRef<str>) -> Self {
        Self { code: code.into(), message: message.as_ref().into(), retryable: true }
    }

    /// An error that stays.
    #[must_use]
    pub fn permanent(code: &str, message: impl AsRef<str>) -> Self {
        Self { code: code.into(), message: message.as_ref().into(), retryable: false }
    }
}

/// A run of the current turn, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunRef {
    /// Its phase.
    pub phase: PhaseIndex,
    /// Index into the phase's runs: the item of a map, else 0.
    pub item: u32,
}

/// A phase in a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseState {
    /// From 1; grows with every turn of its loop and with every time that it is run again.
    pub turn: u32,
    /// Where it stands.
    pub status: PhaseStatus,
    /// Its runs of this turn: one, or as many as its map has items.
    pub runs: Vec<Run>,
    /// How many of them have settled.
    pub settled: u32,
    /// How many of them failed.
    pub failed: u32,
    /// How many of them hold a slot.
    pub live: u32,
    /// Whether it is a map.
    pub mapped: bool,
    /// Where it is a map with a limit: its first so many runs may go; each that settles lets the next one go.
    pub released: u32,
    /// In a loop: what it gave in the turn before.
    pub previous: Option<RunResult>,
    /// When its first run became ready.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub ended_at: Option<Timestamp>,
}

/// Where a phase stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PhaseStatus {
    /// Its join is not satisfied.
    Pending,
    /// It has runs that have not settled.
    Active,
    /// Its runs succeeded; a person must say go on.
    AwaitingApproval {
        /// Until when.
        deadline: Timestamp,
    },
    /// Its runs succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was not needed.
    Skipped(SkipReason),
}

/// Why a phase was not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// Its condition was false.
    When,
    /// Nobody decided in time, and the phase said to go on.
    TimedOut,
    /// The way went elsewhere.
    Goto,
    /// All its runs gave way to newer ones.
    Superseded,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Where it stands.
    pub state: RunState,
    /// Attempts used up.
    pub attempts: u32,
    /// How often in a row its service was too busy for it.
    pub turned_away: u32,
    /// Its item, where the phase is a map or runs on failure.
    #[serde(with = "snapshot::optional_payload")]
    pub item: Option<Payload>,
    /// Runs with the same value are one to the service's plan.
    pub coalesce: Option<Arc<str>>,
    /// Which breaker guards it.
    pub breaker: Option<Arc<str>>,
    /// When it became ready for the first time: its place in the queue.
    pub ready_at: Timestamp,
    /// What the last attempt came to, where it failed.
    pub last_error: Option<RunError>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RunState {
    /// Waits for a slot.
    Ready {
        /// From where to go on, where it was preempted.
        #[serde(with = "snapshot::optional_payload")]
        checkpoint: Option<Payload>,
    },
    /// Waits to be tried again.
    Backoff {
        /// Until when.
        until: Timestamp,
        /// From where to go on, where it was preempted before.
        #[serde(with = "snapshot::optional_payload")]
        checkpoint: Option<Payload>,
    },
    /// An attempt is under way and holds a slot.
    Live(Attempt),
    /// Waits for a decision.
    Waiting {
        /// Whose name.
        signal: Name,
        /// Since when.
        since: Timestamp,
        /// Until when.
        deadline: Timestamp,
    },
    /// Done.
    Succeeded(RunResult),
    /// All attempts are used up, or the error is permanent.
    Failed(RunError),
    /// A newer run with the same key went instead.
    Superseded,
    /// The job stopped before it was done.
    Stopped,
}

/// An attempt that holds a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fence.
    pub id: AttemptId,
    /// From 1.
    pub number: u32,
    /// When it was granted a slot.
    pub started_at: Timestamp,
    /// When it will have failed.
    pub deadline: Timestamp,
    /// Whether the service is known to have accepted it.
    pub accepted: bool,
    /// Silent since.
    pub suspect: Option<Timestamp>,
    /// Asked to pause, for whom.
    pub pausing: Option<PauseReason>,
    /// What it goes on from.
    #[serde(with = "snapshot::optional_payload")]
    pub checkpoint: Option<Payload>,
}

/// Why an attempt is asked to pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PauseReason {
    /// Somebody paused the job.
    Operator,
    /// A more urgent job needs the slot.
    For(JobId),
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The result.
    pub output: Payload,
    /// Figures about it.
    pub stats: Payload,
    /// Taken from another job's run, not made.
    pub reused_from: Option<JobId>,
}

/// What is kept of every attempt, so that a late callback gets the right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Its run.
    pub run: RunRef,
    /// The turn of its phase.
    pub turn: u32,
    /// How it ended, if it has.
    pub over: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptEnd {
    /// Its callback was accepted; the digest tells a repetition from a contradiction.
    Reported(OutcomeDigest),
    /// It was retried, cancelled or preempted before any callback.
    Superseded,
}

/// First half of the BLAKE3 hash of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutcomeDigest(pub [u8; 16]);

/// A loop in a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopState {
    /// From 1.
    pub turn: u32,
    /// Over, and how.
    pub ended: Option<LoopEnd>,
}

/// How a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LoopEnd {
    /// Its condition held.
    Converged,
    /// Its turns were used up.
    Forced,
}

/// A decision from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name.
    pub name: Name,
    /// What was decided.
    pub payload: Payload,
    /// Who decided.
    pub by: Arc<str>,
}

/// A named blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// BLAKE3, hexadecimal.
    pub hash: Arc<str>,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub media_type: Arc<str>,
    /// The run that stored it; none: somebody outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

impl RunState {
    /// Whether nothing more will happen to the run in this turn.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Succeeded(_) | Self::Failed(_) | Self::Superseded | Self::Stopped => true,
            Self::Ready { .. } | Self::Backoff { .. } | Self::Live(_) | Self::Waiting { .. } => false,
        }
    }
}

impl PhaseStatus {
    /// Whether nothing more will happen to the phase in this turn.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Skipped(_) => true,
            Self::Pending | Self::Active | Self::AwaitingApproval { .. } => false,
        }
    }
}

impl PhaseState {
    /// A phase that has not begun.
    #[must_use]
    pub fn pending(turn: u32) -> Self {
        Self {
            turn,
            status: PhaseStatus::Pending,
            runs: Vec::new(),
            settled: 0,
            failed: 0,
            live: 0,
            previous: None,
            mapped: false,
            released: 0,
            started_at: None,
            ended_at: None,
        }
    }
}
