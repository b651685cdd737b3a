//! What callers see: jobs, phases, services, artifacts, live events, and why a job is not moving.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{callback::CallbackError, estimate::Estimate, progress::Progress};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// There is none.
    Idle,
    /// Something runs, or could.
    Running,
    /// For a signal, an approval or a time.
    Waiting,
    /// Somebody stopped it for a while.
    Paused,
    /// A gate was false.
    ValidationFailed,
    /// A phase failed.
    Error,
    /// Somebody stopped it for good.
    Cancelled,
    /// All phases are through.
    Complete,
}

impl JobState {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Idle | Self::ValidationFailed | Self::Error | Self::Cancelled | Self::Complete)
    }
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// Its turn has not come.
    Pending,
    /// Ready, without a slot.
    Queued,
    /// At work.
    Running,
    /// For a signal, an approval or the next try.
    Waiting,
    /// Stopped for a while.
    Paused,
    /// Done.
    Complete,
    /// Not needed this time.
    Skipped,
    /// Failed.
    Failed,
    /// Stopped for good.
    Cancelled,
}

/// `GET /api/{route}/{key}/status` and `GET /api/jobs/{id}`. The pipeline's own name for the key (`courseCode`) is one of
/// `names`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The job; absent if there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Uuid>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The job's key.
    pub key: String,
    /// Where it stands.
    pub status: JobState,
    /// The first phase that is not through, if any.
    pub current_phase: Option<String>,
    /// The reason why it is not moving, or what it does, in words.
    pub reason: String,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When something last happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// How urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Every phase, in the pipeline's order.
    #[serde(default)]
    pub phases: Vec<PhaseStatus>,
    /// Ids of the phases that are through.
    #[serde(default)]
    pub phases_completed: Vec<String>,
    /// What made it fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallbackError>,
    /// What is left of it; absent where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// How many events it has had.
    #[serde(default)]
    pub events: u64,
    /// The key under the pipeline's own name, as the original's callers expect it.
    #[serde(flatten)]
    pub names: BTreeMap<String, String>,
}

/// One phase of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseStatus {
    /// Its id.
    pub phase: String,
    /// Where it stands.
    pub status: PhaseState,
    /// Whether it ended well; absent while it has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// When it first started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Figures that its service gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<serde_json::Value>,
    /// How far: of a map, its runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Attempts of its runs that are used up or at work.
    #[serde(default)]
    pub attempts: u32,
    /// Why it is not moving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What made it fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallbackError>,
    /// Its attempts at work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<RunningAttempt>,
}

/// An attempt that holds a slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningAttempt {
    /// The run.
    pub run: String,
    /// The try, from 1.
    pub attempt: u32,
    /// Its id.
    pub attempt_id: Uuid,
    /// When the service was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<Timestamp>,
    /// When it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What it last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Whether it has been silent for too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
}

/// One line of `GET /api/jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// The job.
    pub job_id: Uuid,
    /// Its pipeline.
    pub pipeline: String,
    /// Its key.
    pub key: String,
    /// Where it stands.
    pub status: JobState,
    /// When it was started.
    pub started_at: Timestamp,
    /// When something last happened.
    pub last_updated: Timestamp,
    /// What is left of it, without its phases; absent where it is over, and beyond the first of a long page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// How many events it has had.
    pub events: u64,
}

/// `GET /api/jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<JobSummary>,
    /// For the next page; absent: this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// `GET /api/jobs/{id}/why`: what the job waits for, and what that waits for, down to the cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The job.
    pub job_id: Uuid,
    /// Where it stands.
    pub status: JobState,
    /// One sentence.
    pub summary: String,
    /// One chain for each thing that it waits for.
    pub causes: Vec<Cause>,
}

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What is so.
    #[serde(flatten)]
    pub reason: Reason,
    /// Because of what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Cause>,
}

/// A reason in words, with what it is about and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// In words: `waiting for introductions`.
    pub text: String,
    /// The run, service or signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What somebody can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One service in `GET /api/services`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub urls: Vec<String>,
    /// Its instances, and what each has to do.
    #[serde(default)]
    pub instances: Vec<crate::instances::InstanceStatus>,
    /// Whether it answers; absent: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// Whether somebody stopped it: nothing new goes to it.
    pub stopped: bool,
    /// Slots.
    pub capacity: u32,
    /// Slots in use.
    pub running: u32,
    /// Runs that wait for a slot.
    pub queued: u32,
    /// Whether the breaker is open, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_until: Option<Timestamp>,
    /// Why nothing goes to it just now, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A named blob of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactInfo {
    /// Its name within the job.
    pub name: String,
    /// BLAKE3, hexadecimal.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
    /// The phase that stored it; absent: somebody outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// `GET /api/jobs/{id}/artifacts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactList {
    /// By name.
    pub artifacts: Vec<ArtifactInfo>,
}

/// One message of the live stream: an event of the journal with its place, so that a reader can go on where it stopped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveEvent {
    /// The place in the whole stream: the `Last-Event-ID` of SSE. Absent for what is not kept, such as progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The job.
    pub job_id: Uuid,
    /// Its pipeline.
    pub pipeline: String,
    /// Its key.
    pub key: String,
    /// The place within the job, from 1. Absent for what is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// When.
    pub at: Timestamp,
    /// The kind of event, in camelCase.
    pub kind: String,
    /// The event itself.
    pub data: Box<RawValue>,
}
