//! Runs the engine against the world: HTTP API, dispatch, timers, live stream, artifacts.
//!
//! [`core`] is the heart: decide, append, apply, act. [`outbound`] calls services, [`config`] says where they are. `main`
//! lives in the `segue` crate, which only wires; nothing here knows which journal it has.

pub mod artifacts;
pub mod attempts;
pub mod audit;
pub mod callback;
pub mod checks;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod core;
pub mod estimates;
pub mod http;
pub mod instances;
mod listen;
pub mod live;
mod log;
pub mod memo;
pub mod metrics;
pub mod outbound;
pub mod recording;
pub mod rejected;
pub mod retention;
pub mod schedules;
pub mod serve;
pub mod signature;
mod small_file;
pub mod timers;
pub mod token;
pub mod trace;
