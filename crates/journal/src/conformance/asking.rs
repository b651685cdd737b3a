//! Questions: what was appended is seen by every question asked afterwards.

use std::sync::Arc;

use super::{Factory, append_all, batch, ended, entry, event, first, job};
use crate::{IndexEntry, Journal, Position, Query};

fn all() -> Query {
    Query { limit: 100, ..Query::default() }
}

async fn keys(journal: &Arc<dyn Journal>, query: Query) -> Vec<String> {
    let page = journal.list(query).await.unwrap();
    page.entries.into_iter().map(|(_, entry)| entry.key).collect()
}

/// Every question sees every append that had been answered.
pub async fn reads_its_own_writes(factory: &impl Factory) {
    let journal = factory.open();
    for number in 0..50 {
        let positions = append_all(&journal, [first(number), batch(number, 1, 1, None)]).await;
        assert_eq!(journal.load(job(number)).await.unwrap().unwrap().events.len(), 2);
        let history = journal.history(job(number), 1, 10).await.unwrap();
        assert_eq!(history, vec![(1, positions[1], event(number, 1))]);
        let live = journal.find_live("course".to_owned(), format!("key-{number}")).await.unwrap();
        assert_eq!(live, Some(job(number)));
        assert_eq!(journal.list(all()).await.unwrap().entries.len() as u64, number + 1);
        let counts = journal.counts().await.unwrap();
        assert_eq!(counts[&("course".to_owned(), "running".to_owned())], number + 1);
        let feed = journal.feed(positions[0], 10).await.unwrap();
        assert_eq!(feed.len(), 1, "only what is after the position");
    }
    append_all(&journal, [batch(3, 2, 1, Some(ended(3, 9000)))]).await;
    assert_eq!(journal.find_live("course".to_owned(), "key-3".to_owned()).await.unwrap(), None);
    let counts = journal.counts().await.unwrap();
    assert_eq!(counts[&("course".to_owned(), "done".to_owned())], 1);
    assert_eq!(
        journal.load(job(3)).await.unwrap().unwrap().index,
        ended(3, 9000),
        "the whole entry comes back"
    );
}

/// A job's history comes in pieces, from any event on, also from the middle of a batch.
pub async fn tells_history_in_pieces(factory: &impl Factory) {
    let journal = factory.open();
    append_all(&journal, [batch(1, 0, 5, Some(entry(1))), batch(1, 5, 5, None)]).await;
    let seqs = |from, limit| {
        let asked = journal.history(job(1), from, limit);
        async move { asked.await.unwrap().into_iter().map(|(seq, ..)| seq).collect::<Vec<_>>() }
    };
    assert_eq!(seqs(0, 3).await, [0, 1, 2]);
    assert_eq!(seqs(3, 4).await, [3, 4, 5, 6]);
    assert_eq!(seqs(8, 100).await, [8, 9]);
    assert!(seqs(10, 100).await.is_empty());
    assert!(seqs(0, 0).await.is_empty());
}

/// Filters, prefixes and counts mean what they say, letter for letter.
pub async fn filters_lists(factory: &impl Factory) {
    let journal = factory.open();
    let named = |number: u64, pipeline: &str, key: &str, state: &str, live| {
        let (pipeline, key, state) = (pipeline.to_owned(), key.to_owned(), state.to_owned());
        batch(number, 0, 1, Some(IndexEntry { pipeline, key, state, live, ..entry(number) }))
    };
    let batches = [
        named(1, "course", "spa_for_eng", "running", true),
        named(2, "course", "SPA_for_eng", "waiting", true),
        named(3, "course", "spa%for", "done", false),
        named(4, "theatre", "spaXfor_eng", "running", true),
        named(5, "theatre", "größe", "failed", false),
    ];
    append_all(&journal, batches).await;
    let newest_first = ["größe", "spaXfor_eng", "spa%for", "SPA_for_eng", "spa_for_eng"];
    assert_eq!(keys(&journal, all()).await, newest_first);
    let prefix = |text: &str| Query { key_prefix: Some(text.to_owned()), ..all() };
    assert_eq!(keys(&journal, prefix("spa_")).await, ["spa_for_eng"]);
    assert_eq!(keys(&journal, prefix("spa%")).await, ["spa%for"]);
    assert_eq!(keys(&journal, prefix("grö")).await, ["größe"]);
    assert_eq!(keys(&journal, prefix("")).await.len(), 5);
    let theatre = Query { pipeline: Some("theatre".to_owned()), live: Some(true), ..all() };
    assert_eq!(keys(&journal, theatre).await, ["spaXfor_eng"]);
    assert_eq!(keys(&journal, Query { state: Some("waiting".to_owned()), ..all() }).await, ["SPA_for_eng"]);
    assert_eq!(keys(&journal, Query { key: Some("spa%for".to_owned()), ..all() }).await, ["spa%for"]);
    assert_eq!(keys(&journal, Query { live: Some(false), ..all() }).await, ["größe", "spa%for"]);
    let started = |from, before| Query { created_from: Some(from), created_before: Some(before), ..all() };
    assert_eq!(keys(&journal, started(1002, 1004)).await, ["spa%for", "SPA_for_eng"]);
    assert!(keys(&journal, started(1002, 1002)).await.is_empty());
    assert_eq!(keys(&journal, Query { created_from: Some(1005), ..all() }).await, ["größe"]);
}

/// Pages follow one on the other, without a gap or a double, also among jobs of the same moment.
pub async fn pages_lists(factory: &impl Factory) {
    let journal = factory.open();
    for number in 0..25 {
        let entry = IndexEntry { created: 1000 + number / 6, ..entry(number) };
        append_all(&journal, [batch(number, 0, 1, Some(entry))]).await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = journal.list(Query { cursor, limit: 5, ..Query::default() }).await.unwrap();
        pages += 1;
        seen.extend(page.entries);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 5, "25 jobs are five pages of five, and the last one says so");
    let whole = journal.list(all()).await.unwrap();
    assert_eq!(seen, whole.entries);
    let order: Vec<_> = seen.iter().map(|(job, entry)| (std::cmp::Reverse(entry.created), *job)).collect();
    assert!(order.is_sorted_by(|before, after| before < after));
}

/// What is due comes in the order of its deadlines, of live jobs only.
pub async fn tells_what_is_due(factory: &impl Factory) {
    let journal = factory.open();
    let with = |number: u64, deadline: Option<u64>| IndexEntry { deadline, ..entry(number) };
    for (number, deadline) in [(1, Some(300)), (2, None), (3, Some(100)), (4, Some(200)), (5, Some(150))] {
        append_all(&journal, [batch(number, 0, 1, Some(with(number, deadline)))]).await;
    }
    let over = IndexEntry { live: false, ..with(5, Some(150)) };
    append_all(&journal, [batch(5, 1, 1, Some(over)), batch(4, 1, 1, Some(with(4, Some(90))))]).await;
    assert_eq!(journal.due(299, 10).await.unwrap(), vec![(job(4), 90), (job(3), 100)]);
    assert_eq!(journal.due(300, 10).await.unwrap().len(), 3, "a deadline is due at its moment");
    assert_eq!(journal.due(u64::MAX, 1).await.unwrap(), vec![(job(4), 90)]);
    append_all(&journal, [batch(4, 2, 1, Some(with(4, None)))]).await;
    assert_eq!(journal.due(u64::MAX, 10).await.unwrap(), vec![(job(3), 100), (job(1), 300)]);
}

/// Live jobs come in pages by id.
pub async fn pages_live_jobs(factory: &impl Factory) {
    let journal = factory.open();
    for number in (0..20).rev() {
        let entry = if number % 4 == 0 { ended(number, 5) } else { entry(number) };
        append_all(&journal, [batch(number, 0, 1, Some(entry))]).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = journal.live_jobs(after, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        after = page.last().copied();
        seen.extend(page);
    }
    let expected: Vec<_> = (0..20).filter(|number| number % 4 != 0).map(job).collect();
    assert_eq!(seen, expected);
}

/// Readers who take the feed in steps, each at his own pace while it grows, see all of it, once.
pub async fn feeds_readers_at_their_own_pace(factory: &impl Factory) {
    let journal = factory.open();
    let mut seen = [Vec::new(), Vec::new(), Vec::new()];
    for number in 0..60 {
        append_all(&journal, [first(number), batch(number, 1, 1, None)]).await;
        for (pace, seen) in (1..).zip(&mut seen) {
            let after = seen.last().map_or(Position(0), |item: &crate::FeedItem| item.position);
            seen.extend(journal.feed(after, pace).await.unwrap());
        }
    }
    for seen in &mut seen {
        let after = seen.last().map_or(Position(0), |item| item.position);
        seen.extend(journal.feed(after, 1000).await.unwrap());
        assert_eq!(*seen, journal.feed(Position(0), 1000).await.unwrap());
        assert_eq!(seen.len(), 120);
    }
}

/// The feed goes on after any position, in whole batches.
pub async fn feeds_whole_batches_in_order(factory: &impl Factory) {
    let journal = factory.open();
    assert!(journal.feed(Position(0), 10).await.unwrap().is_empty());
    let batches = [batch(1, 0, 3, Some(entry(1))), batch(2, 0, 2, Some(entry(2))), batch(1, 3, 4, None)];
    let positions = append_all(&journal, batches).await;
    let lengths = |after, limit| {
        let asked = journal.feed(after, limit);
        async move { asked.await.unwrap().len() }
    };
    assert_eq!(lengths(Position(0), 1).await, 3);
    assert_eq!(lengths(Position(0), 4).await, 5);
    assert_eq!(lengths(positions[0], 100).await, 6);
    assert_eq!(lengths(positions[2], 100).await, 0);
    let feed = journal.feed(positions[1], 100).await.unwrap();
    let places: Vec<_> = feed.iter().map(|item| (item.position, item.job, item.seq)).collect();
    assert_eq!(places, (3..7).map(|seq| (positions[2], job(1), seq)).collect::<Vec<_>>());
    assert_eq!(feed[0].event, event(1, 3));
}
