//! The two streams: documenters and validators as an orchestrator meets them.

mod book;
mod documenters;
mod model_server;
mod models;
mod thousand;
mod validators;
mod weaknesses;
mod world;
