//! Extraction: takes every sentence apart into LEGOs, pieces that a learner can use at once.
//!
//! [`align`] finds out over all sentences which words answer to each other; [`segment`] cuts each sentence into the smallest
//! pieces that hold together on both sides; [`build`] decides in teaching order which piece owns which text.

pub mod align;
pub mod build;
pub mod phase;
pub mod segment;

pub use build::{Extraction, extract};
