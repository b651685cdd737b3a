//! Questions to the index.

use bytes::Bytes;
use engine::ids::JobId;
use journal::{Counts, Cursor, IndexEntry, JournalError, Page, Position, Query, Snapshot};
use rusqlite::{OptionalExtension, Row, params, params_from_iter, types::Value};
use uuid::Uuid;

use super::{Index, sql};
use crate::segment::Place;

const COLUMNS: &str = "job, pipeline, key, state, live, created, updated, deadline, priority, summary";

fn job_of(row: &Row<'_>, column: usize) -> rusqlite::Result<JobId> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(JobId(Uuid::from_bytes(bytes)))
}

fn entry_of(row: &Row<'_>) -> rusqlite::Result<(JobId, IndexEntry)> {
    let entry = IndexEntry {
        pipeline: row.get(1)?,
        key: row.get(2)?,
        state: row.get(3)?,
        live: row.get(4)?,
        created: row.get(5)?,
        updated: row.get(6)?,
        deadline: row.get(7)?,
        priority: row.get(8)?,
        summary: Bytes::from(row.get::<_, Vec<u8>>(9)?),
    };
    Ok((job_of(row, 0)?, entry))
}

fn place_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Place> {
    Ok(Place { segment: row.get(column)?, offset: row.get(column + 1)?, len: row.get(column + 2)? })
}

impl Index {
    /// What is known of a job.
    pub(crate) fn entry(&self, job: JobId) -> Result<Option<IndexEntry>, JournalError> {
        let reader = self.reader.lock();
        let mut ask =
            reader.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE job = ?1")).map_err(sql)?;
        let found = ask.query_row(params![job.0.as_bytes()], |row| entry_of(row).map(|(_, entry)| entry));
        found.optional().map_err(sql)
    }

    /// Asks several questions of the same state: one lock of the file for all of them.
    pub(crate) fn at_one_moment<T>(&self, ask: impl FnOnce() -> T) -> Result<T, JournalError> {
        let _one_at_a_time = self.moment.lock();
        self.reader.lock().execute_batch("BEGIN").map_err(sql)?;
        let answers = ask();
        self.reader.lock().execute_batch("COMMIT").map_err(sql)?;
        Ok(answers)
    }

    /// A job's snapshot.
    pub(crate) fn snapshot_of(&self, job: JobId) -> Result<Option<Snapshot>, JournalError> {
        let reader = self.reader.lock();
        let mut ask =
            reader.prepare_cached("SELECT events, state FROM snapshots WHERE job = ?1").map_err(sql)?;
        let found = ask.query_row(params![job.0.as_bytes()], |row| {
            Ok(Snapshot { events: row.get(0)?, state: Bytes::from(row.get::<_, Vec<u8>>(1)?) })
        });
        found.optional().map_err(sql)
    }

    /// Where a job's records lie, from the one that holds event number `from`: first event, position, place.
    pub(crate) fn places(&self, job: JobId, from: u64) -> Result<Vec<(u64, Position, Place)>, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached(
                "SELECT first, position, segment, offset, len FROM records
                 WHERE job = ?1 AND first + count > ?2 ORDER BY first",
            )
            .map_err(sql)?;
        let rows = ask
            .query_map(params![job.0.as_bytes(), from], |row| {
                Ok((row.get(0)?, Position(row.get(1)?), place_of(row, 2)?))
            })
            .map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// The job of the greatest id, as far as the index has come.
    pub(crate) fn greatest(&self) -> Result<Option<JobId>, JournalError> {
        let quick = self.quick.lock();
        let mut ask =
            quick.prepare_cached("SELECT job FROM records ORDER BY job DESC LIMIT 1").map_err(sql)?;
        ask.query_row([], |row| job_of(row, 0)).optional().map_err(sql)
    }

    /// How many events a job has, as far as the index has come; for the thread that writes the log.
    pub(crate) fn events(&self, job: JobId) -> Result<u64, JournalError> {
        let quick = self.quick.lock();
        let mut ask = quick
            .prepare_cached("SELECT first + count FROM records WHERE job = ?1 ORDER BY first DESC LIMIT 1")
            .map_err(sql)?;
        let events = ask.query_row(params![job.0.as_bytes()], |row| row.get(0)).optional().map_err(sql)?;
        Ok(events.unwrap_or(0))
    }

    /// Jobs, newest first.
    pub(crate) fn list(&self, query: &Query) -> Result<Page, JournalError> {
        let mut conditions = vec!["1".to_owned()];
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            conditions.push(condition.replace('?', &format!("?{}", values.len())));
        };
        for (condition, value) in
            [("pipeline = ?", &query.pipeline), ("state = ?", &query.state), ("key = ?", &query.key)]
        {
            if let Some(value) = value {
                add(condition, value.clone().into());
            }
        }
        if let Some(prefix) = &query.key_prefix {
            // Not LIKE: it takes capitals for small letters. The first condition is for the SQLite index.
            add("key >= ?", prefix.clone().into());
            let characters = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
            add(&format!("substr(key, 1, {characters}) = ?"), prefix.clone().into());
        }
        if let Some(live) = query.live {
            add("live = ?", i64::from(live).into());
        }
        for (condition, moment) in
            [("created >= ?", query.created_from), ("created < ?", query.created_before)]
        {
            if let Some(moment) = moment {
                add(condition, i64::try_from(moment).unwrap_or(i64::MAX).into());
            }
        }
        if let Some(Cursor { created, job }) = &query.cursor {
            let created = i64::try_from(*created).unwrap_or(i64::MAX);
            add("(created < ?", created.into());
            let at = values.len();
            values.push(job.0.as_bytes().to_vec().into());
            let last = conditions.pop().unwrap_or_default();
            conditions.push(format!("{last} OR (created = ?{at} AND job > ?{}))", values.len()));
        }
        let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
        let text = format!(
            "SELECT {COLUMNS} FROM jobs WHERE {} ORDER BY created DESC, job LIMIT {limit}",
            conditions.join(" AND ")
        );
        let reader = self.reader.lock();
        let mut ask = reader.prepare_cached(&text).map_err(sql)?;
        let rows = ask.query_map(params_from_iter(values), entry_of).map_err(sql)?;
        let mut entries = rows.collect::<Result<Vec<_>, _>>().map_err(sql)?;
        let more = entries.len() > query.limit;
        entries.truncate(query.limit);
        let last = entries.last().filter(|_| more);
        let next = last.map(|(job, entry)| Cursor { created: entry.created, job: *job });
        Ok(Page { entries, next })
    }

    /// The live job of a key.
    pub(crate) fn find_live(&self, pipeline: &str, key: &str) -> Result<Option<JobId>, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached("SELECT job FROM jobs WHERE pipeline = ?1 AND key = ?2 AND live = 1 LIMIT 1")
            .map_err(sql)?;
        ask.query_row(params![pipeline, key], |row| job_of(row, 0)).optional().map_err(sql)
    }

    /// Live jobs in the order of their ids.
    pub(crate) fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Result<Vec<JobId>, JournalError> {
        let after = after.map_or_else(Vec::new, |job| job.0.as_bytes().to_vec());
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached("SELECT job FROM jobs WHERE live = 1 AND job > ?1 ORDER BY job LIMIT ?2")
            .map_err(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = ask.query_map(params![after, limit], |row| job_of(row, 0)).map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// Live jobs that are due.
    pub(crate) fn due(&self, until: u64, limit: usize) -> Result<Vec<(JobId, u64)>, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached(
                "SELECT job, deadline FROM jobs WHERE live = 1 AND deadline IS NOT NULL AND deadline <= ?1
                 ORDER BY deadline, job LIMIT ?2",
            )
            .map_err(sql)?;
        let (until, limit) =
            (i64::try_from(until).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let rows =
            ask.query_map(params![until, limit], |row| Ok((job_of(row, 0)?, row.get(1)?))).map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// How many jobs there are.
    pub(crate) fn counts(&self) -> Result<Counts, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached("SELECT pipeline, state, count(*) FROM jobs GROUP BY pipeline, state")
            .map_err(sql)?;
        let rows =
            ask.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, u64>(2)?))).map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// Jobs that ended before a moment, with the position of their last record.
    pub(crate) fn ended_before(
        &self,
        moment: u64,
        limit: usize,
    ) -> Result<Vec<(JobId, Position)>, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached(
                "SELECT job, (SELECT max(position) FROM records r WHERE r.job = jobs.job) FROM jobs
                 WHERE live = 0 AND updated < ?1 LIMIT ?2",
            )
            .map_err(sql)?;
        let (moment, limit) =
            (i64::try_from(moment).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = ask
            .query_map(params![moment, limit], |row| {
                Ok((job_of(row, 0)?, Position(row.get::<_, Option<u64>>(1)?.unwrap_or(0))))
            })
            .map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// The records that keep a segment, and their bytes.
    pub(crate) fn records_of_segment(&self, segment: u64) -> Result<Vec<Place>, JournalError> {
        let reader = self.reader.lock();
        let mut ask = reader
            .prepare_cached("SELECT segment, offset, len FROM records WHERE segment = ?1 ORDER BY offset")
            .map_err(sql)?;
        let rows = ask.query_map(params![segment], |row| place_of(row, 0)).map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }
}
