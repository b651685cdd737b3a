//! What happens in a theatre, as it stands in the log. The state is a fold of these and of nothing else, so an event carries
//! all that it changes: definitions may change on disk, the past does not.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Action, MachineId, ModelAnswer, Understanding};

/// A line of the log, without its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it was written; never before the entry ahead of it.
    pub at: Timestamp,
    /// Who did it: an operator, a speaker, or a part of the system (`rules`, `model`, `clock`).
    pub who: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Event {
    /// The theatre's first line.
    Opened {
        /// Its name.
        theatre: String,
        /// Unlike that of every other theatre, also of one that had this name before.
        session: String,
    },
    /// A surgery was chosen: everything of an earlier epoch is over.
    SurgerySelected {
        /// One more than before.
        epoch: u64,
        /// The surgery's name.
        surgery: String,
        /// Its phases in their order.
        phases: Vec<String>,
        /// Its machines.
        machines: BTreeMap<MachineId, Definition>,
    },
    /// Something was said.
    Said(Said),
    /// The job of an utterance was accepted by the orchestrator.
    JobStarted {
        /// Which utterance.
        utterance: u64,
        /// The job.
        job: String,
    },
    /// The rules understood an utterance.
    Understood {
        /// Which.
        utterance: u64,
        /// Of which epoch.
        epoch: u64,
        /// What they understood.
        understanding: Understanding,
    },
    /// The model answered, or somebody said for it that it cannot.
    ModelAnswered {
        /// Up to which utterance it had read.
        utterance: u64,
        /// Of which epoch.
        epoch: u64,
        /// Its answer, without what may not be shown.
        answer: ModelAnswer,
        /// The kinds of what was taken out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        violations: Vec<String>,
    },
    /// Something came too late: it belongs to an earlier epoch and changes nothing.
    Dropped {
        /// What: `understood` or `model_answered`.
        what: String,
        /// Of which utterance.
        utterance: u64,
        /// Of which epoch.
        epoch: u64,
    },
    /// An operator took a machine out of the rules' hands.
    Overridden {
        /// Which machine.
        machine_id: MachineId,
        /// What it is from now on.
        action: Action,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// An override ended.
    Released {
        /// Of which machine.
        machine_id: MachineId,
        /// Its time had come; otherwise an operator released it.
        expired: bool,
    },
    /// The time of something pending has come.
    PendingDue {
        /// Which.
        pending: u64,
    },
    /// An operator says that the condition of something pending is met.
    PendingConfirmed {
        /// Which.
        pending: u64,
    },
    /// An operator says that something pending is not to be.
    PendingDropped {
        /// Which.
        pending: u64,
    },
}

/// A machine as its surgery defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it is before anybody says anything.
    pub default: Action,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// Its number, from 1.
    pub utterance: u64,
    /// In which epoch.
    pub epoch: u64,
    /// The words.
    pub text: String,
    /// Whose.
    pub speaker: String,
    /// When.
    pub said_at: Timestamp,
    /// Seconds from the beginning of the session.
    pub session_s: f64,
}

impl Event {
    /// Its kind, as it stands in the log.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::SurgerySelected { .. } => "surgery_selected",
            Self::Said(_) => "said",
            Self::JobStarted { .. } => "job_started",
            Self::Understood { .. } => "understood",
            Self::ModelAnswered { .. } => "model_answered",
            Self::Dropped { .. } => "dropped",
            Self::Overridden { .. } => "overridden",
            Self::Released { .. } => "released",
            Self::PendingDue { .. } => "pending_due",
            Self::PendingConfirmed { .. } => "pending_confirmed",
            Self::PendingDropped { .. } => "pending_dropped",
        }
    }
}
