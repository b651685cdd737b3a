//! Sound as it comes from an engine: mono, 16 bits, and the reader for the WAV files that engines write.

/// Mono sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}
