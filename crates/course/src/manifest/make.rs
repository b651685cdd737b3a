//! The manifest phase without its surroundings: four files in, the manifest's bytes and what to tell about it out. The
//! manifest is checked here before anybody can write it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::batches::{BATCH_SIZE, SpeechBatch, batches, samples_in_order};
use super::compile::{CompileError, Compiled, CourseFiles, compile};
use super::remarks::remarks;
use super::validate::{Violation, violations};
use crate::model::{CourseManifest, FORMAT_VERSION};

/// The four files as they were fetched.
#[derive(Debug, Clone, Copy)]
pub struct FileBytes<'a> {
    /// `seed_pairs.json`.
    pub seed_pairs: &'a [u8],
    /// `lego_pairs.json`.
    pub lego_pairs: &'a [u8],
    /// `lego_baskets.json`.
    pub baskets: &'a [u8],
    /// `introductions.json`.
    pub introductions: &'a [u8],
}

/// What a manifest holds, in numbers; also the phase's stats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestStats {
    /// Sentences.
    pub seeds: usize,
    /// New LEGOs.
    pub items: usize,
    /// Practice phrases.
    pub nodes: usize,
    /// Different texts that are spoken.
    pub texts: usize,
    /// Recordings that are needed.
    pub samples: usize,
    /// Practice phrases left out because the course has them already.
    pub repeated: usize,
    /// Sentences without a trusted translation, which are not part of the course.
    pub held_back: usize,
    /// Spoken encouragements.
    pub encouragements: usize,
    /// Where there is no welcome and no encouragement: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The phase's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestOutput {
    /// The numbers.
    #[serde(flatten)]
    pub stats: ManifestStats,
    /// What the map of the speech phase goes over.
    pub speech_batches: Vec<SpeechBatch>,
}

/// Why there is no manifest. Nothing of this gets better by trying again.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file that is not what it should be.
    #[error("{file}, line {line} column {column}: {why}")]
    Unreadable {
        /// Its name.
        file: &'static str,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the reader says.
        why: String,
    },
    /// A file of another version.
    #[error("{file} has version '{found}', this program reads {FORMAT_VERSION}")]
    OtherVersion {
        /// Its name.
        file: &'static str,
        /// Its version.
        found: String,
    },
    /// The files do not fit together.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The manifest breaks a rule of manifests; the first of them, and how many more.
    #[error("{first}{}", more(*.others))]
    Invalid {
        /// The first.
        first: Violation,
        /// How many there are besides.
        others: usize,
    },
    /// It could not be written as JSON.
    #[error("the manifest could not be written: {0}")]
    Write(String),
}

fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more problems)") }
}

impl ManifestError {
    /// Returns the stable code of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable-course-file",
            Self::OtherVersion { .. } => "other-file-version",
            Self::Compile(error) => error.code(),
            Self::Invalid { first, .. } => first.code(),
            Self::Write(_) => "unwritable-manifest",
        }
    }
}

/// A manifest ready to be written.
#[derive(Debug, Clone)]
pub struct Made {
    /// `course_manifest.json`.
    pub bytes: Vec<u8>,
    /// What to answer.
    pub output: ManifestOutput,
}

/// Makes the manifest of four files.
///
/// # Errors
/// See [`ManifestError`]; each has a code.
pub fn make(files: FileBytes<'_>) -> Result<Made, ManifestError> {
    let files = read_files(files)?;
    let Compiled { manifest, repeated } = compile(&files)?;
    let mut found = violations(&manifest).into_iter();
    if let Some(first) = found.next() {
        return Err(ManifestError::Invalid { first, others: found.count() });
    }
    let stats = stats(&manifest, repeated, files.seed_pairs.held_back.len());
    let speech_batches = batches(samples_in_order(&manifest).len(), BATCH_SIZE);
    Ok(Made { bytes: to_bytes(&manifest)?, output: ManifestOutput { stats, speech_batches } })
}

/// Writes a manifest as the file has it.
///
/// # Errors
/// Where a number in it has no JSON form.
pub fn to_bytes(manifest: &CourseManifest) -> Result<Vec<u8>, ManifestError> {
    let mut bytes =
        serde_json::to_vec_pretty(manifest).map_err(|error| ManifestError::Write(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a file of a course.
///
/// # Errors
/// Where it is not JSON, or not of this type.
pub fn parse<T: DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|error| ManifestError::Unreadable {
        file,
        line: error.line(),
        column: error.column(),
        why: error.to_string(),
    })
}

fn read_files(bytes: FileBytes<'_>) -> Result<CourseFiles, ManifestError> {
    let files = CourseFiles {
        seed_pairs: parse("seed_pairs.json", bytes.seed_pairs)?,
        lego_pairs: parse("lego_pairs.json", bytes.lego_pairs)?,
        baskets: parse("lego_baskets.json", bytes.baskets)?,
        introductions: parse("introductions.json", bytes.introductions)?,
    };
    let versions = [
        ("seed_pairs.json", &files.seed_pairs.version),
        ("lego_pairs.json", &files.lego_pairs.version),
        ("lego_baskets.json", &files.baskets.version),
        ("introductions.json", &files.introductions.version),
    ];
    if let Some((file, found)) = versions.into_iter().find(|(_, version)| *version != FORMAT_VERSION) {
        return Err(ManifestError::OtherVersion { file, found: found.clone() });
    }
    Ok(files)
}

fn stats(manifest: &CourseManifest, repeated: usize, held_back: usize) -> ManifestStats {
    let slices = || manifest.slices.iter();
    let items = || slices().flat_map(|slice| &slice.seeds).flat_map(|seed| &seed.introduction_items);
    let note = remarks(&manifest.known).is_none().then(|| {
        format!("no welcome and no encouragements: nobody has written them in '{}' yet", manifest.known)
    });
    ManifestStats {
        seeds: slices().map(|slice| slice.seeds.len()).sum(),
        items: items().count(),
        nodes: items().map(|item| item.nodes.len()).sum(),
        texts: slices().map(|slice| slice.samples.len()).sum(),
        samples: slices().flat_map(|slice| slice.samples.values()).map(Vec::len).sum(),
        repeated,
        held_back,
        encouragements: slices()
            .map(|slice| slice.pooled_encouragements.len() + slice.ordered_encouragements.len())
            .sum(),
        note,
    }
}
