//! Extraction: takes every sentence apart into LEGOs, pieces that a learner can use at once.
//!
//! [`align`] finds out over all sentences which words answer to each other; [`segment`] knows how a sentence can be cut into
//! pieces that hold together on both sides; [`cut`] chooses among those cuts; [`build`] decides in teaching order which piece
//! owns which text.

pub mod align;
pub mod build;
pub mod cut;
pub mod phase;
pub mod segment;
pub mod weak;

pub use build::{Extraction, extract};
