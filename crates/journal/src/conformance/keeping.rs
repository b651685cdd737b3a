//! What is kept, what may go, and what a restart must not change.

use std::time::Duration;

use super::{Factory, append_all, batch, ended, entry, event, first, job};
use bytes::Bytes;

use crate::{JournalError, Position, Query, RetentionPolicy, Snapshot, Whole};

/// Definitions are kept under their hash; putting one twice is no error.
pub async fn keeps_definitions(factory: &impl Factory) {
    let journal = factory.open();
    let text = "name = \"course\"\n".to_owned();
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    assert_eq!(journal.definition(hash).await.unwrap(), None);
    let puts = futures::future::join_all((0..8).map(|_| journal.put_definition(hash, text.clone())));
    assert!(puts.await.into_iter().all(|put| put.is_ok()));
    assert_eq!(journal.definition(hash).await.unwrap(), Some(text.clone()));
    assert_eq!(journal.definition([1; 32]).await.unwrap(), None);
    if let Some(journal) = factory.reopen(journal) {
        assert_eq!(journal.definition(hash).await.unwrap(), Some(text));
    }
}

fn snapshot(number: u64, events: u64) -> Snapshot {
    Snapshot { events, state: Bytes::from(format!("state of job {number} after {events}")) }
}

/// A snapshot spares the events that it stands for, the newest wins, and the history stays whole.
pub async fn loads_from_the_newest_snapshot(factory: &impl Factory) {
    let mut journal = factory.open();
    append_all(&journal, [batch(1, 0, 3, Some(entry(1))), batch(1, 3, 3, None), first(2)]).await;
    assert_eq!(journal.load(job(1)).await.unwrap().unwrap().snapshot, None);
    for (events, newest, left) in [(2, 2, 2..6), (4, 4, 4..6), (3, 4, 4..6), (6, 6, 6..6)] {
        journal.snapshot(job(1), snapshot(1, events)).await.unwrap();
        let stored = journal.load(job(1)).await.unwrap().unwrap();
        assert_eq!(stored.snapshot, Some(snapshot(1, newest)));
        assert_eq!(stored.events, left.map(|seq| event(1, seq)).collect::<Vec<_>>());
        assert_eq!(stored.index, entry(1));
    }
    for (number, events, actual) in [(1, 7, 6), (3, 1, 0)] {
        let refused = journal.snapshot(job(number), snapshot(number, events)).await;
        assert_eq!(refused, Err(JournalError::Conflict { job: job(number), expected: events, actual }));
    }
    assert!(journal.load(job(3)).await.unwrap().is_none());
    append_all(&journal, [batch(1, 6, 2, None)]).await;
    for _ in 0..2 {
        let stored = journal.load(job(1)).await.unwrap().unwrap();
        assert_eq!(stored.snapshot, Some(snapshot(1, 6)));
        assert_eq!(stored.events, [event(1, 6), event(1, 7)]);
        assert_eq!(journal.history(job(1), 0, 100).await.unwrap().len(), 8);
        assert_eq!(journal.feed(Position(0), 100).await.unwrap().len(), 9, "a snapshot is no event");
        let Some(again) = factory.reopen(journal) else { return };
        journal = again;
    }
}

/// Many jobs at once are the same as each alone.
pub async fn loads_many_as_it_loads_one(factory: &impl Factory) {
    let journal = factory.open();
    append_all(&journal, [first(1), batch(2, 0, 3, Some(entry(2))), first(3)]).await;
    journal.snapshot(job(2), snapshot(2, 2)).await.unwrap();
    let mut many = journal.load_many(vec![job(3), job(2), job(9), job(1)]).await.unwrap();
    many.sort_by_key(|(job, _)| *job);
    assert_eq!(many.iter().map(|(job, _)| *job).collect::<Vec<_>>(), [job(1), job(2), job(3)]);
    for (job, stored) in many {
        assert_eq!(Some(stored), journal.load(job).await.unwrap());
    }
    assert!(journal.load_many(Vec::new()).await.unwrap().is_empty());
}

/// A job that is dropped takes its snapshot along.
pub async fn drops_snapshots_with_their_job(factory: &impl Factory) {
    let journal = factory.open();
    append_all(&journal, [first(1), batch(2, 0, 2, Some(ended(2, 2000)))]).await;
    for (number, events) in [(1, 1), (2, 2)] {
        journal.snapshot(job(number), snapshot(number, events)).await.unwrap();
    }
    let policy = RetentionPolicy { ended_for: Duration::from_secs(5) };
    assert_eq!(journal.retain(10_000, policy).await.unwrap().dropped, 1);
    assert_eq!(journal.load(job(2)).await.unwrap(), None);
    assert_eq!(journal.load(job(1)).await.unwrap().unwrap().snapshot, Some(snapshot(1, 1)));
    let late = journal.snapshot(job(2), snapshot(2, 2)).await;
    assert!(matches!(late, Err(JournalError::Conflict { .. })), "it does not come back: {late:?}");
    assert_eq!(journal.load(job(2)).await.unwrap(), None);
}

/// Retention drops jobs that ended long ago, and nothing else.
pub async fn drops_only_what_ended_long_ago(factory: &impl Factory) {
    let journal = factory.open();
    let batches = [
        first(1),
        batch(2, 0, 1, Some(ended(2, 2000))),
        batch(3, 0, 1, Some(ended(3, 9000))),
        batch(2, 1, 1, None),
        first(4),
    ];
    let positions = append_all(&journal, batches).await;
    let policy = RetentionPolicy { ended_for: Duration::from_secs(5) };
    assert_eq!(journal.retain(10_000, policy).await.unwrap().dropped, 1);
    assert_eq!(journal.retain(10_000, policy).await.unwrap().dropped, 0);
    assert!(journal.load(job(2)).await.unwrap().is_none());
    assert!(journal.history(job(2), 0, 10).await.unwrap().is_empty());
    for number in [1, 3, 4] {
        let stored = journal.load(job(number)).await.unwrap().unwrap();
        assert_eq!(stored.events, [event(number, 0)]);
    }
    let page = journal.list(Query { limit: 10, ..Query::default() }).await.unwrap();
    assert_eq!(page.entries.len(), 3);
    let old = journal.feed(Position(0), 10).await;
    assert!(matches!(old, Err(JournalError::TooOld(_))), "a reader that missed events is told: {old:?}");
    assert_eq!(journal.feed(positions[3], 10).await.unwrap().len(), 1);
    let last = append_all(&journal, [batch(1, 1, 1, None)]).await[0];
    assert!(last > positions[4]);
}

/// A restart changes nothing.
pub async fn keeps_everything_over_a_restart(factory: &impl Factory) {
    let journal = factory.open();
    for number in 0..30 {
        append_all(&journal, [first(number), batch(number, 1, 2, None)]).await;
    }
    append_all(&journal, (0..10).map(|number| batch(number, 3, 1, Some(ended(number, 7000 + number))))).await;
    let policy = RetentionPolicy { ended_for: Duration::from_millis(1) };
    journal.retain(7004, policy).await.unwrap();
    let feed_end = append_all(&journal, (40..45).map(first)).await[1];
    let query = Query { limit: 100, ..Query::default() };
    let (list, counts) = (journal.list(query.clone()).await.unwrap(), journal.counts().await.unwrap());
    let history = journal.history(job(20), 0, 100).await.unwrap();
    let feed = journal.feed(feed_end, 1000).await.unwrap();
    let last = feed.last().unwrap().position;
    let Some(journal) = factory.reopen(journal) else { return };
    assert_eq!(journal.list(query).await.unwrap(), list);
    assert_eq!(journal.counts().await.unwrap(), counts);
    assert_eq!(journal.history(job(20), 0, 100).await.unwrap(), history);
    assert_eq!(journal.feed(feed_end, 1000).await.unwrap(), feed);
    assert_eq!(journal.load(job(5)).await.unwrap().unwrap().index, ended(5, 7005));
    let conflict = journal.append(first(20)).await;
    assert_eq!(conflict, Err(JournalError::Conflict { job: job(20), expected: 0, actual: 3 }));
    let next = append_all(&journal, [batch(20, 3, 1, Some(entry(20))), first(99)]).await;
    assert!(next[0] > last, "positions are never used twice");
}

/// Batches of another, empty journal keep their positions and order; what comes after them goes on behind.
pub async fn takes_a_copy_as_it_was(journal: &impl Whole) {
    let brought = [
        (3, first(1)),
        (7, batch(2, 0, 2, Some(entry(2)))),
        (8, batch(1, 1, 1, None)),
        (90_000, batch(1, 2, 1, None)),
        (90_001, batch(2, 2, 1, Some(ended(2, 5)))),
    ];
    let bringing = brought.iter().map(|(at, batch)| journal.bring(Position(*at), batch.clone()));
    let positions: Vec<Position> = futures::future::try_join_all(bringing.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(positions, brought.iter().map(|(at, _)| Position(*at)).collect::<Vec<_>>());
    let feed = journal.feed(Position(0), 100).await.unwrap();
    let places: Vec<_> = feed.iter().map(|item| (item.position.0, item.job, item.seq)).collect();
    assert_eq!(
        places,
        [
            (3, job(1), 0),
            (7, job(2), 0),
            (7, job(2), 1),
            (8, job(1), 1),
            (90_000, job(1), 2),
            (90_001, job(2), 2)
        ]
    );
    let refused = journal.bring(Position(90_001), first(3)).await;
    assert!(matches!(refused, Err(JournalError::NotABatch(_))), "{refused:?}");
    let conflict = journal.bring(Position(90_002), batch(1, 7, 1, None)).await;
    assert_eq!(conflict, Err(JournalError::Conflict { job: job(1), expected: 7, actual: 3 }));
    assert!(journal.append(batch(1, 3, 1, None)).await.unwrap() > Position(90_001));
    let again = journal.append(first(2)).await;
    assert_eq!(again, Err(JournalError::Conflict { job: job(2), expected: 0, actual: 3 }));
    let texts = ["one = 1\n", "two = 2\n"];
    let mut hashes = texts.map(|text| *blake3::hash(text.as_bytes()).as_bytes());
    for (hash, text) in hashes.iter().zip(texts) {
        journal.put_definition(*hash, text.to_owned()).await.unwrap();
    }
    hashes.sort_unstable();
    assert_eq!(journal.definitions().await.unwrap(), hashes);
}
