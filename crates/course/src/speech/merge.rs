//! The end of speech: the batches' measurements into the manifest, and the report. Pure, and safe to repeat: a manifest
//! that already has these durations comes back unchanged, version included.

use std::collections::BTreeMap;

use super::produce::thousandths;
use super::report::{AudioReport, BatchReport, FlaggedSample, SpokenEntry, Unspoken, UnspokenSample};
use crate::manifest::batches::samples_in_order;
use crate::model::{CourseManifest, FORMAT_VERSION};

/// Why measurements cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Samples that no batch tells of.
    #[error("no batch tells of {missing} of {total} samples, the first is {first}; run tts again")]
    Unaccounted {
        /// How many.
        missing: usize,
        /// Of how many.
        total: usize,
        /// One of them.
        first: String,
    },
    /// The version of the manifest is not three numbers.
    #[error("the manifest's version '{0}' is not of the form 1.2.3")]
    BadVersion(String),
}

impl MergeError {
    /// Returns the stable code of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unaccounted { .. } => "samples-unaccounted",
            Self::BadVersion(_) => "bad-manifest-version",
        }
    }
}

/// Puts every measured duration into the manifest and raises its patch version if that changed anything.
///
/// # Errors
/// Where a sample is in no batch, or the version cannot be raised; the manifest may then be half changed.
pub fn merge(manifest: &mut CourseManifest, batches: &[BatchReport]) -> Result<AudioReport, MergeError> {
    let told = Told::new(batches);
    let engine = batches.first().map(|batch| batch.engine.clone()).unwrap_or_default();
    let report = report(manifest, engine, &told)?;
    if set_durations(manifest, &told) {
        let raised = raise_patch(&manifest.version)?;
        for slice in &mut manifest.slices {
            slice.version.clone_from(&raised);
        }
        manifest.version = raised;
    }
    Ok(report)
}

/// Every sample that any batch tells of; where two do, the earlier batch counts.
#[derive(Default)]
struct Told<'a> {
    spoken: BTreeMap<&'a str, &'a SpokenEntry>,
    unspoken: BTreeMap<&'a str, &'a Unspoken>,
}

impl<'a> Told<'a> {
    fn new(batches: &'a [BatchReport]) -> Self {
        let mut told = Self::default();
        for batch in batches.iter().rev() {
            told.spoken.extend(batch.spoken.iter().map(|(id, entry)| (id.as_str(), entry)));
            told.unspoken.extend(batch.unspoken.iter().map(|(id, problem)| (id.as_str(), problem)));
        }
        told
    }
}

fn set_durations(manifest: &mut CourseManifest, told: &Told<'_>) -> bool {
    let introduction = (&manifest.introduction.id, &mut manifest.introduction.duration);
    let samples = manifest.slices.iter_mut().flat_map(|slice| slice.samples.values_mut()).flatten();
    let all = samples.map(|sample| (&sample.id, &mut sample.duration)).chain(std::iter::once(introduction));
    let mut changed = false;
    for (id, duration) in all {
        let measured = told.spoken.get(id.as_str()).map_or(0.0, |entry| entry.duration);
        changed |= (*duration - measured).abs() > f64::EPSILON;
        *duration = measured;
    }
    changed
}

fn raise_patch(version: &str) -> Result<String, MergeError> {
    let bad = || MergeError::BadVersion(version.to_owned());
    let (front, patch) = version.rsplit_once('.').ok_or_else(bad)?;
    let patch: u64 = patch.parse().map_err(|_| bad())?;
    Ok(format!("{front}.{}", patch + 1))
}

fn report(manifest: &CourseManifest, engine: String, told: &Told<'_>) -> Result<AudioReport, MergeError> {
    let samples = samples_in_order(manifest);
    let mut report = AudioReport {
        version: FORMAT_VERSION.to_owned(),
        course: manifest.id.clone(),
        engine,
        samples: samples.len(),
        made: 0,
        reused: 0,
        failed: 0,
        skipped: 0,
        seconds: 0.0,
        flagged: Vec::new(),
        unspoken: Vec::new(),
    };
    let mut missing = Vec::new();
    for sample in samples {
        if let Some(entry) = told.spoken.get(sample.id.as_str()) {
            *(if entry.reused { &mut report.reused } else { &mut report.made }) += 1;
            report.seconds += entry.duration;
            if !entry.flags.is_empty() {
                report.flagged.push(FlaggedSample {
                    id: sample.id,
                    text: sample.text,
                    role: sample.role,
                    duration: entry.duration,
                    flags: entry.flags.clone(),
                });
            }
        } else if let Some(problem) = told.unspoken.get(sample.id.as_str()) {
            *(if problem.skipped { &mut report.skipped } else { &mut report.failed }) += 1;
            report.unspoken.push(UnspokenSample {
                id: sample.id,
                text: sample.text,
                role: sample.role,
                code: problem.code.clone(),
                message: problem.message.clone(),
            });
        } else {
            missing.push(sample.id);
        }
    }
    report.seconds = thousandths(report.seconds);
    match missing.first() {
        None => Ok(report),
        Some(first) => Err(MergeError::Unaccounted {
            missing: missing.len(),
            total: report.samples,
            first: first.clone(),
        }),
    }
}
