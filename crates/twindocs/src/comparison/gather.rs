//! What a job has stored, read for the phases that compare and decide.

use std::collections::BTreeMap;

use phase_kit::{ArtifactError, Context, PhaseError};
use serde::de::DeserializeOwned;

use super::{Streams, truth::Code};
use crate::{
    analysis::{calls::CallGraph, phase::ComponentsFile},
    records::{
        Stream,
        documented::{Sources, StreamFile},
        names,
    },
};

/// The analysis, as the artifacts have it.
#[derive(Debug)]
pub struct Stored {
    /// The components.
    pub components: ComponentsFile,
    /// The calls.
    pub graph: CallGraph,
    /// The texts.
    pub sources: Sources,
}

impl Stored {
    /// Reads it.
    ///
    /// # Errors
    /// Where an artifact is not there or does not fit.
    pub async fn read(ctx: &Context) -> Result<Self, PhaseError> {
        let artifacts = ctx.artifacts();
        Ok(Self {
            components: artifacts.get_json(names::COMPONENTS).await?,
            graph: artifacts.get_json(names::CALL_GRAPH).await?,
            sources: artifacts.get_json(names::SOURCES).await?,
        })
    }

    /// As the comparison wants it.
    #[must_use]
    pub fn code(&self) -> Code<'_> {
        Code {
            components: &self.components.components,
            graph: &self.graph,
            with_errors: &self.components.with_errors,
            sources: &self.sources,
        }
    }
}

/// Reads an artifact that may not be there.
///
/// # Errors
/// Where it is there and does not fit, or cannot be read.
pub async fn optional<T: DeserializeOwned>(ctx: &Context, name: &str) -> Result<Option<T>, PhaseError> {
    match ctx.artifacts().get_json(name).await {
        Ok(value) => Ok(Some(value)),
        Err(ArtifactError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads what the streams have written in an iteration: what was validated where it was, else as it was documented.
///
/// # Errors
/// Where a stream is not there or does not fit.
pub async fn written(ctx: &Context, which: &[Stream], iteration: u32) -> Result<Streams, PhaseError> {
    let mut streams = BTreeMap::new();
    let stored = ctx.artifacts().list().await?;
    for stream in which {
        let mut file: StreamFile = ctx.artifacts().get_json(&names::documented(*stream, iteration)).await?;
        let first = names::validated(*stream, iteration, 0);
        let folder = first.trim_end_matches("0.json");
        for batch in stored.iter().filter(|it| it.name.starts_with(folder)) {
            let validated: StreamFile = ctx.artifacts().get_json(&batch.name).await?;
            overlay(&mut file, validated);
        }
        streams.insert(*stream, file);
    }
    Ok(streams)
}

/// Takes what was validated. An entry of another text than the documented one is of an earlier run of the phase: it is left out.
fn overlay(file: &mut StreamFile, validated: StreamFile) {
    for (id, entry) in validated.entries {
        if let Some(written) = file.entries.get_mut(&id).filter(|it| it.key == entry.key) {
            *written = entry;
        }
    }
    for (id, failed) in validated.failed {
        file.failed.entry(id).or_insert(failed);
    }
}

/// Reads the streams as an iteration left them.
///
/// # Errors
/// Where a stream is not there or does not fit.
pub async fn resolved(ctx: &Context, which: &[Stream], iteration: u32) -> Result<Streams, PhaseError> {
    let mut streams = BTreeMap::new();
    for stream in which {
        let file = ctx.artifacts().get_json(&names::resolved(*stream, iteration)).await?;
        streams.insert(*stream, file);
    }
    Ok(streams)
}
