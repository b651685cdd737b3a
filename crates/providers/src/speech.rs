//! Speech: the trait, voices and roles, and the sound that comes out.

pub mod wav;

use std::fmt;

use crate::{answer::Answer, error::ProviderError};

pub use wav::Wav;

/// Who speaks in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoiceRole {
    /// The first voice of the language that is learned.
    Target1,
    /// The second one, audibly somebody else.
    Target2,
    /// The learner's own language.
    Known,
    /// Explanations, in the learner's own language.
    Presentation,
}

/// A voice of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Voice {
    /// ISO 639-3 of what it speaks.
    pub language: String,
    /// The provider's own name for it, such as `es+f2`.
    pub name: String,
}

/// Something that speaks.
pub trait Speech: Send + Sync + fmt::Debug {
    /// Returns its name and version: another version may sound different.
    fn name(&self) -> String;

    /// Returns the voice for a role in a language (ISO 639-3).
    ///
    /// # Errors
    /// [`ProviderError::UnsupportedLanguage`], or [`ProviderError::UnknownVoice`] where none is set up.
    fn voice(&self, language: &str, role: VoiceRole) -> Result<Voice, ProviderError>;

    /// Says a text. `speed` is a factor: 1.0 natural, 0.7 slow; what is outside 0.25 to 4.0 is taken to the nearer end.
    fn speak<'a>(&'a self, text: &'a str, voice: &'a Voice, speed: f64) -> Answer<'a, Wav>;
}
