//! Translation: the trait, and what a text can come to.
//!
//! A text that could not be translated whole is a different variant from one that could, so that nobody can show it to
//! a learner by mistake.

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{answer::Answer, language::LanguagePair};

/// What a text came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translation {
    /// A sentence of the target language.
    Done {
        /// The sentence, with capital and punctuation.
        text: String,
        /// Which provider made it.
        by: Arc<str>,
    },
    /// Some of it was not understood, or nothing came out: for a person or a language model to correct.
    Untranslated {
        /// What came out, marks included; may be empty. Never for a learner.
        candidate: String,
        /// What is wrong, in words.
        reason: String,
        /// Which provider made it.
        by: Arc<str>,
    },
}

impl Translation {
    /// Returns the text, if it is a sentence of the target language.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Done { text, .. } => Some(text),
            Self::Untranslated { .. } => None,
        }
    }

    /// Returns which provider made it.
    #[must_use]
    pub fn by(&self) -> &str {
        match self {
            Self::Done { by, .. } | Self::Untranslated { by, .. } => by,
        }
    }
}

/// Something that translates.
pub trait Translator: Send + Sync + fmt::Debug {
    /// Returns its name and, where known, version, as it belongs beside what it made.
    fn name(&self) -> Arc<str>;

    /// Returns whether it can be asked for this pair here, without asking it.
    fn supports(&self, pair: &LanguagePair) -> bool;

    /// Translates texts (a sentence each), one answer for each in the same order.
    fn translate<'a>(
        &'a self,
        texts: &'a [String],
        pair: &'a LanguagePair,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Translation>>;
}
