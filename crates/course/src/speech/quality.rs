//! What is wrong with a recording, as far as numbers can tell: silence, clipping, far too short or too long for its
//! text. Flagged samples are kept and listed; a person decides.

use serde::{Deserialize, Serialize};

use super::clip::Clip;
use crate::model::Cadence;

/// Why a person should listen to a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Nothing can be heard.
    Silent,
    /// Stretches of the recording are cut off at full scale.
    Clipped,
    /// Far too short for its text.
    TooShort,
    /// Far too long for its text.
    TooLong,
}

/// Characters of an alphabet that an unhurried voice says in a second.
const LETTERS_PER_SECOND: f64 = 14.0;
/// A character of a script that writes syllables or words takes as long as so many letters.
const LETTERS_PER_IDEOGRAPH: f64 = 3.5;
/// How much slower a slow voice is.
const SLOW: f64 = 0.7;
/// Outside these factors of the expected time a recording is flagged.
const SHORTEST: f64 = 0.3;
const LONGEST: f64 = 3.0;
/// What even the shortest word may take on top, seconds.
const GRACE: f64 = 0.8;
/// A wave that touches full scale once is not clipped; one that stays there for so many samples in a row is.
const CLIPPED_RUN: usize = 4;
const FULL_SCALE: f32 = 0.999;

/// Judges a trimmed recording as the engine gave it, before its loudness was changed.
#[must_use]
pub fn flags(clip: &Clip, text: &str, cadence: Cadence) -> Vec<Flag> {
    if clip.is_silent() {
        return vec![Flag::Silent];
    }
    let mut found = Vec::new();
    if is_clipped(&clip.samples) {
        found.push(Flag::Clipped);
    }
    let expected = expected_seconds(text, cadence);
    if clip.seconds() < expected * SHORTEST {
        found.push(Flag::TooShort);
    }
    if clip.seconds() > expected * LONGEST + GRACE {
        found.push(Flag::TooLong);
    }
    found
}

/// About how long it takes to say a text, seconds.
fn expected_seconds(text: &str, cadence: Cadence) -> f64 {
    let letters: f64 = text
        .chars()
        .filter(|character| character.is_alphanumeric())
        .map(|character| if is_ideograph(character) { LETTERS_PER_IDEOGRAPH } else { 1.0 })
        .sum();
    let natural = letters / LETTERS_PER_SECOND;
    match cadence {
        Cadence::Natural => natural,
        Cadence::Slow => natural / SLOW,
    }
}

/// Kana, CJK ideographs and Hangul syllables.
const fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3ffff}')
}

fn is_clipped(samples: &[f32]) -> bool {
    samples.windows(CLIPPED_RUN).any(|run| {
        run.iter().all(|sample| *sample >= FULL_SCALE) || run.iter().all(|sample| *sample <= -FULL_SCALE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(seconds: f64, level: f32) -> Clip {
        Clip { rate: 1_000, samples: vec![level; (seconds * 1_000.0) as usize] }
    }

    #[test]
    fn an_ordinary_recording_has_no_flag() {
        assert_eq!(flags(&clip(1.2, 0.4), "quiero hablar", Cadence::Slow), []);
        assert_eq!(flags(&clip(0.3, 0.4), "a", Cadence::Natural), []);
    }

    #[test]
    fn silence_clipping_and_odd_lengths_are_flagged() {
        assert_eq!(flags(&clip(1.0, 0.0), "hola", Cadence::Natural), [Flag::Silent]);
        assert_eq!(flags(&clip(1.0, 1.0), "quiero hablar", Cadence::Natural), [Flag::Clipped]);
        assert_eq!(flags(&clip(0.2, 0.4), "quiero hablar contigo", Cadence::Natural), [Flag::TooShort]);
        assert_eq!(flags(&clip(9.0, 0.4), "hola", Cadence::Natural), [Flag::TooLong]);
    }
}
