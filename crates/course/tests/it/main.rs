//! What the course phases promise, one file for each phase.

mod grammar;
mod manifest;
mod speech;
mod speech_batch;
mod speech_phases;
mod speech_providers;
mod translation;
