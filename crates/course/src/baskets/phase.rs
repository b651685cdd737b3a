//! The phase `baskets`: one run for each batch of seeds.

use std::collections::BTreeMap;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{kept::Kept, make::Maker};
use crate::{
    extraction::phase::Batch,
    model::{Basket, FORMAT_VERSION, LegoBaskets, LegoPairs},
};

/// The phase.
#[derive(Debug)]
pub struct BasketsPhase;

/// What a run gives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The batch.
    pub index: usize,
    /// Where its baskets are.
    pub artifact: String,
    /// How many.
    pub baskets: usize,
    /// Phrases in them.
    pub phrases: usize,
}

impl Phase for BasketsPhase {
    const NAME: &'static str = "baskets";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, _input: Value) -> Result<Success<Output>, PhaseError> {
        let batch: Batch = ctx.item()?;
        let legos: LegoPairs = ctx.artifacts().get_json("lego_pairs.json").await?;
        let place = |id: &str| legos.seeds.iter().position(|seed| seed.seed_id == id);
        let (Some(from), Some(to)) = (place(&batch.from), place(&batch.to)) else {
            let message = format!("the course has no seeds {} to {}", batch.from, batch.to);
            return Err(PhaseError::permanent("unknown-seed", message));
        };
        let course = legos.course.clone();
        let stop = ctx.clone();
        let kept = Kept::of(ctx.data_dir(), &course);
        let made = tokio::task::spawn_blocking(move || {
            let maker = Maker::new(&legos);
            let mut baskets = BTreeMap::new();
            for seed in from..=to {
                if stop.is_cancelled() {
                    break;
                }
                baskets.extend(maker.baskets(seed..seed + 1, &kept));
                stop.progress((seed - from + 1) as u64, (to - from + 1) as u64, "seeds", "");
            }
            keep(&kept, &baskets, &legos);
            baskets
        });
        let baskets = made.await.map_err(|error| PhaseError::retry("interrupted", error.to_string()))?;
        ctx.go_on()?;
        let phrases = baskets.values().map(|basket| basket.phrase_count).sum();
        let count = baskets.len();
        let artifact = format!("baskets/batch-{:03}.json", batch.index);
        let file = LegoBaskets { version: FORMAT_VERSION.to_owned(), course, baskets };
        ctx.artifacts().put_json(&artifact, &file).await?;
        let output = Output { index: batch.index, artifact, baskets: count, phrases };
        Ok(Success::new(output).stats(json!({ "baskets": count, "phrases": phrases })))
    }
}

fn keep(kept: &Kept, baskets: &BTreeMap<String, Basket>, legos: &LegoPairs) {
    let all = legos.seeds.iter().flat_map(|seed| &seed.legos);
    let by_id = all.filter(|lego| lego.new).map(|lego| (lego.id.as_str(), &lego.lego)).collect();
    for basket in baskets.values() {
        if let Err(error) = kept.keep(basket, &by_id) {
            tracing::warn!(%error, "phrases could not be kept for the next time");
            return;
        }
    }
}
