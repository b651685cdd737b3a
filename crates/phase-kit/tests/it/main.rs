//! The promises of phase-kit, over real HTTP: a service of ours against an orchestrator that answers as told.

mod artifacts;
mod companion;
mod control;
mod delivery;
mod examples;
mod registering;
mod starting;
mod support;
