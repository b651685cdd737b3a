//! What a job is and what happens next: pure, without clock, files, network or randomness.
//!
//! Read in this order: [`pipeline`] (what can be asked for), [`job`] (where a job stands), [`command`] (what can happen),
//! [`event`] (what did happen), [`decide`] (what follows), [`apply`] (the only writer), [`effect`] (what the world must do),
//! [`priority`] and [`plan`] (who goes next, across jobs), [`why`] (what a job waits for),
//! [`invariants`] (what holds of every job).
//!
//! The order of use is *decide, append, apply, act*: a command meets the job in memory, the events that follow are made
//! durable, and only then does anybody outside see the job or feel an effect.

pub mod apply;
pub mod command;
pub mod condition;
pub mod decide;
pub mod effect;
pub mod event;
pub mod ids;
pub mod invariants;
pub mod job;
pub mod payload;
pub mod pipeline;
pub mod plan;
pub mod priority;
pub mod retry;
pub mod values;
pub mod why;
