//! How long a job will still take, learned from earlier ones.
//!
//! [`fit`] finds what a phase's time goes by, [`known`] keeps a fixed number of earlier runs, [`learn`] is told of attempts and
//! jobs that are over, [`path`] works out what is left of a job. All of these are pure: no clock, no IO.
//! [`background`] feeds them from the running orchestrator, and from the journal after a start; what is known is a cache like
//! the index, and is never waited for by a job.

pub mod background;
pub mod fit;
pub mod known;
pub mod learn;
pub mod path;
pub mod picture;
mod rest;
#[cfg(test)]
mod tests;
