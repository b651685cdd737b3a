//! The auto-fixer: a watcher that starts a job for each change, and the phases that plan, fix, verify, apply and escalate.
//!
//! `watcher` sees changes, keeps them and starts jobs; `phases` do them, over what `desk` holds: `ledger` (failures, undo,
//! outbox), `scratch` (places to work in), `fixers` (tools, commands, the model), `escalation` (telling people). Nothing
//! touches the live tree but `replace`.

pub mod desk;
pub mod escalation;
pub mod fixers;
pub mod ledger;
pub mod options;
pub mod paths;
pub mod phases;
pub mod process;
pub mod registry;
pub mod replace;
pub mod rules;
pub mod scratch;
pub mod watcher;
