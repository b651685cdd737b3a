//! The speech phase.

pub mod clip;
pub mod loudness;
pub mod opus_file;
pub mod quality;
