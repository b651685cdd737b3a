//! The orchestrator over real HTTP, with a real journal: one binary.

mod callbacks;
mod dashboard;
mod openapi;
mod support;
