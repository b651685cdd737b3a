//! The operating-theatre services: speech becomes text, text becomes what machines are to do, and that becomes a state that
//! everybody in the room sees.
//!
//! ```text
//! asr ──▶ state: POST /transcript ──▶ a job for each utterance ──┬── rules ── state ──▶ board, audit
//!          (writes it down first)                                └── llm ──── state ──▶ suggestions
//! ```
//!
//! Reading order: [`model`] (the words that services say to each other), [`surgery`], [`rules`], [`state`], [`llm`], [`asr`],
//! [`registry`].

pub mod asr;
mod doctor;
pub mod llm;
pub mod model;
pub mod registry;
pub mod rules;
pub mod state;
pub mod surgery;

pub use doctor::doctor;
