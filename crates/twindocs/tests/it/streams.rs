//! The two streams: documenters and validators as an orchestrator meets them.

mod book;
mod documenters;
mod model_server;
mod models;
mod weaknesses;
mod world;
