//! The engine by its stories and properties: one binary.

mod corpus;
mod picture;
mod properties;
mod stories;
mod told;
