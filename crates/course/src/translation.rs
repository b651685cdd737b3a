//! Translation: every sentence in the target language, or held back where no translation can be trusted.
//!
//! What is known comes first: a translation that the caller gave or corrected, then the translation memory (the original's
//! phase 2), then what an earlier job had translated; the rest is translated by Apertium, a program of its own. What it could
//! not translate it marks, and such a sentence is held back: it never reaches a learner.

pub mod apertium;
pub mod memory;
pub mod phase;
