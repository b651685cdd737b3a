//! Forgets what is old, some at a time: between two batches it lets go of its slot.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};

use crate::{memory::Memory, remember::Clock};

/// Items that are forgotten with one write.
const BATCH: usize = 100;
/// Older than this, where nothing is said.
const USUAL_DAYS: u32 = 365;

/// What is old.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Old {
    /// Whatever was remembered so many days ago or earlier; 365 where nothing is said.
    #[serde(default)]
    pub older_than_days: Option<u32>,
}

/// What became of it. Also the checkpoint: what is old stays the same however often the work is interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleaned {
    /// What was remembered before this is old.
    pub before: Timestamp,
    /// How many items are gone.
    pub forgotten: usize,
}

/// Forgets.
#[derive(Debug)]
pub struct Cleanup {
    /// What.
    pub memory: Arc<Memory>,
    /// The present.
    pub clock: Clock,
}

impl Phase for Cleanup {
    const NAME: &'static str = "cleanup";
    type Input = Old;
    type Output = Cleaned;

    async fn run(&self, ctx: Context, old: Old) -> Result<Success<Cleaned>, PhaseError> {
        let mut cleaned = match ctx.checkpoint()? {
            Some(before) => before,
            None => Cleaned { before: self.before(&old)?, forgotten: 0 },
        };
        loop {
            ctx.go_on()?;
            if ctx.pause_requested() {
                return Err(PhaseError::paused(&cleaned));
            }
            let before = cleaned.before;
            let batch = self.memory.with(move |store| {
                let old = store.items().filter(|item| item.at < before);
                let ids: Vec<String> = old.take(BATCH).map(|item| item.id.clone()).collect();
                store.forget(&ids)
            });
            let gone = batch.await?;
            if gone == 0 {
                return Ok(Success::new(cleaned));
            }
            cleaned.forgotten += gone;
            ctx.progress(cleaned.forgotten as u64, 0, "items", "forgets what is old");
        }
    }
}

impl Cleanup {
    fn before(&self, old: &Old) -> Result<Timestamp, PhaseError> {
        let days = i64::from(old.older_than_days.unwrap_or(USUAL_DAYS));
        let before = (self.clock)().checked_sub(SignedDuration::from_hours(24 * days));
        before.map_err(|error| PhaseError::permanent("invalid-input", error.to_string()))
    }
}
