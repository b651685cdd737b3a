//! Random batches of random jobs, with restarts, crashes and retention in between, against the memory journal.

use std::{sync::Arc, time::Duration};

use journal::{
    Journal, MemoryJournal, Query, RetentionPolicy,
    conformance::{batch, ended, entry, job},
};
use journal_embedded::{EmbeddedJournal, Options, faults::FaultDisk};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Act {
    Append { number: u64, wrong_by: u64, count: u64, ends: bool },
    Reopen,
    Crash,
    Retain,
}

fn act() -> impl Strategy<Value = Act> {
    let append = (0..8u64, prop_oneof![9 => Just(0u64), 1 => 1..3u64], 1..6u64, prop::bool::weighted(0.1))
        .prop_map(|(number, wrong_by, count, ends)| Act::Append { number, wrong_by, count, ends });
    prop_oneof![20 => append, 1 => Just(Act::Reopen), 1 => Just(Act::Crash), 1 => Just(Act::Retain)]
}

fn open(disk: &FaultDisk) -> EmbeddedJournal {
    let options = Options { segment_bytes: 1024, ..Options::new("/journal") };
    EmbeddedJournal::open_on(Arc::new(disk.clone()), options).expect("a journal").journal
}

async fn compare(journal: &dyn Journal, memory: &dyn Journal) {
    let query = Query { limit: 100, ..Query::default() };
    assert_eq!(journal.list(query.clone()).await.unwrap(), memory.list(query).await.unwrap());
    assert_eq!(journal.counts().await.unwrap(), memory.counts().await.unwrap());
    for number in 0..8 {
        let events = |history: Vec<(u64, journal::Position, bytes::Bytes)>| {
            history.into_iter().map(|(seq, _, event)| (seq, event)).collect::<Vec<_>>()
        };
        let history = events(journal.history(job(number), 0, 1000).await.unwrap());
        assert_eq!(history, events(memory.history(job(number), 0, 1000).await.unwrap()), "job {number}");
    }
}

async fn play(acts: Vec<Act>) {
    let (disk, memory) = (FaultDisk::default(), MemoryJournal::default());
    let mut journal = open(&disk);
    for (moment, act) in (100..).zip(acts) {
        match act {
            Act::Append { number, wrong_by, count, ends } => {
                let events = memory.history(job(number), 0, 1000).await.unwrap().len() as u64;
                let index = if ends { ended(number, moment) } else { entry(number) };
                let index = (ends || events == 0 || count == 3).then_some(index);
                let batch = batch(number, events + wrong_by, count, index);
                let answer = journal.append(batch.clone()).await;
                let expected = memory.append(batch).await;
                assert_eq!(answer.map(|_| ()), expected.map(|_| ()));
            }
            Act::Reopen => {
                drop(journal);
                journal = open(&disk);
            }
            Act::Crash => {
                drop(journal);
                disk.crash(0, 0);
                journal = open(&disk);
            }
            Act::Retain => {
                let policy = RetentionPolicy { ended_for: Duration::from_millis(5) };
                let dropped = journal.retain(moment, policy).await.unwrap().dropped;
                assert_eq!(dropped, memory.retain(moment, policy).await.unwrap().dropped);
            }
        }
    }
    compare(&journal, &memory).await;
    drop(journal);
    compare(&open(&disk), &memory).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_says_what_the_memory_journal_says(acts in prop::collection::vec(act(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        runtime.block_on(play(acts));
    }
}
