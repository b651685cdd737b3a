//! The speech phase.

pub mod clip;
pub mod format;
pub mod loudness;
pub mod opus_file;
pub mod presentation;
pub mod produce;
pub mod quality;
pub mod store;
