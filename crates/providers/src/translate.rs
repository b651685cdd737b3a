//! Translation: the trait, and what a text can come to.
//!
//! A text that could not be translated whole is a different variant from one that could, so that nobody can show it to
//! a learner by mistake.

mod apertium;
mod chat;
mod packages;
mod sentence;

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{answer::Answer, error::ProviderError, language::LanguagePair};

pub use apertium::Apertium;
pub use chat::ChatTranslator;

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
    /// Returns its name, as it belongs beside what it made.
    fn name(&self) -> Arc<str>;

    /// Returns what its answers depend on besides the text: its name, version, model. Where this changes, what was kept of
    /// its answers is of no use any more.
    fn fingerprint(&self, pair: &LanguagePair) -> String;

    /// Returns whether it translates this pair, without asking it to.
    ///
    /// # Errors
    /// Where it cannot translate anything here: not installed, not set up.
    fn supports(&self, pair: &LanguagePair) -> Result<bool, ProviderError>;

    /// Translates texts (a sentence each), one answer for each in the same order.
    fn translate<'a>(
        &'a self,
        texts: &'a [String],
        pair: &'a LanguagePair,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Translation>>;
}

/// A translation that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// In the known language.
    pub known: String,
    /// What came out; may be empty.
    pub candidate: String,
    /// Why it was not trusted.
    pub reason: String,
}

/// Something that mends what translators could not do.
pub trait Corrector: Send + Sync + fmt::Debug {
    /// Returns its name, as it belongs beside what it made.
    fn name(&self) -> Arc<str>;

    /// Returns what its answers depend on besides the drafts, as [`Translator::fingerprint`] does.
    fn fingerprint(&self, pair: &LanguagePair) -> String;

    /// Returns whether it could be asked, without asking it.
    ///
    /// # Errors
    /// Where it is not set up.
    fn ready(&self) -> Result<(), ProviderError>;

    /// Corrects translations, one answer for each in the same order.
    fn correct<'a>(
        &'a self,
        drafts: &'a [Draft],
        pair: &'a LanguagePair,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Translation>>;
}
