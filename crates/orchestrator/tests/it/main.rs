//! The orchestrator over real HTTP, with a real journal: one binary.

mod browser;
mod callbacks;
mod dashboard;
mod driver;
mod openapi;
mod support;
