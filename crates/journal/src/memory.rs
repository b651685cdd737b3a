//! A journal in memory: for tests, and for those who may lose everything.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use engine::ids::JobId;
use futures::FutureExt;
use parking_lot::Mutex;

use crate::{
    Answer, Batch, Counts, Cursor, FeedItem, Health, IndexEntry, Journal, JournalError, Page, Position,
    Query, Retained, RetentionPolicy, Snapshot, Stored, Whole,
};

/// A journal that ends with its process.
#[derive(Debug, Default, Clone)]
pub struct MemoryJournal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<JobId, Kept>,
    feed: Vec<FeedItem>,
    definitions: BTreeMap<[u8; 32], String>,
    last: u64,
    /// Everything up to here may be missing from the feed.
    dropped: Position,
}

#[derive(Debug)]
struct Kept {
    events: Vec<(Position, Bytes)>,
    index: IndexEntry,
    snapshot: Option<Snapshot>,
}

impl State {
    /// At a position, or the next.
    fn append(&mut self, batch: Batch, at: Option<Position>) -> Result<Position, JournalError> {
        if batch.events.is_empty() {
            return Err(JournalError::NotABatch("it has no events"));
        }
        let actual = self.jobs.get(&batch.job).map_or(0, |kept| kept.events.len() as u64);
        if actual != batch.expected {
            let (job, expected) = (batch.job, batch.expected);
            return Err(JournalError::Conflict { job, expected, actual });
        }
        if actual == 0 && batch.index.is_none() {
            return Err(JournalError::NotABatch("a job's first batch has no index entry"));
        }
        let position = at.unwrap_or(Position(self.last + 1));
        if position.0 <= self.last {
            return Err(JournalError::NotABatch("its position is before that of another"));
        }
        self.last = position.0;
        for (seq, event) in (batch.expected..).zip(&batch.events) {
            self.feed.push(FeedItem { position, job: batch.job, seq, event: event.clone() });
        }
        let events = batch.events.into_iter().map(|event| (position, event));
        match (self.jobs.get_mut(&batch.job), batch.index) {
            (Some(kept), index) => {
                kept.events.extend(events);
                if let Some(index) = index {
                    kept.index = index;
                }
            }
            (None, Some(index)) => {
                self.jobs.insert(batch.job, Kept { events: events.collect(), index, snapshot: None });
            }
            (None, None) => {}
        }
        Ok(position)
    }

    fn load(&self, job: JobId) -> Option<Stored> {
        let kept = self.jobs.get(&job)?;
        let known = kept.snapshot.as_ref().map_or(0, |snapshot| snapshot.events);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        Some(Stored {
            snapshot: kept.snapshot.clone(),
            events: kept.events.iter().skip(known).map(|(_, event)| event.clone()).collect(),
            index: kept.index.clone(),
        })
    }

    fn snapshot(&mut self, job: JobId, snapshot: Snapshot) -> Result<(), JournalError> {
        let actual = self.jobs.get(&job).map_or(0, |kept| kept.events.len() as u64);
        let Some(kept) = self.jobs.get_mut(&job).filter(|_| snapshot.events <= actual) else {
            return Err(JournalError::Conflict { job, expected: snapshot.events, actual });
        };
        if kept.snapshot.as_ref().is_none_or(|older| older.events <= snapshot.events) {
            kept.snapshot = Some(snapshot);
        }
        Ok(())
    }

    fn list(&self, query: &Query) -> Page {
        let mut all: Vec<(&JobId, &Kept)> =
            self.jobs.iter().filter(|(_, kept)| query.matches(&kept.index)).collect();
        all.sort_by_key(|(job, kept)| (std::cmp::Reverse(kept.index.created), **job));
        let after = |(job, kept): &(&JobId, &Kept)| match &query.cursor {
            Some(cursor) => {
                (std::cmp::Reverse(kept.index.created), **job)
                    > (std::cmp::Reverse(cursor.created), cursor.job)
            }
            None => true,
        };
        let mut entries: Vec<(JobId, IndexEntry)> = all
            .into_iter()
            .filter(after)
            .take(query.limit + 1)
            .map(|(job, kept)| (*job, kept.index.clone()))
            .collect();
        let more = entries.len() > query.limit;
        entries.truncate(query.limit);
        let next =
            entries.last().filter(|_| more).map(|(job, entry)| Cursor { created: entry.created, job: *job });
        Page { entries, next }
    }

    fn feed(&self, after: Position, limit: usize) -> Result<Vec<FeedItem>, JournalError> {
        if after < self.dropped {
            return Err(JournalError::TooOld(self.dropped));
        }
        let mut found: Vec<FeedItem> = Vec::new();
        for item in self.feed.iter().filter(|item| item.position > after) {
            if found.len() >= limit && found.last().is_some_and(|last| last.position != item.position) {
                break;
            }
            found.push(item.clone());
        }
        Ok(found)
    }

    fn retain(&mut self, now: u64, policy: RetentionPolicy) -> Retained {
        let limit = now.saturating_sub(u64::try_from(policy.ended_for.as_millis()).unwrap_or(u64::MAX));
        let old = |kept: &Kept| !kept.index.live && kept.index.updated < limit;
        let dropped: Vec<JobId> =
            self.jobs.iter().filter(|(_, kept)| old(kept)).map(|(job, _)| *job).collect();
        for job in &dropped {
            if let Some((last, _)) = self.jobs.remove(job).and_then(|kept| kept.events.last().cloned()) {
                self.dropped = self.dropped.max(last);
            }
        }
        let jobs = &self.jobs;
        self.feed.retain(|item| jobs.contains_key(&item.job));
        Retained { dropped: dropped.len(), freed: 0, moved: 0 }
    }
}

impl MemoryJournal {
    fn answer<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut State) -> Result<T, JournalError>,
    ) -> Answer<T> {
        let answer = ask(&mut self.state.lock());
        async move { answer }.boxed()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, batch: Batch) -> Answer<Position> {
        self.answer(|state| state.append(batch, None))
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.answer(|state| state.snapshot(job, snapshot))
    }

    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.answer(|state| Ok(state.load(job)))
    }

    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.answer(|state| {
            Ok(jobs.into_iter().filter_map(|job| state.load(job).map(|stored| (job, stored))).collect())
        })
    }

    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, Bytes)>> {
        self.answer(|state| {
            let all = state.jobs.get(&job).map_or(&[][..], |kept| &kept.events);
            let wanted = (0u64..).zip(all).filter(|(seq, _)| *seq >= from).take(limit);
            Ok(wanted.map(|(seq, (position, event))| (seq, *position, event.clone())).collect())
        })
    }

    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.answer(|state| state.feed(after, limit))
    }

    fn list(&self, query: Query) -> Answer<Page> {
        self.answer(|state| Ok(state.list(&query)))
    }

    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.answer(|state| {
            let wanted = |entry: &IndexEntry| entry.live && entry.pipeline == pipeline && entry.key == key;
            Ok(state.jobs.iter().find(|(_, kept)| wanted(&kept.index)).map(|(job, _)| *job))
        })
    }

    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.answer(|state| {
            let live = state.jobs.iter().filter(|(_, kept)| kept.index.live).map(|(job, _)| *job);
            Ok(live.filter(|job| after.is_none_or(|after| *job > after)).take(limit).collect())
        })
    }

    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.answer(|state| {
            let live = state.jobs.iter().filter(|(_, kept)| kept.index.live);
            let mut due: Vec<(JobId, u64)> = live
                .filter_map(|(job, kept)| Some((*job, kept.index.deadline.filter(|at| *at <= until)?)))
                .collect();
            due.sort_by_key(|(job, at)| (*at, *job));
            due.truncate(limit);
            Ok(due)
        })
    }

    fn counts(&self) -> Answer<Counts> {
        self.answer(|state| {
            let mut counts = Counts::new();
            for kept in state.jobs.values() {
                *counts.entry((kept.index.pipeline.clone(), kept.index.state.clone())).or_default() += 1;
            }
            Ok(counts)
        })
    }

    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        self.answer(|state| {
            state.definitions.insert(hash, text);
            Ok(())
        })
    }

    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.answer(|state| Ok(state.definitions.get(&hash).cloned()))
    }

    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.answer(|state| Ok(state.retain(now, policy)))
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

impl Whole for MemoryJournal {
    fn definitions(&self) -> Answer<Vec<[u8; 32]>> {
        self.answer(|state| Ok(state.definitions.keys().copied().collect()))
    }

    fn bring(&self, position: Position, batch: Batch) -> Answer<Position> {
        self.answer(|state| state.append(batch, Some(position)))
    }
}

#[cfg(test)]
mod tests;
