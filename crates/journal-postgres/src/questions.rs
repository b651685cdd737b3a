//! Questions, each one statement and so about one moment.

use bytes::Bytes;
use engine::ids::JobId;
use journal::{Counts, Cursor, FeedItem, IndexEntry, JournalError, Page, Position, Query, Snapshot, Stored};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    group::{conflict, count, number},
    readers::Readers,
};

/// Most jobs loaded by one statement.
const LOADED: usize = 256;

/// The index entry, from column 1 on; the job before it.
const ENTRY: &str =
    "j.job, j.pipeline, j.key, j.state, j.live, j.created, j.updated, j.deadline, j.priority, j.summary";

fn entry_of(row: &Row) -> (JobId, IndexEntry) {
    let entry = IndexEntry {
        pipeline: row.get(1),
        key: row.get(2),
        state: row.get(3),
        live: row.get(4),
        created: count(row.get(5)),
        updated: count(row.get(6)),
        deadline: row.get::<_, Option<i64>>(7).map(count),
        priority: u8::try_from(row.get::<_, i16>(8)).unwrap_or(u8::MAX),
        summary: Bytes::from(row.get::<_, Vec<u8>>(9)),
    };
    (JobId(row.get(0)), entry)
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Jobs with their snapshots and events, or why one can't be read.
pub(crate) async fn load(
    readers: &Readers,
    jobs: &[JobId],
) -> Result<Vec<(JobId, Result<Stored, JournalError>)>, JournalError> {
    let text = format!(
        "SELECT {ENTRY}, j.events, s.events, s.state, ARRAY(
             SELECT e.event FROM segue.events e WHERE e.job = j.job AND e.seq >= coalesce(s.events, 0) ORDER BY e.seq)
         FROM segue.jobs j LEFT JOIN segue.snapshots s ON s.job = j.job WHERE j.job = ANY ($1)"
    );
    let mut found = Vec::with_capacity(jobs.len());
    for some in jobs.chunks(LOADED) {
        let ids: Vec<Uuid> = some.iter().map(|job| job.0).collect();
        found.extend(readers.ask(&text, &[&ids]).await?.iter().map(stored_of));
    }
    Ok(found)
}

fn stored_of(row: &Row) -> (JobId, Result<Stored, JournalError>) {
    let (job, index) = entry_of(row);
    let events: Vec<Bytes> = row.get::<_, Vec<Vec<u8>>>(13).into_iter().map(Bytes::from).collect();
    let all = count(row.get(10));
    let known = row.get::<_, Option<i64>>(11).map_or(0, count);
    let snapshot =
        row.get::<_, Option<Vec<u8>>>(12).map(|state| Snapshot { events: known, state: Bytes::from(state) });
    if known + events.len() as u64 != all {
        let lost = format!("of {all} events of job {job}, {} are there after number {known}", events.len());
        return (job, Err(JournalError::Damaged { segment: "segue.events".to_owned(), offset: 0, lost }));
    }
    (job, Ok(Stored { snapshot, events, index }))
}

pub(crate) async fn keep_snapshot(
    readers: &Readers,
    job: JobId,
    snapshot: Snapshot,
) -> Result<(), JournalError> {
    // The lock keeps retention from dropping the job meanwhile, and disturbs no append.
    let rows = readers
        .ask(
            "WITH job AS (SELECT job, events FROM segue.jobs WHERE job = $1 FOR KEY SHARE), kept AS (
                 INSERT INTO segue.snapshots AS s (job, events, state) SELECT job, $2, $3 FROM job WHERE events >= $2
                 ON CONFLICT (job) DO UPDATE SET events = excluded.events, state = excluded.state
                 WHERE s.events <= excluded.events)
             SELECT events FROM job",
            &[&job.0, &number(snapshot.events), &&*snapshot.state],
        )
        .await?;
    let actual = rows.first().map_or(0, |row| count(row.get(0)));
    if rows.is_empty() || actual < snapshot.events {
        return Err(conflict(job, snapshot.events, actual));
    }
    Ok(())
}

pub(crate) async fn history(
    readers: &Readers,
    job: JobId,
    from: u64,
    most: usize,
) -> Result<Vec<(u64, Position, Bytes)>, JournalError> {
    let text =
        "SELECT seq, position, event FROM segue.events WHERE job = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    let rows = readers.ask(text, &[&job.0, &number(from), &limit(most)]).await?;
    let event =
        |row: &Row| (count(row.get(0)), Position(count(row.get(1))), Bytes::from(row.get::<_, Vec<u8>>(2)));
    Ok(rows.iter().map(event).collect())
}

/// Events after a position, and up to where some may have been dropped.
pub(crate) async fn feed(
    readers: &Readers,
    after: Position,
    most: usize,
) -> Result<(Vec<FeedItem>, Position), JournalError> {
    let text = "
        WITH page AS (
            SELECT position FROM segue.events WHERE position > $1 ORDER BY position, seq LIMIT $2
        )
        SELECT h.dropped, e.position, e.job, e.seq, e.event FROM segue.head h LEFT JOIN (
            SELECT position, job, seq, event FROM segue.events
            WHERE position > $1 AND position <= (SELECT max(position) FROM page)) e ON true
        WHERE h.one ORDER BY e.position, e.seq";
    let rows = readers.ask(text, &[&number(after.0), &limit(most.max(1))]).await?;
    let dropped = rows.first().map_or(0, |row| count(row.get(0)));
    let item = |row: &Row| {
        Some(FeedItem {
            position: Position(count(row.get::<_, Option<i64>>(1)?)),
            job: JobId(row.get::<_, Option<Uuid>>(2)?),
            seq: count(row.get::<_, Option<i64>>(3)?),
            event: Bytes::from(row.get::<_, Option<Vec<u8>>>(4)?),
        })
    };
    Ok((rows.iter().filter_map(item).collect(), Position(dropped)))
}

pub(crate) async fn list(readers: &Readers, query: &Query) -> Result<Page, JournalError> {
    let mut conditions = vec!["true".to_owned()];
    let mut values: Vec<Box<dyn ToSql + Sync + Send>> = Vec::new();
    let mut add = |condition: &str, value: Box<dyn ToSql + Sync + Send>| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("${}", values.len())));
    };
    let words = [
        ("j.pipeline = ?", &query.pipeline),
        ("j.state = ?", &query.state),
        ("j.key = ?", &query.key),
        // The first half is for the index.
        ("j.key >= ? AND starts_with(j.key, ?)", &query.key_prefix),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            add(condition, Box::new(word.clone()));
        }
    }
    if let Some(live) = query.live {
        add("j.live = ?", Box::new(live));
    }
    for (condition, moment) in
        [("j.created >= ?", query.created_from), ("j.created < ?", query.created_before)]
    {
        if let Some(moment) = moment {
            add(condition, Box::new(number(moment)));
        }
    }
    if let Some(Cursor { created, job }) = &query.cursor {
        add("j.created <= ?", Box::new(number(*created)));
        let at = values.len();
        values.push(Box::new(job.0));
        conditions.push(format!("(j.created < ${at} OR j.job > ${})", values.len()));
    }
    let text = format!(
        "SELECT {ENTRY} FROM segue.jobs j WHERE {} ORDER BY j.created DESC, j.job LIMIT {}",
        conditions.join(" AND "),
        limit(query.limit.saturating_add(1))
    );
    let values: Vec<&(dyn ToSql + Sync)> =
        values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
    let mut entries: Vec<(JobId, IndexEntry)> =
        readers.ask(&text, &values).await?.iter().map(entry_of).collect();
    let more = entries.len() > query.limit;
    entries.truncate(query.limit);
    let last = entries.last().filter(|_| more);
    let next = last.map(|(job, entry)| Cursor { created: entry.created, job: *job });
    Ok(Page { entries, next })
}

pub(crate) async fn find_live(
    readers: &Readers,
    pipeline: &str,
    key: &str,
) -> Result<Option<JobId>, JournalError> {
    let text = "SELECT job FROM segue.jobs WHERE pipeline = $1 AND key = $2 AND live LIMIT 1";
    let rows = readers.ask(text, &[&pipeline, &key]).await?;
    Ok(rows.first().map(|row| JobId(row.get(0))))
}

pub(crate) async fn live_jobs(
    readers: &Readers,
    after: Option<JobId>,
    most: usize,
) -> Result<Vec<JobId>, JournalError> {
    let text =
        "SELECT job FROM segue.jobs WHERE live AND ($1::uuid IS NULL OR job > $1) ORDER BY job LIMIT $2";
    let rows = readers.ask(text, &[&after.map(|job| job.0), &limit(most)]).await?;
    Ok(rows.iter().map(|row| JobId(row.get(0))).collect())
}

pub(crate) async fn due(
    readers: &Readers,
    until: u64,
    most: usize,
) -> Result<Vec<(JobId, u64)>, JournalError> {
    let text = "SELECT job, deadline FROM segue.jobs WHERE live AND wake IS NOT NULL AND wake <= $1 AND deadline <= $1
         ORDER BY wake, deadline, job LIMIT $2";
    let rows = readers.ask(text, &[&number(until), &limit(most)]).await?;
    Ok(rows.iter().map(|row| (JobId(row.get(0)), count(row.get(1)))).collect())
}

pub(crate) async fn counts(readers: &Readers) -> Result<Counts, JournalError> {
    let text = "SELECT pipeline, state, count(*) FROM segue.jobs GROUP BY pipeline, state";
    let rows = readers.ask(text, &[]).await?;
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), count(row.get(2)))).collect())
}

pub(crate) async fn put_definition(
    readers: &Readers,
    hash: [u8; 32],
    text: &str,
) -> Result<(), JournalError> {
    let put = "INSERT INTO segue.definitions (hash, text) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    readers.ask(put, &[&&hash[..], &text]).await.map(|_| ())
}

pub(crate) async fn definition(readers: &Readers, hash: [u8; 32]) -> Result<Option<String>, JournalError> {
    let rows = readers.ask("SELECT text FROM segue.definitions WHERE hash = $1", &[&&hash[..]]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

pub(crate) async fn definitions(readers: &Readers) -> Result<Vec<[u8; 32]>, JournalError> {
    let rows = readers.ask("SELECT hash FROM segue.definitions ORDER BY hash", &[]).await?;
    Ok(rows.iter().filter_map(|row| row.get::<_, Vec<u8>>(0).try_into().ok()).collect())
}
