//! The orchestrator over real HTTP, with a real journal: one binary.

mod artifacts;
mod browser;
mod callbacks;
mod course_page;
mod dashboard;
mod deploy;
mod documents;
mod driver;
mod estimates;
mod exposition;
mod found;
mod lessons;
mod live;
mod metrics;
mod openapi;
mod originals;
mod preempt;
mod recordings;
mod rejected;
mod replayed;
mod schedules;
mod security;
mod support;
mod talking;
mod time_left;
mod traces;
