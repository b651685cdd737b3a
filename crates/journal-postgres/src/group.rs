//! A group of batches as one statement: arrays in, what was taken out.

use bytes::Bytes;
use engine::ids::JobId;
use journal::{Batch, IndexEntry, JournalError, Position};
use tokio_postgres::{Statement, types::ToSql};
use uuid::Uuid;

use crate::connect::{Session, Trouble, answer};

/// What the session that appends is told: plans are made once, for any number of rows, and go by indexes, because the
/// planner can't know how many rows an array will have and the tables may have grown since it last looked.
pub(crate) const SESSION: [&str; 4] = [
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_nestloop = off",
    "SET enable_mergejoin = off",
];

/// The head is asked before anything else is done (a one-time filter), and holds its row until the statement has committed.
const APPEND: &str = "
    WITH head AS (
        UPDATE segue.head SET last = $3 WHERE one AND epoch = $1 AND last = $2 RETURNING last
    ), batch AS (
        SELECT * FROM unnest($4::uuid[], $5::int8[], $6::int8[], $7::int8[], $8::text[], $9::text[], $10::text[], $11::bool[],
            $12::int8[], $13::int8[], $14::int8[], $15::int2[], $16::bytea[])
        AS b(job, position, expected, events, pipeline, key, state, live, created, updated, deadline, priority, summary)
    ), fresh AS (
        INSERT INTO segue.jobs AS j (job, events, position, created, updated, deadline, wake, ended, priority, live, pipeline,
            key, state, summary)
        SELECT job, events, position, created, updated, deadline, deadline - deadline % 65536,
            CASE WHEN live THEN NULL ELSE updated END, priority, live, pipeline, key, state, summary
        FROM batch WHERE expected = 0 AND (SELECT last FROM head) IS NOT NULL
        ON CONFLICT (job) DO NOTHING RETURNING j.job
    ), grown AS (
        UPDATE segue.jobs j SET events = b.events, position = b.position,
            created = coalesce(b.created, j.created), updated = coalesce(b.updated, j.updated),
            deadline = CASE WHEN b.live IS NULL THEN j.deadline ELSE b.deadline END,
            wake = CASE WHEN b.live IS NULL THEN j.wake ELSE b.deadline - b.deadline % 65536 END,
            ended = CASE WHEN b.live IS NULL THEN j.ended WHEN b.live THEN NULL ELSE b.updated END,
            priority = coalesce(b.priority, j.priority), live = coalesce(b.live, j.live),
            pipeline = coalesce(b.pipeline, j.pipeline), key = coalesce(b.key, j.key), state = coalesce(b.state, j.state),
            summary = coalesce(b.summary, j.summary)
        FROM batch b
        WHERE j.job = ANY ($4) AND j.job = b.job AND b.expected > 0 AND j.events = b.expected
            AND (SELECT last FROM head) IS NOT NULL
        RETURNING j.job
    ), taken AS (
        SELECT job FROM fresh UNION ALL SELECT job FROM grown
    ), stored AS (
        INSERT INTO segue.events (job, seq, position, event)
        SELECT e.job, e.seq, e.position, e.event
        FROM unnest($17::uuid[], $18::int8[], $19::int8[], $20::bytea[]) AS e(job, seq, position, event)
        WHERE e.job IN (SELECT job FROM taken)
    )
    SELECT (SELECT last FROM head), ARRAY(SELECT job FROM taken)";

/// Batches of different jobs, each with its position.
#[derive(Debug, Default)]
pub(crate) struct Group {
    jobs: Vec<Uuid>,
    positions: Vec<i64>,
    expected: Vec<i64>,
    events: Vec<i64>,
    pipelines: Vec<Option<String>>,
    keys: Vec<Option<String>>,
    states: Vec<Option<String>>,
    live: Vec<Option<bool>>,
    created: Vec<Option<i64>>,
    updated: Vec<Option<i64>>,
    deadlines: Vec<Option<i64>>,
    priorities: Vec<Option<i16>>,
    summaries: Vec<Option<Vec<u8>>>,
    event_jobs: Vec<Uuid>,
    event_seqs: Vec<i64>,
    event_positions: Vec<i64>,
    bytes: Vec<Shared>,
    /// The last position before it.
    pub(crate) after: Position,
}

/// What became of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was committed, as far as its batches followed on what was there: whose did.
    Taken(Vec<Uuid>),
    /// The head is not what it was thought to be; nothing was stored by this statement.
    Moved,
}

/// Bytes that go to the database without a copy of ours.
#[derive(Debug, Clone)]
struct Shared(Bytes);

impl ToSql for Shared {
    fn to_sql(
        &self,
        kind: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        (&*self.0).to_sql(kind, out)
    }

    fn accepts(kind: &tokio_postgres::types::Type) -> bool {
        <&[u8] as ToSql>::accepts(kind)
    }

    tokio_postgres::types::to_sql_checked!();
}

impl Group {
    /// An empty one that follows on a position.
    pub(crate) fn after(after: Position) -> Self {
        Self { after, ..Self::default() }
    }

    /// Adds a batch whose job is not in it yet, at a position after all before.
    pub(crate) fn add(&mut self, batch: &Batch, position: Position) {
        let job = batch.job.0;
        let at = number(position.0);
        let count = batch.events.len() as u64;
        self.jobs.push(job);
        self.positions.push(at);
        self.expected.push(number(batch.expected));
        self.events.push(number(batch.expected.saturating_add(count)));
        let entry = batch.index.as_ref();
        self.pipelines.push(entry.map(|entry| entry.pipeline.clone()));
        self.keys.push(entry.map(|entry| entry.key.clone()));
        self.states.push(entry.map(|entry| entry.state.clone()));
        self.live.push(entry.map(|entry| entry.live));
        self.created.push(entry.map(|entry| number(entry.created)));
        self.updated.push(entry.map(|entry| number(entry.updated)));
        self.deadlines.push(entry.and_then(|entry| entry.deadline).map(number));
        self.priorities.push(entry.map(|entry| i16::from(entry.priority)));
        self.summaries.push(entry.map(|entry| entry.summary.to_vec()));
        for (seq, event) in (batch.expected..).zip(&batch.events) {
            self.event_jobs.push(job);
            self.event_seqs.push(number(seq));
            self.event_positions.push(at);
            self.bytes.push(Shared(event.clone()));
        }
    }

    /// How many batches it has.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// The position of its last batch.
    pub(crate) fn last(&self) -> Position {
        self.positions.last().map_or(self.after, |last| Position(last.unsigned_abs()))
    }

    /// Whose batches it has, where each begins and its position.
    pub(crate) fn places(&self) -> (&[Uuid], &[i64], &[i64]) {
        (&self.jobs, &self.expected, &self.positions)
    }

    /// Sends it and waits until it is durable.
    pub(crate) async fn send(
        &self,
        session: &Session,
        append: &Statement,
        epoch: u64,
    ) -> Result<Outcome, Trouble> {
        let (epoch, after, last) = (number(epoch), number(self.after.0), number(self.last().0));
        let values: [&(dyn ToSql + Sync); 20] = [
            &epoch,
            &after,
            &last,
            &self.jobs,
            &self.positions,
            &self.expected,
            &self.events,
            &self.pipelines,
            &self.keys,
            &self.states,
            &self.live,
            &self.created,
            &self.updated,
            &self.deadlines,
            &self.priorities,
            &self.summaries,
            &self.event_jobs,
            &self.event_seqs,
            &self.event_positions,
            &self.bytes,
        ];
        let row = answer(session.client().query_one(append, &values), None).await?;
        match row.get::<_, Option<i64>>(0) {
            Some(_) => Ok(Outcome::Taken(row.get(1))),
            None => Ok(Outcome::Moved),
        }
    }
}

/// The statement, prepared.
pub(crate) async fn prepare(session: &Session) -> Result<Statement, Trouble> {
    answer(session.client().prepare(APPEND), None).await
}

/// Why a batch can't be stored in any journal, or not in this one.
pub(crate) fn fault(batch: &Batch) -> Option<JournalError> {
    let fault = |why| Some(JournalError::NotABatch(why));
    if batch.events.is_empty() {
        return fault("it has no events");
    }
    let Some(entry) = &batch.index else {
        return if batch.expected == 0 { fault("a job's first batch has no index entry") } else { None };
    };
    let IndexEntry { pipeline, key, state, created, updated, deadline, .. } = entry;
    if [pipeline, key, state].iter().any(|text| text.contains('\0')) {
        return fault("a word of its index entry has a zero byte");
    }
    let late = |moment: &u64| i64::try_from(*moment).is_err();
    if late(created) || late(updated) || deadline.as_ref().is_some_and(late) {
        return fault("a moment of its index entry is out of reach");
    }
    None
}

/// As the database has numbers: up to nine thousand million million million.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the database that is never below zero.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A conflict of a batch, where its job has so many events.
pub(crate) fn conflict(job: JobId, expected: u64, actual: u64) -> JournalError {
    JournalError::Conflict { job, expected, actual }
}
