//! The phase `extraction`: `seed_pairs.json` in, `lego_pairs.json` and its report out, and the batches for baskets.

use std::{collections::BTreeMap, path::PathBuf};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract;
use crate::{
    model::{LegoKind, LegoPairs, SeedPairs},
    text::normal,
};

/// About so many batches: so many as the service that makes baskets can take several times over.
const BATCHES: usize = 45;
/// How cuts are chosen. Cuts that an older method chose are not kept: raise this when the method changes.
const METHOD: u32 = 2;

/// The phase.
#[derive(Debug)]
pub struct ExtractionPhase;

/// Seeds whose baskets are made together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// From 0.
    pub index: usize,
    /// The first seed.
    pub from: String,
    /// The last seed.
    pub to: String,
}

/// What the phase gives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// For the map over baskets.
    pub batches: Vec<Batch>,
    /// Seeds taken apart.
    pub seeds: usize,
    /// LEGOs that are taught.
    pub new_legos: usize,
}

impl Phase for ExtractionPhase {
    const NAME: &'static str = "extraction";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, _input: Value) -> Result<Success<Output>, PhaseError> {
        let pairs: SeedPairs = ctx.artifacts().get_json("seed_pairs.json").await?;
        let total = pairs.translations.len() as u64;
        ctx.progress(0, total, "seeds", "finding out which words answer to each other");
        let cache =
            ctx.data_dir().map(|folder| folder.join("legos").join(format!("{}-{METHOD}.json", pairs.course)));
        let before: Option<LegoPairs> = match &cache {
            Some(path) => read(path).await,
            None => None,
        };
        let made = tokio::task::spawn_blocking(move || extract(&pairs, before.as_ref())).await;
        let made = made.map_err(|error| PhaseError::retry("interrupted", error.to_string()))?;
        ctx.progress(total, total, "seeds", "taken apart");
        let report = report(&made.legos);
        ctx.artifacts().put_json("lego_pairs.json", &made.legos).await?;
        ctx.artifacts().put_json("lego_pairs_report.json", &report).await?;
        if let Some(path) = &cache {
            keep(path, &made.legos).await;
        }
        let legos = made.legos.seeds.iter().flat_map(|seed| &seed.legos);
        let (new, atomic) = legos.clone().filter(|lego| lego.new).fold((0, 0), |(new, atomic), lego| {
            (new + 1, atomic + usize::from(lego.kind == LegoKind::Atomic))
        });
        let stats = json!({
            "seeds": made.legos.seeds.len(), "legos": legos.count(), "newLegos": new, "atomic": atomic,
            "molecular": new - atomic, "collisions": report["violation_count"], "seedsReused": made.reused,
        });
        let output = Output { batches: batches(&made.legos), seeds: made.legos.seeds.len(), new_legos: new };
        Ok(Success::new(output).stats(stats))
    }
}

/// Runs of seeds, each at least one seed.
fn batches(legos: &LegoPairs) -> Vec<Batch> {
    let size = legos.seeds.len().div_ceil(BATCHES).max(1);
    let chunks = legos.seeds.chunks(size).enumerate();
    chunks
        .map(|(index, chunk)| Batch {
            index,
            from: chunk[0].seed_id.clone(),
            to: chunk[chunk.len() - 1].seed_id.clone(),
        })
        .collect()
}

/// One known text to one target text: who breaks that.
fn report(legos: &LegoPairs) -> Value {
    let mut mappings: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for seed in &legos.seeds {
        for lego in &seed.legos {
            let entry = json!({ "seed_id": seed.seed_id, "lego_id": lego.id, "type": lego.kind });
            let targets = mappings.entry(normal(&lego.lego.known)).or_default();
            targets.entry(normal(&lego.lego.target)).or_default().push(entry);
        }
    }
    let violations: Vec<Value> = mappings
        .iter()
        .filter(|(_, targets)| targets.len() > 1)
        .map(|(known, targets)| {
            let targets: Vec<Value> =
                targets.iter().map(|(target, legos)| json!({ "target": target, "legos": legos })).collect();
            json!({ "known": known, "mappings": targets })
        })
        .collect();
    json!({
        "status": if violations.is_empty() { "PASS" } else { "FAIL" },
        "total_legos": legos.seeds.iter().map(|seed| seed.legos.len()).sum::<usize>(),
        "unique_known_legos": mappings.len(), "violation_count": violations.len(), "violations": violations,
    })
}

/// The course before; none where there is none or it can't be read: it only saves changes.
async fn read(path: &PathBuf) -> Option<LegoPairs> {
    serde_json::from_slice(&tokio::fs::read(path).await.ok()?).ok()
}

async fn keep(path: &PathBuf, legos: &LegoPairs) {
    let write = async {
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let fresh = path.with_extension("new");
        tokio::fs::write(&fresh, serde_json::to_vec(legos)?).await?;
        tokio::fs::rename(&fresh, path).await
    };
    if let Err(error) = write.await {
        tracing::warn!(%error, "the cuts could not be kept for the next time");
    }
}
