//! What a check found, as figures and as findings.

use std::fmt;

use serde::Serialize;

/// Something that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable.
    pub code: &'static str,
    /// Seed, LEGO, phrase or sample.
    pub place: String,
    /// For a person.
    pub detail: String,
}

/// The quality of a course.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Seeds taken apart.
    pub seeds: usize,
    /// Seeds that wait for a correction.
    pub held_back: Vec<String>,
    /// Seeds that their LEGOs rebuild exactly.
    pub seeds_that_tile: usize,
    /// LEGOs that are taught.
    pub legos: usize,
    /// Of them, those that are one unit.
    pub atomic: usize,
    /// Known texts that mean two things.
    pub collisions: usize,
    /// Baskets.
    pub baskets: usize,
    /// Phrases in them.
    pub phrases: usize,
    /// Phrases with a word that is not taught yet.
    pub gate_breaks: usize,
    /// Baskets without a phrase.
    pub empty_baskets: usize,
    /// Baskets with fewer than ten phrases, each with its reason in the file.
    pub short_baskets: usize,
    /// Samples in the manifest.
    pub samples: usize,
    /// Seconds of speech.
    pub speech_seconds: f64,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn find(&mut self, code: &'static str, place: impl Into<String>, detail: impl Into<String>) {
        self.findings.push(Finding { code, place: place.into(), detail: detail.into() });
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = format!("{} of {}", self.seeds_that_tile, self.seeds);
        writeln!(f, "{:44} {:>12}   the original's", "", "this course")?;
        for (what, here, there) in [
            ("seeds that tile exactly", seeds, "523 of 668"),
            ("known texts with two meanings", self.collisions.to_string(), "26"),
            ("phrases with a word not yet taught", self.gate_breaks.to_string(), "146"),
            ("empty baskets", self.empty_baskets.to_string(), "51"),
            (
                "baskets with fewer than ten phrases",
                format!("{} of {}", self.short_baskets, self.baskets),
                "1,907 of 2,392",
            ),
            ("LEGOs taught (atomic)", format!("{} ({})", self.legos, self.atomic), "2,392"),
            ("phrases", self.phrases.to_string(), "17,070"),
            ("samples", self.samples.to_string(), ""),
            ("minutes of speech", format!("{:.1}", self.speech_seconds / 60.0), ""),
            ("seeds held back for correction", self.held_back.len().to_string(), ""),
        ] {
            writeln!(f, "{what:44} {here:>12}   {there}")?;
        }
        if self.findings.is_empty() {
            return write!(f, "nothing is wrong");
        }
        writeln!(f, "{} findings:", self.findings.len())?;
        for finding in self.findings.iter().take(40) {
            writeln!(f, "  {:24} {:16} {}", finding.code, finding.place, finding.detail)?;
        }
        Ok(())
    }
}
