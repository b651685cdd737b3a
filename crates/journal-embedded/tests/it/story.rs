//! A journal on a disk that fails on command, and what was told of it: what was tried, what was acknowledged.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use journal::{
    Batch, Journal, JournalError, Position, Query,
    conformance::{batch, entry, job},
};
use journal_embedded::{EmbeddedJournal, Opened, Options, faults::FaultDisk};

pub(crate) fn options() -> Options {
    Options { segment_bytes: 8 * 1024, ..Options::new("/journal") }
}

pub(crate) fn open(disk: &FaultDisk) -> Result<Opened, JournalError> {
    EmbeddedJournal::open_on(Arc::new(disk.clone()), options())
}

/// The path of a segment.
pub(crate) fn segment(number: u64) -> PathBuf {
    PathBuf::from(format!("/journal/log/{number:016}.seg"))
}

/// A batch of events that are 300 bytes long.
pub(crate) fn wide(number: u64, expected: u64) -> Batch {
    let mut batch = batch(number, expected, 1, (expected == 0).then(|| entry(number)));
    for event in &mut batch.events {
        let mut long = event.to_vec();
        long.resize(300, b'.');
        *event = long.into();
    }
    batch
}

/// Everything that a journal says of its jobs, to compare.
pub(crate) async fn picture(journal: &EmbeddedJournal) -> impl PartialEq + std::fmt::Debug + use<> {
    let list = journal.list(Query { limit: 10_000, ..Query::default() }).await.unwrap();
    let mut histories = Vec::new();
    for (job, _) in &list.entries {
        histories.push((*job, journal.history(*job, 0, 10_000).await.unwrap()));
    }
    (list, histories, journal.counts().await.unwrap())
}

/// How many batches of one event each job was given, and how many of them were acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) tried: BTreeMap<u64, u64>,
    pub(crate) acknowledged: BTreeMap<u64, u64>,
    pub(crate) last: Position,
}

impl Story {
    /// Appends to four jobs at once, as often as asked, and stops at the first error, which it hands back.
    pub(crate) async fn go_on(&mut self, journal: &EmbeddedJournal, rounds: usize) -> Option<JournalError> {
        for _ in 0..rounds {
            let appends = (0..4).map(|number| {
                let done = self.acknowledged.get(&number).copied().unwrap_or(0);
                self.tried.insert(number, done + 1);
                journal.append(wide(number, done))
            });
            let answers = futures::future::join_all(appends).await;
            let mut error = None;
            for (number, answer) in (0..).zip(answers) {
                match answer {
                    Ok(position) => {
                        *self.acknowledged.entry(number).or_default() += 1;
                        self.last = self.last.max(position);
                    }
                    Err(refused) => error = Some(refused),
                }
            }
            if error.is_some() {
                return error;
            }
        }
        None
    }

    /// What was acknowledged is there, and what is there was tried.
    pub(crate) async fn is_kept_by(&mut self, journal: &EmbeddedJournal, told: &str) {
        for (number, tried) in &self.tried {
            let stored = journal.load(job(*number)).await.unwrap();
            let events = stored.map(|stored| stored.events).unwrap_or_default();
            let acknowledged = self.acknowledged.entry(*number).or_default();
            let count = events.len() as u64;
            assert!(count >= *acknowledged, "{told}: job {number} has {count} of {acknowledged} events");
            assert!(count <= *tried, "{told}: job {number} has {count} events, {tried} were tried");
            let expected = (0..count).flat_map(|seq| wide(*number, seq).events);
            assert!(events.into_iter().eq(expected), "{told}: job {number} has other events");
            *acknowledged = count;
        }
    }
}
