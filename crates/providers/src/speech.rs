//! Speech: the trait, voices and roles, and the sound that comes out.

mod espeak;
mod openai;
mod piper;
mod program;
pub mod wav;

use std::{collections::BTreeMap, fmt};

use crate::{answer::Answer, error::ProviderError};

pub use espeak::Espeak;
pub use openai::{OpenAiSpeech, SpeechSettings};
pub use piper::{Piper, PiperSettings};
pub use wav::{Wav, WavError};

/// Who speaks in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoiceRole {
    /// The first voice of the language that is learned.
    Target1,
    /// The second one, audibly somebody else.
    Target2,
    /// The learner's own language.
    Source,
    /// Explanations, in the learner's own language.
    Presentation,
}

impl VoiceRole {
    /// Returns its name in the option `voices`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Target1 => "target1",
            Self::Target2 => "target2",
            Self::Source => "source",
            Self::Presentation => "presentation",
        }
    }
}

/// Voices by language (ISO 639-3, or `*` for all), then by role's name: what the user prefers to our choice.
pub type Voices = BTreeMap<String, BTreeMap<String, String>>;

fn chosen<'a>(voices: &'a Voices, language: &str, role: VoiceRole) -> Option<&'a str> {
    let of = |language: &str| voices.get(language)?.get(role.name()).map(String::as_str);
    of(language).or_else(|| of("*"))
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
