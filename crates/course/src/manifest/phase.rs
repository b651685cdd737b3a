//! The manifest phase as a service offers it: fetches the four files, makes the manifest, stores it.

use phase_kit::{Context, Phase, PhaseError, Success};
use protocol::headers::JSON;
use serde::Deserialize;

use super::make::{FileBytes, Made, ManifestError, ManifestOutput, make};
use crate::speech::work::MANIFEST;

/// Joins seeds, LEGOs, baskets and introductions into `course_manifest.json`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manifest;

/// Nothing of the job's input matters here: all is in the files.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct ManifestInput {}

impl Phase for Manifest {
    const NAME: &'static str = "manifest";
    type Input = ManifestInput;
    type Output = ManifestOutput;

    async fn run(&self, ctx: Context, _: ManifestInput) -> Result<Success<ManifestOutput>, PhaseError> {
        let artifacts = ctx.artifacts();
        let (seed_pairs, lego_pairs, baskets, introductions) = tokio::try_join!(
            artifacts.get_bytes("seed_pairs.json"),
            artifacts.get_bytes("lego_pairs.json"),
            artifacts.get_bytes("lego_baskets.json"),
            artifacts.get_bytes("introductions.json"),
        )?;
        ctx.go_on()?;
        let made = tokio::task::spawn_blocking(move || {
            make(FileBytes {
                seed_pairs: &seed_pairs,
                lego_pairs: &lego_pairs,
                baskets: &baskets,
                introductions: &introductions,
            })
        });
        let Made { bytes, output } = made
            .await
            .map_err(|error| PhaseError::retry("manifest-interrupted", error.to_string()))?
            .map_err(|error: ManifestError| PhaseError::permanent(error.code(), error.to_string()))?;
        ctx.go_on()?;
        artifacts.put_bytes(MANIFEST, JSON, bytes.into()).await?;
        ctx.progress(
            output.stats.seeds as u64,
            output.stats.seeds as u64,
            "seeds",
            "the manifest is written",
        );
        let stats = serde_json::to_value(&output.stats)
            .map_err(|error| PhaseError::permanent("unwritable-manifest", error.to_string()))?;
        Ok(Success::new(output).stats(stats))
    }
}
