//! The service `asr`: sound in, what was said out, and on to the service `state`.
//!
//! ```text
//! /ws/audio ──▶ resample ──▶ is it speech? ──▶ utterance ──┬─▶ recogniser ─▶ partial ─▶ (lost if it must be)
//!                                                          └─▶ recogniser ─▶ final ─▶ spool ─▶ state
//! POST /transcribe ─▶ WAV ─▶ resample ─▶ utterances ─▶ recogniser ─▶ answer
//! ```
//!
//! What was heard is in the spool, on the disk, before anybody is told; it leaves the spool when `state` has it.
//!
//! Reading order: [`detect`] (where an utterance begins and ends), [`listen`] (one listener's session), [`denoise`], [`ear`] (who
//! recognises, with which grammar), [`spool`], [`post`], then [`wav`], [`resample`], `http`, `socket`, [`service`].

pub mod agree;
pub mod denoise;
pub mod detect;
pub mod ear;
mod http;
pub mod listen;
pub mod post;
pub mod resample;
pub mod service;
mod socket;
pub mod spool;
mod stats;
pub mod wav;
