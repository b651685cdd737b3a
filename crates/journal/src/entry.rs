//! What the index knows of a job, and how it is asked.

use bytes::Bytes;
use engine::ids::JobId;
use serde::{Deserialize, Serialize};

/// The whole current picture of a job, for lists, deadlines and recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Its pipeline.
    pub pipeline: String,
    /// Its key.
    pub key: String,
    /// Where it stands, in a word.
    pub state: String,
    /// Whether it is not over.
    pub live: bool,
    /// When it was started, in milliseconds since 1970.
    pub created: u64,
    /// When something last happened.
    pub updated: u64,
    /// When it must be woken at the latest; it may be woken too early.
    pub deadline: Option<u64>,
    /// How urgent, 0 first.
    pub priority: u8,
    /// Whatever the caller wants to see in lists; small.
    pub summary: Bytes,
}

/// Which jobs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Of one pipeline.
    pub pipeline: Option<String>,
    /// In one state.
    pub state: Option<String>,
    /// With one key.
    pub key: Option<String>,
    /// With a key that begins so.
    pub key_prefix: Option<String>,
    /// Live or not.
    pub live: Option<bool>,
    /// Started at this moment or later, in milliseconds since 1970.
    pub created_from: Option<u64>,
    /// Started before this moment.
    pub created_before: Option<u64>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// The place after a job in the order of lists: newest first, then by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the last job of the page before was started.
    pub created: u64,
    /// Its id.
    pub job: JobId,
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub entries: Vec<(JobId, IndexEntry)>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<Cursor>,
}

impl Query {
    /// Whether a job is wanted, the cursor apart.
    #[must_use]
    pub fn matches(&self, entry: &IndexEntry) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        same(&self.pipeline, &entry.pipeline)
            && same(&self.state, &entry.state)
            && same(&self.key, &entry.key)
            && self.key_prefix.as_deref().is_none_or(|prefix| entry.key.starts_with(prefix))
            && self.live.is_none_or(|live| live == entry.live)
            && self.created_from.is_none_or(|from| entry.created >= from)
            && self.created_before.is_none_or(|before| entry.created < before)
    }
}
