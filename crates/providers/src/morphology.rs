//! Morphology: what each word of a text is, for grammar checks.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::answer::Answer;

/// What a word can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Base form.
    pub lemma: String,
    /// Part of speech first, then features, as Apertium names them: `n`, `f`, `sg`, …
    pub tags: Vec<String>,
    /// What is written together with it: `me` of `ayudarme`.
    pub joined: Vec<Reading>,
}

impl Reading {
    /// Returns whether it has all these tags.
    #[must_use]
    pub fn has(&self, tags: &[&str]) -> bool {
        tags.iter().all(|tag| self.tags.iter().any(|have| have == tag))
    }
}

/// A word, or a mark of punctuation, of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As it is written.
    pub surface: String,
    /// What it can be, the likeliest first; empty where the word is not known.
    pub readings: Vec<Reading>,
}

impl Token {
    /// Returns whether no dictionary knows it.
    #[must_use]
    pub fn unknown(&self) -> bool {
        self.readings.is_empty()
    }

    /// Returns the likeliest base form.
    #[must_use]
    pub fn lemma(&self) -> Option<&str> {
        self.readings.first().map(|reading| reading.lemma.as_str())
    }

    /// Returns the tags of the likeliest reading.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        self.readings.first().map_or(&[], |reading| &reading.tags)
    }

    /// Returns what else it can be.
    #[must_use]
    pub fn alternatives(&self) -> &[Reading] {
        self.readings.get(1..).unwrap_or_default()
    }

    /// Returns whether some reading has all these tags.
    #[must_use]
    pub fn can_be(&self, tags: &[&str]) -> bool {
        self.readings.iter().any(|reading| reading.has(tags))
    }
}

/// Something that analyses words.
pub trait Morphology: Send + Sync + fmt::Debug {
    /// Returns its name, and where known its version.
    fn name(&self) -> String;

    /// Returns whether it can analyse a language (ISO 639-3) here.
    fn supports(&self, language: &str) -> bool;

    /// Analyses texts, one list of tokens for each in the same order.
    fn analyse<'a>(
        &'a self,
        texts: &'a [String],
        language: &'a str,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Vec<Token>>>;
}
