//! From what an engine said to a file: silence off, judged, one rate, one loudness, encoded. Pure work on numbers,
//! called on blocking threads; the same sound gives the same bytes.

use super::clip::Clip;
use super::loudness::{self, MeterError};
use super::opus_file::{self, OpusFileError};
use super::presentation::Piece;
use super::quality::{self, Flag};
use crate::model::Cadence;

/// Version of what this module does to a sound. Raise it when bytes change: recordings made before are then made again.
pub const PROCESSING: u32 = 1;

/// A sample ready to be encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Mastered {
    /// Trimmed, at a rate for encoding, at -16 LUFS.
    pub clip: Clip,
    /// Measured loudness; absent for silence.
    pub lufs: Option<f64>,
    /// What is odd about it.
    pub flags: Vec<Flag>,
}

/// Makes one clip of what was said, piece by piece, with the pauses between. Every piece is brought to the same loudness
/// before they are joined, because narrator and target voice may be very different.
///
/// # Errors
/// Where the meter refuses an engine's sample rate.
pub fn master(
    said: Vec<(Piece, Clip)>,
    cadence_of: impl Fn(&Piece) -> Cadence,
) -> Result<Mastered, MeterError> {
    let rate = said.iter().map(|(_, clip)| Clip::encoding_rate(clip.rate)).max().unwrap_or(48_000);
    let single = said.len() == 1;
    let mut whole = Clip { rate, samples: Vec::new() };
    let mut flags = Vec::new();
    for (piece, mut clip) in said {
        clip.trim_silence();
        flags.extend(quality::flags(&clip, &piece.text, cadence_of(&piece)));
        let mut clip = clip.resampled(rate);
        if !single {
            loudness::normalise(&mut clip)?;
        }
        whole.push_silence(piece.pause_ms);
        whole.samples.append(&mut clip.samples);
    }
    flags.sort_unstable();
    flags.dedup();
    let loudness = loudness::normalise(&mut whole)?;
    let lufs = loudness.lufs.is_finite().then(|| thousandths(loudness.lufs));
    Ok(Mastered { clip: whole, lufs, flags })
}

/// Encodes as Ogg Opus, with the text as title.
///
/// # Errors
/// Where the codec fails.
pub fn encode_opus(clip: &Clip, id: &str, text: &str, language: &str) -> Result<Vec<u8>, OpusFileError> {
    opus_file::encode(clip, id, &[("TITLE", text), ("LANGUAGE", language)])
}

/// Rounds to what is worth writing down: seconds to milliseconds, LUFS to a thousandth.
#[must_use]
pub fn thousandths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
