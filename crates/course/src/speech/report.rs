//! What was spoken and how it went: `audio/durations-007.json` for each batch, `audio_report.json` for the course.
//!
//! "Made" and "reused" are told from the job's point of view: a recording that this job made for these very samples
//! counts as made, however often a batch had to be repeated. So the files of an interrupted job and of an undisturbed
//! one are equal to the byte. What one attempt did is in its stats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quality::Flag;
use crate::manifest::batches::SpeechBatch;
use crate::model::{FORMAT_VERSION, Role};

/// `audio/durations-NNN.json`: what one batch produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchReport {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// The range of samples it covers.
    pub batch: SpeechBatch,
    /// Who spoke: the engine and its version.
    pub engine: String,
    /// By sample id.
    pub spoken: BTreeMap<String, SpokenEntry>,
    /// By sample id.
    pub unspoken: BTreeMap<String, Unspoken>,
}

/// One recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpokenEntry {
    /// Seconds, measured from the audio.
    pub duration: f64,
    /// It was there before this job needed it.
    pub reused: bool,
    /// What is odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
}

/// A sample without a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unspoken {
    /// The engine will not say this text, so nobody need try again.
    pub skipped: bool,
    /// Stable name of the problem.
    pub code: String,
    /// For a person.
    pub message: String,
}

impl BatchReport {
    /// Returns a report of nothing yet.
    #[must_use]
    pub fn new(batch: SpeechBatch, engine: String) -> Self {
        let version = FORMAT_VERSION.to_owned();
        Self { version, batch, engine, spoken: BTreeMap::new(), unspoken: BTreeMap::new() }
    }

    /// Returns how many samples are accounted for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spoken.len() + self.unspoken.len()
    }

    /// Whether nothing is accounted for yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `audio_report.json`: the quality report of a course's audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioReport {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Id of the manifest.
    pub course: String,
    /// Who spoke.
    pub engine: String,
    /// Samples of the manifest.
    pub samples: usize,
    /// Recorded for this job.
    pub made: usize,
    /// Recorded before, for another job or other samples.
    pub reused: usize,
    /// Tried and not recorded.
    pub failed: usize,
    /// Refused by the engine because of their content.
    pub skipped: usize,
    /// All recordings together, seconds.
    pub seconds: f64,
    /// Recordings that a person should hear, by position in the order of sample ids.
    pub flagged: Vec<FlaggedSample>,
    /// Samples without a recording.
    pub unspoken: Vec<UnspokenSample>,
}

/// A recording with its flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlaggedSample {
    /// Sample id.
    pub id: String,
    /// What is said.
    pub text: String,
    /// Who says it.
    pub role: Role,
    /// Seconds.
    pub duration: f64,
    /// What is odd about it.
    pub flags: Vec<Flag>,
}

/// A sample without a recording, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnspokenSample {
    /// Sample id.
    pub id: String,
    /// What should be said.
    pub text: String,
    /// Who should say it.
    pub role: Role,
    /// Stable name of the problem.
    pub code: String,
    /// For a person.
    pub message: String,
}

/// Returns the name of a batch's file.
#[must_use]
pub fn durations_name(index: usize) -> String {
    format!("audio/durations-{index:03}.json")
}
