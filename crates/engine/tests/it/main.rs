//! The engine by its stories and properties: one binary.

mod properties;
mod stories;
mod told;
