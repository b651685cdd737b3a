//! The documenters: one service for each stream, which writes what a codebase's components do and whom they call.
//!
//! A run goes through the components callees first, so that who writes about a caller can be told what its callees do. What is
//! written is kept in a book by the hash of all that its author was given: a killed run, a later iteration and the next job ask
//! again only where something has changed. The streams share the code and, after an iteration, what they differ in.
//!
//! Reading order: [`phase`], `walk`, [`assignment`] (what an author is given), [`engine`] and the three authors [`mod@derive`], [`skim`] and
//! [`chat`], [`book`], [`purse`].

pub mod assignment;
pub mod book;
mod callers;
pub mod chat;
pub mod derive;
pub mod engine;
mod lexical;
pub mod material;
pub mod options;
pub mod phase;
pub mod purse;
pub mod skim;
mod walk;

use phase_kit::{
    catalog::{ServiceSettings, options},
    service::ServiceBuilder,
};

pub use options::DocumenterOptions;
pub use phase::DocumentPhase;

use crate::records::Stream;

/// Makes a stream's documenter.
///
/// # Errors
/// Options that are not known or not right.
pub fn service(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
    stream: Stream,
) -> Result<ServiceBuilder, serde_json::Error> {
    let options: DocumenterOptions = options(settings)?;
    Ok(builder.any_phase(DocumentPhase::new(stream, options.engine(stream)?, options.book_bytes())))
}
