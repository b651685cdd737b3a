//! The validators: one service for each stream, which holds what its documenter wrote against the signature and the call graph.
//!
//! Where the code is evident it is put right on the spot, and every change is written down. Prose no rule can judge: a second model
//! may look at it, and what it finds is listed; it changes nothing.
//!
//! Reading order: [`rules`] (a pure function), `prose` (the second model), [`phase`].

pub mod phase;
mod prose;
pub mod rules;

use phase_kit::{
    catalog::{ServiceSettings, options},
    service::ServiceBuilder,
};
use serde::de::Error as _;

pub use phase::ValidatePhase;

use crate::{
    documenter::{DocumenterOptions, engine::EngineName},
    records::Stream,
};
use prose::Reader;

/// Makes a stream's validator. Its options are a documenter's; its engine is `derive`, which is the rules alone, or `chat`.
///
/// # Errors
/// Options that are not known or not right.
pub fn service(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
    stream: Stream,
) -> Result<ServiceBuilder, serde_json::Error> {
    let options: DocumenterOptions = options(settings)?;
    let reader = match options.engine {
        None | Some(EngineName::Derive) => None,
        Some(EngineName::Chat) => Some(Reader::new(options.model()?, options.manner(stream)?)),
        Some(EngineName::Skim) => {
            return Err(serde_json::Error::custom("a validator's engine is \"derive\" or \"chat\""));
        }
    };
    Ok(builder.any_phase(ValidatePhase::new(stream, reader, options.book_bytes())))
}
