//! The engine by its stories and properties: one binary.

#![expect(clippy::unwrap_used, reason = "a test that can't read its own files or find its own job must fail")]

mod broken;
mod corpus;
mod fleet;
mod picture;
mod properties;
mod random;
mod snapshots;
mod stories;
mod table;
mod told;
mod wrong_pipelines;
