//! The speech phases without their surroundings: what a manifest asks to be spoken, and what becomes of it at the end.
//! Bytes in, bytes out; fetching and storing is the phases' business.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::merge::{MergeError, merge};
use super::report::{AudioReport, BatchReport};
use super::speaker::Order;
use crate::manifest::batches::{SpeechBatch, SpokenSample, samples_in_order};
use crate::manifest::make::{ManifestError, parse, to_bytes};
use crate::model::CourseManifest;

/// The manifest's name as an artifact.
pub const MANIFEST: &str = "course_manifest.json";
/// The quality report's name as an artifact.
pub const AUDIO_REPORT: &str = "audio_report.json";

/// Everything that a course has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// In the order that batches refer to.
    pub samples: Vec<SpokenSample>,
    /// ISO 639-3.
    pub known: String,
    /// ISO 639-3.
    pub target: String,
    /// The fingerprint of the job and these samples.
    pub made_for: String,
}

/// Why there is nothing to work on, or no end to it.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// A file that is not what it should be.
    #[error(transparent)]
    File(#[from] ManifestError),
    /// A batch outside the manifest.
    #[error(
        "the batch {from}..{to} does not lie within the {total} samples of the manifest; run manifest again"
    )]
    OutsideManifest {
        /// First sample.
        from: usize,
        /// One after the last.
        to: usize,
        /// How many samples there are.
        total: usize,
    },
    /// The batches do not make a whole.
    #[error(transparent)]
    Merge(#[from] MergeError),
}

impl WorkError {
    /// Returns the stable code of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::OutsideManifest { .. } => "batch-outside-manifest",
            Self::Merge(error) => error.code(),
        }
    }
}

impl Work {
    /// Reads what `manifest` (the file's bytes) asks for, on behalf of a job.
    ///
    /// # Errors
    /// Where it is not a manifest.
    pub fn of(manifest: &[u8], job: &str) -> Result<Self, WorkError> {
        let manifest: CourseManifest = parse(MANIFEST, manifest)?;
        let samples = samples_in_order(&manifest);
        let mut fingerprint = blake3::Hasher::new();
        fingerprint.update(job.as_bytes());
        for sample in &samples {
            fingerprint.update(sample.id.as_bytes());
        }
        let made_for = fingerprint.finalize().to_hex().to_string();
        Ok(Self { samples, known: manifest.known, target: manifest.target, made_for })
    }

    /// Returns the samples of a batch; of all, where there is no batch.
    ///
    /// # Errors
    /// Where the batch does not lie within the manifest.
    pub fn part(&self, item: Option<SpeechBatch>) -> Result<(SpeechBatch, &[SpokenSample]), WorkError> {
        let total = self.samples.len();
        let batch = item.unwrap_or(SpeechBatch { index: 0, from: 0, to: total });
        let outside = WorkError::OutsideManifest { from: batch.from, to: batch.to, total };
        Ok((batch, self.samples.get(batch.from..batch.to).ok_or(outside)?))
    }

    /// Returns for whom these samples are made.
    #[must_use]
    pub fn order(&self) -> Order<'_> {
        Order { known: &self.known, target: &self.target, made_for: &self.made_for }
    }
}

/// Where a paused batch goes on: its report so far is an artifact, this says how far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Samples accounted for.
    pub position: usize,
}

/// Returns the report to go on with: the stored one where it is the beginning of this very batch, else an empty one. All
/// that is lost by starting over is a look into the store for each sample.
#[must_use]
pub fn resumed(
    batch: SpeechBatch,
    engine: String,
    samples: &[SpokenSample],
    stored: Option<&[u8]>,
) -> BatchReport {
    let fresh = BatchReport::new(batch, engine);
    let Some(Ok(stored)) = stored.map(serde_json::from_slice::<BatchReport>) else { return fresh };
    let told = |sample: &SpokenSample| {
        stored.spoken.contains_key(&sample.id) || stored.unspoken.contains_key(&sample.id)
    };
    let is_beginning = samples.get(..stored.len()).is_some_and(|beginning| beginning.iter().all(told));
    let same =
        stored.batch == fresh.batch && stored.version == fresh.version && stored.engine == fresh.engine;
    if same && is_beginning { stored } else { fresh }
}

/// Writes a batch's report as its file has it.
///
/// # Errors
/// Where it has no JSON form.
pub fn report_bytes<T: Serialize>(report: &T) -> Result<Vec<u8>, WorkError> {
    let mut bytes = serde_json::to_vec_pretty(report)
        .map_err(|error| WorkError::File(ManifestError::Write(error.to_string())))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What the last phase writes.
#[derive(Debug, Clone)]
pub struct Finished {
    /// `course_manifest.json`, with durations.
    pub manifest: Vec<u8>,
    /// Its version.
    pub version: String,
    /// `audio_report.json`.
    pub report_bytes: Vec<u8>,
    /// The same, read.
    pub report: AudioReport,
}

/// Joins the batches' reports with the manifest. Repeating it changes nothing.
///
/// # Errors
/// Where a file is not what it should be, or a sample is in no batch.
pub fn finish(manifest: &[u8], batches: &[Bytes]) -> Result<Finished, WorkError> {
    let mut manifest: CourseManifest = parse(MANIFEST, manifest)?;
    let batches: Vec<BatchReport> = batches
        .iter()
        .map(|bytes| parse("audio/durations-NNN.json", bytes))
        .collect::<Result<_, ManifestError>>()?;
    let report = merge(&mut manifest, &batches)?;
    Ok(Finished {
        manifest: to_bytes(&manifest)?,
        version: manifest.version,
        report_bytes: report_bytes(&report)?,
        report,
    })
}
