//! The speech phase.

pub mod batch;
pub mod clip;
pub mod engine;
pub mod format;
pub mod loudness;
pub mod merge;
pub mod options;
pub mod opus_file;
pub mod phase;
pub mod presentation;
pub mod produce;
pub mod provider;
pub mod quality;
pub mod report;
pub mod speaker;
pub mod store;
pub mod work;
