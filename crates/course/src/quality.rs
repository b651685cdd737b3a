//! The quality of a finished course, measured from its files by code apart from that which made them: nothing is shared but
//! the shapes of the files. Every finding has a stable code and names its place.

mod legos;
mod manifest;
mod phrases;
mod report;

use std::path::Path;

use serde::de::DeserializeOwned;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

pub use report::{Finding, Report};

use crate::model::{CourseManifest, Introductions, LegoBaskets, LegoPairs, SeedPairs};

/// The files of a course.
#[derive(Debug)]
pub struct Files {
    /// `seed_pairs.json`.
    pub seeds: SeedPairs,
    /// `lego_pairs.json`.
    pub legos: LegoPairs,
    /// `lego_baskets.json`.
    pub baskets: LegoBaskets,
    /// `introductions.json`.
    pub introductions: Introductions,
    /// `course_manifest.json`.
    pub manifest: CourseManifest,
    /// Names of the audio files that are there.
    pub audio: std::collections::BTreeSet<String>,
}

/// Why a course can't be measured.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct Unreadable {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// Measures the course in a folder.
///
/// # Errors
/// Where a file is missing or is no such file.
pub fn check_folder(folder: &Path) -> Result<Report, Unreadable> {
    let audio = std::fs::read_dir(folder.join("audio")).into_iter().flatten().flatten();
    let names = audio.map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(check(&Files {
        seeds: read(folder, "seed_pairs.json")?,
        legos: read(folder, "lego_pairs.json")?,
        baskets: read(folder, "lego_baskets.json")?,
        introductions: read(folder, "introductions.json")?,
        manifest: read(folder, "course_manifest.json")?,
        audio: names.collect(),
    }))
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, Unreadable> {
    let unreadable = |why: String| Unreadable { file: name.to_owned(), why };
    let bytes = std::fs::read(folder.join(name)).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// Measures a course.
#[must_use]
pub fn check(files: &Files) -> Report {
    let mut report = Report { seeds: files.legos.seeds.len(), ..Report::default() };
    report.held_back = files.seeds.held_back.keys().cloned().collect();
    legos::check(files, &mut report);
    phrases::check(files, &mut report);
    manifest::check(files, &mut report);
    report
}

/// The words of a text, as this checker compares them.
fn tokens(text: &str) -> Vec<String> {
    text.nfc().collect::<String>().to_lowercase().unicode_words().map(str::to_owned).collect()
}

/// A text as this checker compares it.
fn folded(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase().trim().to_owned()
}
