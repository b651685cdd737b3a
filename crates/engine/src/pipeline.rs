//! A pipeline: phases and how they connect. What is here has been checked; a wrong pipeline cannot be built.
//!
//! [`parse`] reads the TOML; [`graph`] answers questions of order. Everything refers to phases by [`PhaseIndex`].

pub mod check;
pub mod duration;
pub mod graph;
pub mod parse;
mod raw;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    condition::Condition,
    ids::{Name, PhaseIndex, Priority},
};

/// Most phases of a pipeline.
pub const MAX_PHASES: usize = 500;
/// Most items of a map.
pub const MAX_MAP_ITEMS: usize = 100_000;
/// Most turns of a loop.
pub const MAX_LOOP_TURNS: u32 = 1_000;
/// Most attempts of a run.
pub const MAX_ATTEMPTS: u32 = 100;

/// BLAKE3 of a pipeline's text: a job keeps the definition that it started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DefinitionHash(pub [u8; 32]);

impl DefinitionHash {
    /// The hash of a pipeline's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }
}

impl From<DefinitionHash> for String {
    fn from(hash: DefinitionHash) -> Self {
        blake3::Hash::from_bytes(hash.0).to_hex().to_string()
    }
}

impl TryFrom<String> for DefinitionHash {
    type Error = blake3::HexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        blake3::Hash::from_hex(&text).map(|hash| Self(*hash.as_bytes()))
    }
}

/// A versioned definition.
#[derive(Debug)]
pub struct Pipeline {
    /// Its name.
    pub name: Name,
    /// The text that it was read from.
    pub source: std::sync::Arc<str>,
    /// Hash of that text.
    pub hash: DefinitionHash,
    /// `/api/{route}/{key}/…`, where callers of that form exist.
    pub route: Option<String>,
    /// The field of request bodies that names the job where a caller knows no job id.
    pub key_field: Option<String>,
    /// How far a job goes on by itself.
    pub mode: Mode,
    /// What a second start with the key of a live job does.
    pub on_conflict: OnConflict,
    /// What happens to running attempts when the job is about to fail.
    pub on_failure: OnFailure,
    /// How long an approval (mode manual) is waited for.
    pub approval_timeout: Duration,
    /// What must hold of a start.
    pub checks: Vec<check::Check>,
    /// In the order of the file.
    pub phases: Vec<Phase>,
    /// Loops over phases.
    pub loops: Vec<Loop>,
    /// When to start jobs by the clock.
    pub schedules: Vec<Schedule>,
}

/// How far a job goes on by itself (the original's CHECKPOINT_MODE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Never stops: a gate that is false is noted and passed.
    Full,
    /// Stops where a gate is false.
    #[default]
    Gated,
    /// Waits for an approval after each phase, and stops where a gate is false.
    Manual,
}

/// What a second start with the key of a live job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// An error that names the live job.
    #[default]
    Reject,
    /// The live job is the answer.
    Return,
    /// The live job is cancelled and a new one started.
    Restart,
}

/// What happens to running attempts when the job is about to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// They may finish, and what they give is kept for a retry.
    #[default]
    Finish,
    /// They are cancelled.
    Cancel,
}

/// A node of a pipeline.
#[derive(Debug)]
pub struct Phase {
    /// Its name.
    pub id: Name,
    /// Other names that callers use (`"5.5"`, `"phase5"`).
    pub aliases: Vec<String>,
    /// Who does it.
    pub work: Work,
    /// Direct predecessors.
    pub after: Vec<PhaseIndex>,
    /// Direct successors.
    pub before: Vec<PhaseIndex>,
    /// How many predecessors must have succeeded.
    pub join: Join,
    /// One run per item.
    pub map: Option<Map>,
    /// False: skipped.
    pub when: Option<Condition>,
    /// False: the job stops as `validation_failed`.
    pub gate: Option<Condition>,
    /// In the flow, or only when the job is about to fail.
    pub trigger: Trigger,
    /// Which loop it belongs to.
    pub in_loop: Option<usize>,
    /// Where the job says nothing.
    pub priority: Option<Priority>,
}

/// Who does a phase.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each phase of a definition, not one for each job"
)]
pub enum Work {
    /// A service.
    Service(ServiceWork),
    /// Somebody outside decides.
    Wait(Wait),
}

/// How a service is used.
#[derive(Debug)]
pub struct ServiceWork {
    /// The service, as in `services.toml`.
    pub service: Name,
    /// From the start of an attempt to its end.
    pub timeout: Duration,
    /// Silence before the attempt is suspect; none: only the timeout counts.
    pub heartbeat: Option<Duration>,
    /// When to try again.
    pub retry: Retry,
    /// Whether it gives its slot to more urgent work.
    pub interruptible: Interruptible,
    /// Same service version and same input: reuse the result.
    pub memo: bool,
    /// Stop calling after failures.
    pub breaker: Option<Breaker>,
    /// Of many waiting runs with one key only the newest goes.
    pub coalesce: Option<Coalesce>,
}

/// Whether a running attempt may give its slot to more urgent work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interruptible {
    /// No: it keeps its slot to its end.
    #[default]
    No,
    /// It gives a checkpoint when asked, and goes on from there (`true`).
    Checkpoint,
    /// It has no checkpoint, but is safe to be stopped and done from the start (`"restart"`).
    Restart,
}

/// A decision from outside.
#[derive(Debug)]
pub struct Wait {
    /// The signal's name.
    pub signal: Name,
    /// How long.
    pub timeout: Duration,
    /// And then.
    pub on_timeout: OnTimeout,
}

/// What follows when nobody decides in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTimeout {
    /// As if the phase had been skipped.
    Continue,
    /// The run fails.
    Fail,
    /// The phase named goes on, and everything else that comes after the wait alone is skipped.
    Goto(PhaseIndex),
}

/// How many predecessors must have succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// All, those that were skipped apart.
    All,
    /// One.
    Any,
    /// So many.
    Count(u32),
}

/// One run per item of a list.
#[derive(Debug)]
pub struct Map {
    /// Gives the list.
    pub over: Condition,
    /// Attempts at once; none: as many as the service's capacity allows.
    pub parallel: Option<u32>,
    /// What a failed item means.
    pub on_error: OnItemError,
}

/// What a failed item of a map means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnItemError {
    /// The phase fails.
    #[default]
    Fail,
    /// The phase goes on without it; it fails only where no item succeeded.
    Continue,
}

/// When a phase is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// When its join is satisfied.
    Flow,
    /// When the job is about to fail.
    Failure,
}

/// When to try again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// Before the second attempt.
    pub backoff: Duration,
    /// Each further wait is longer by this.
    pub factor: f64,
    /// But never longer than this.
    pub max: Duration,
    /// Spread over half to the whole of the wait.
    pub jitter: bool,
}

/// Stop calling after failures.
#[derive(Debug)]
pub struct Breaker {
    /// So many…
    pub failures: u32,
    /// …within this open the breaker for as long.
    pub window: Duration,
    /// One breaker per value; none: one for the service.
    pub key: Option<Condition>,
}

/// Of many waiting runs with one key only the newest goes.
#[derive(Debug)]
pub struct Coalesce {
    /// Which runs belong together.
    pub key: Condition,
    /// At most one in this time.
    pub every: Duration,
}

/// Phases that are repeated until a condition holds.
#[derive(Debug)]
pub struct Loop {
    /// Its name.
    pub id: Name,
    /// The body.
    pub phases: Vec<PhaseIndex>,
    /// Evaluated after each turn.
    pub until: Condition,
    /// Most turns.
    pub max: u32,
    /// What follows when they are used up.
    pub on_max: OnMax,
}

/// What follows when a loop's turns are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMax {
    /// The job fails.
    #[default]
    Fail,
    /// The job goes on; the end is marked as forced.
    Continue,
}

/// A start by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Five or six fields, UTC.
    pub cron: String,
    /// Key of the job started.
    pub key: String,
    /// Its input.
    pub input: crate::payload::Payload,
}

impl Pipeline {
    /// The phase at an index of this pipeline.
    #[must_use]
    pub fn phase(&self, index: PhaseIndex) -> &Phase {
        &self.phases[index.usize()]
    }

    /// All indexes, in the order of the file.
    pub fn indexes(&self) -> impl Iterator<Item = PhaseIndex> + use<> {
        (0..u16::try_from(self.phases.len()).unwrap_or(u16::MAX)).map(PhaseIndex)
    }

    /// Finds a phase by its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<PhaseIndex> {
        self.indexes().find(|&index| self.phase(index).id == *id)
    }

    /// Finds a phase by its id or one of its aliases; `phase5.5`, `5.5` and `grammar` can be the same phase.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<PhaseIndex> {
        self.find(name).or_else(|| {
            self.indexes().find(|&index| self.phase(index).aliases.iter().any(|alias| alias == name))
        })
    }
}

impl Phase {
    /// How a service is used for it, where one is.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceWork> {
        match &self.work {
            Work::Service(work) => Some(work),
            Work::Wait(_) => None,
        }
    }
}
