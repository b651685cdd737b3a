//! The orchestrator over real HTTP, with a real journal: one binary.

mod artifacts;
mod browser;
mod callbacks;
mod dashboard;
mod driver;
mod live;
mod openapi;
mod originals;
mod rejected;
mod schedules;
mod support;
