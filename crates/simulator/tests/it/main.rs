//! The simulator in every build: so many seeds that they take some seconds. By hand more: `cargo xtask simulate --seeds N`.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

mod history;
mod seeds;
