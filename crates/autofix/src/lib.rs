//! The auto-fixer: a watcher that starts a job for each change, and the phases that plan, fix, verify, apply and escalate.

pub mod options;
pub mod paths;
pub mod process;
pub mod registry;
