//! Remembers a text, and recalls texts by their words.

use std::sync::Arc;

use jiff::Timestamp;
use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};

use crate::{memory::Memory, search::search, store::Item};

/// Most items of an answer, and how many there are where nothing is said.
const MOST: usize = 100;
const USUAL: usize = 10;

/// Where the time comes from.
pub type Clock = fn() -> Timestamp;

/// What is to be remembered.
#[derive(Debug, Clone, Deserialize)]
pub struct Text {
    /// What.
    pub text: String,
    /// Words to find it by, beside its own.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What it is remembered as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The item.
    pub id: String,
    /// Since when.
    pub at: Timestamp,
}

/// Writes it down. The item has the job's id, so it is there once however often the job is done.
#[derive(Debug)]
pub struct Remember {
    /// Where.
    pub memory: Arc<Memory>,
    /// When.
    pub clock: Clock,
}

impl Phase for Remember {
    const NAME: &'static str = "remember";
    type Input = Text;
    type Output = Remembered;

    async fn run(&self, ctx: Context, said: Text) -> Result<Success<Remembered>, PhaseError> {
        let item =
            Item { id: ctx.start().job_id.to_string(), at: (self.clock)(), text: said.text, tags: said.tags };
        let remembered = self.memory.with(move |store| {
            if let Some(before) = store.get(&item.id)
                && (&before.text, &before.tags) == (&item.text, &item.tags)
            {
                return Ok(Remembered { id: before.id.clone(), at: before.at });
            }
            let remembered = Remembered { id: item.id.clone(), at: item.at };
            store.remember(item)?;
            Ok(remembered)
        });
        Ok(Success::new(remembered.await?))
    }
}

/// What is looked for.
#[derive(Debug, Clone, Deserialize)]
pub struct Query {
    /// In words.
    pub query: String,
    /// At most so many, up to 100.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The best first.
    pub items: Vec<FoundItem>,
    /// Among how many.
    pub of: usize,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundItem {
    /// The item itself.
    #[serde(flatten)]
    pub item: Item,
    /// How well it fits.
    pub score: f64,
}

/// Finds what was remembered.
#[derive(Debug)]
pub struct Recall(pub Arc<Memory>);

impl Phase for Recall {
    const NAME: &'static str = "recall";
    type Input = Query;
    type Output = Found;

    async fn run(&self, _: Context, asked: Query) -> Result<Success<Found>, PhaseError> {
        let found = self.0.with(move |store| {
            let hits = search(store.items(), &asked.query, asked.limit.unwrap_or(USUAL).min(MOST));
            let items =
                hits.iter().map(|hit| FoundItem { item: hit.item.clone(), score: hit.score }).collect();
            Ok(Found { items, of: store.len() })
        });
        Ok(Success::new(found.await?))
    }
}
