//! How to be a phase service: accept a start, report progress, pause, cancel, call back.
//!
//! A phase is a type that implements [`Phase`]; [`Service`] holds one or several of them; [`serve`] answers HTTP until it is
//! told to stop. Everything a service owes the orchestrator is done here, once: the same attempt is not run twice, its result
//! is delivered until somebody takes it, and where a folder is given both survive the service's own death.
//!
//! ```no_run
//! use phase_kit::{Context, Phase, PhaseError, Service, Success};
//!
//! struct Hello;
//!
//! impl Phase for Hello {
//!     const NAME: &'static str = "hello";
//!     type Input = serde_json::Value;
//!     type Output = String;
//!
//!     async fn run(&self, ctx: Context, input: Self::Input) -> Result<Success<String>, PhaseError> {
//!         ctx.progress(1, 1, "greetings", "");
//!         Ok(Success::new(format!("hello {}", input["name"])))
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Service::builder("hello").phase(Hello).capacity(4).build()?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! phase_kit::serve(listener, async { tokio::signal::ctrl_c().await.unwrap_or(()) }, service).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Reading order: [`phase`], [`context`], [`artifacts`] (what an author sees); [`service`], [`catalog`], [`server`], then inside `attempt`,
//! `deliver`, `record`, `register` and `folder_lock`; [`testing`] for tests.

pub mod artifacts;
mod attempt;
mod backoff;
pub mod catalog;
pub mod client;
pub mod context;
mod deliver;
mod folder_lock;
pub mod phase;
mod record;
pub mod register;
mod reply;
mod reporter;
pub mod server;
pub mod service;
pub mod testing;
pub mod webhook;

pub use artifacts::{ArtifactError, Artifacts};
pub use client::http_client;
pub use context::Context;
pub use phase::{Phase, PhaseError, Success};
pub use register::Registering;
pub use reply::Refusal;
pub use server::{serve, serve_within};
pub use service::{BuildError, Companion, Service, ServiceBuilder, Timing};
