//! Grammar: looks at every practice phrase in the target language and removes those that are wrong, each with its reason.
//!
//! [`analyse`] asks a morphological analyser, a program of its own, what each word can be; [`rules`] judges what stands side
//! by side. A language without an analyser is not checked, and the report says so: nothing is removed on a guess.

pub mod analyse;
pub mod decisions;
pub mod phase;
pub mod rules;
