//! The orchestrator over real HTTP, with a real journal: one binary.

mod artifacts;
mod browser;
mod callbacks;
mod course_page;
mod dashboard;
mod documents;
mod driver;
mod found;
mod lessons;
mod live;
mod openapi;
mod originals;
mod rejected;
mod schedules;
mod security;
mod support;
mod talking;
