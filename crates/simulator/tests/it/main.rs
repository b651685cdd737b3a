//! The simulator in every build: so many seeds that they take some seconds. By hand more: `cargo xtask simulate --seeds N`.

mod history;
mod seeds;
