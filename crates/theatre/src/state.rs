//! The state of each theatre: what every machine is, who made it so and why, what is pending, what the model thinks.
//!
//! One writer per theatre. What it is told becomes events, events become durable, and only then does anybody hear of them:
//! the caller, the board, the orchestrator. The log is at once the audit and the history, and the state is a fold of it.
//!
//! Reading order: [`event`], [`chain`], [`log`] (what is written); [`machine`], [`room`], [`fold`] (what it means);
//! [`command`], [`safety`] (what may happen); [`writer`], [`starter`], [`copy`], [`theatres`] (who does it); [`view`], [`http`],
//! [`phases`], [`page`], [`service`] (who is told).

pub mod chain;
pub mod command;
pub mod copy;
pub mod event;
pub mod fold;
pub mod http;
pub mod log;
pub mod machine;
pub mod meter;
pub mod page;
pub mod phases;
pub mod room;
pub mod safety;
pub mod service;
pub mod starter;
pub mod theatres;
pub mod view;
pub mod writer;
