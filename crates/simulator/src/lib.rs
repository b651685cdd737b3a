//! The whole system in one thread under a seed: the real core of the orchestrator, and around it a disk, services, callers and
//! a clock that are as bad as the seed says.
//!
//! Why: what goes wrong once in a hundred thousand lives goes wrong here within minutes, and again whenever its seed is run.
//! [`run::run`] runs a scenario, [`witness`] and [`checks`] say what must always hold, [`history`] judges what callers were
//! told, [`shrink`] finds the least that still goes wrong. `cargo xtask simulate` is the way in.

pub mod callers;
pub mod campaign;
pub mod checks;
pub mod clock;
pub mod dice;
pub mod disk;
mod happenings;
pub mod history;
pub mod meaning;
pub mod pipelines;
pub mod run;
pub mod scenario;
pub mod services;
pub mod shrink;
pub mod stage;

pub mod witness;
