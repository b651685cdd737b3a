//! Reading a whole journal once: what is where, and a hash of all of it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use engine::ids::JobId;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use journal::{IndexEntry, Position, Query, Stored, Whole};

use super::AT_ONCE;

/// Jobs of a page.
const PAGE: usize = 200;

/// A batch: whose it is, and which events it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// First, so that places sort by it.
    pub(super) position: u64,
    /// In [`Contents::jobs`].
    pub(super) job: u32,
    pub(super) first: u32,
    pub(super) count: u32,
}

/// A job, but for its events.
pub(super) struct Known {
    pub(super) id: JobId,
    pub(super) entry: IndexEntry,
    pub(super) has_snapshot: bool,
}

/// What is in a journal.
#[derive(Default)]
pub(super) struct Contents {
    /// Newest first.
    pub(super) jobs: Vec<Known>,
    /// By position.
    pub(super) places: Vec<Place>,
    live: usize,
    events: u64,
    /// Over job, number, length and bytes of every event, and its position.
    event_hash: blake3::Hasher,
    /// Over index entries, snapshots and definitions.
    other_hash: blake3::Hasher,
}

impl Contents {
    /// In a line: the same for journals that hold the same.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} jobs, {} of them live, {} events; events {}, index, snapshots and definitions {}",
            self.jobs.len(),
            self.live,
            self.events,
            self.event_hash.finalize().to_hex(),
            self.other_hash.finalize().to_hex()
        )
    }

    pub(super) fn job(&self, number: u32) -> Result<&Known> {
        self.jobs.get(usize::try_from(number)?).context("a job was not read")
    }

    fn add(&mut self, id: JobId, stored: Stored, history: &[(u64, Position, Bytes)]) -> Result<()> {
        let number = u32::try_from(self.jobs.len())?;
        for (expected, (seq, position, event)) in (0..).zip(history) {
            if *seq != expected {
                bail!("event {expected} of job {id} is missing");
            }
            let last = self.places.last_mut();
            match last.filter(|last| last.job == number && last.position == position.0) {
                Some(last) => last.count += 1,
                None => self.places.push(Place {
                    position: position.0,
                    job: number,
                    first: u32::try_from(*seq)?,
                    count: 1,
                }),
            }
            let hash = &mut self.event_hash;
            hash.update(id.0.as_bytes()).update(&seq.to_be_bytes()).update(&position.0.to_be_bytes());
            hash.update(&(event.len() as u64).to_be_bytes()).update(event);
        }
        let entry = serde_json::to_vec(&stored.index)?;
        let hash = &mut self.other_hash;
        hash.update(id.0.as_bytes()).update(&(entry.len() as u64).to_be_bytes()).update(&entry);
        if let Some(snapshot) = &stored.snapshot {
            hash.update(&snapshot.events.to_be_bytes());
            hash.update(&(snapshot.state.len() as u64).to_be_bytes()).update(&snapshot.state);
        }
        self.live += usize::from(stored.index.live);
        self.events += history.len() as u64;
        self.jobs.push(Known { id, entry: stored.index, has_snapshot: stored.snapshot.is_some() });
        Ok(())
    }
}

/// Reads all jobs, in the order of lists, and all definitions.
pub(super) async fn read(journal: &Arc<dyn Whole>, bar: &ProgressBar) -> Result<Contents> {
    let (mut contents, mut cursor) = (Contents::default(), None);
    loop {
        let page = journal.list(Query { cursor, limit: PAGE, ..Query::default() }).await?;
        let reading = stream::iter(page.entries).map(async |(job, _)| {
            let stored = journal.load(job).await?.with_context(|| format!("job {job} is not there"))?;
            let history = journal.history(job, 0, usize::MAX).await?;
            anyhow::Ok((job, stored, history))
        });
        let mut reading = reading.buffered(AT_ONCE);
        while let Some((job, stored, history)) = reading.try_next().await? {
            contents.add(job, stored, &history)?;
            bar.inc(1);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for hash in journal.definitions().await? {
        contents.other_hash.update(&hash);
    }
    contents.places.sort_unstable();
    Ok(contents)
}
