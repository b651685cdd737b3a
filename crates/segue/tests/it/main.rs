//! The executable as its users meet it: real processes, real connections.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

mod autofix;
mod bad_input;
mod chaos;
mod check;
mod cluster;
mod commands;
mod copy;
#[path = "../../../orchestrator/tests/it/driver.rs"]
mod driver;
mod failures;
mod fake;
mod full_disk;
mod kill;
mod logs;
mod postgres;
mod preempt;
mod rolling;
mod soak;
mod support;
mod table;
mod theatre;
mod torn;
mod twindocs;
mod up;
