//! Speech recognition: the trait, and what is heard. Sound is mono, 16 bits, 16 kHz everywhere: whoever has another one
//! makes it so before.

mod openai;
mod process;
mod sphinx;
mod whisper;

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::answer::Answer;

pub use openai::{OpenAiRecogniser, TranscriptionSettings};
pub use sphinx::{Sphinx, SphinxSettings};
pub use whisper::{Whisper, WhisperSettings};

/// Samples per second of all sound that is listened to.
pub const RATE: u32 = 16_000;

/// An utterance to be recognised.
#[derive(Debug, Clone)]
pub struct Sound {
    /// The samples, at [`RATE`].
    pub samples: Arc<[i16]>,
    /// What may be said, in JSGF; a recogniser of free speech does not look at it.
    pub grammar: Arc<str>,
    /// Words that are likely, for recognisers of free speech; may be empty.
    pub hint: Arc<str>,
    /// The sentence goes on: what was heard so far is wanted.
    pub partial: bool,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// The words; empty: nothing that was understood.
    pub text: String,
    /// 0 to 1; none where the recogniser does not say.
    pub confidence: Option<f64>,
    /// Its parts.
    pub segments: Vec<HeardSegment>,
    /// What was taken for speech that means nothing here: said, but not in the grammar. For people who wonder.
    pub rejected: Option<String>,
}

/// A part of what was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardSegment {
    /// Its words.
    pub text: String,
    /// Seconds from the beginning of the sound.
    pub start: f64,
    /// Seconds from the beginning of the sound.
    pub end: f64,
    /// 0 to 1; none where the recogniser does not say.
    pub confidence: Option<f64>,
}

/// Something that understands speech.
pub trait Recogniser: Send + Sync + fmt::Debug {
    /// Returns its name.
    fn name(&self) -> String;

    /// Listens to an utterance. Not repeated on errors but for a process that has died since the last one.
    fn hear<'a>(&'a self, sound: &'a Sound, cancel: &'a CancellationToken) -> Answer<'a, Heard>;
}

/// A share from 0 to 1 with two decimals.
fn share(value: f64) -> f64 {
    if value.is_finite() { (value.clamp(0.0, 1.0) * 100.0).round() / 100.0 } else { 0.0 }
}
