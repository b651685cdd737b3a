//! The thread that follows the log.

use std::{collections::HashMap, sync::mpsc, time::Duration};

use engine::ids::JobId;
use journal::{IndexEntry, Position, Snapshot};
use rusqlite::{Connection, Transaction, params};
use tokio::sync::watch;

use super::{Followed, Joined};
use crate::{
    record::{Kind, Record},
    segment::Place,
};

/// Records taken into one transaction.
const GROUP: usize = 20_000;
/// How long records may wait for others where nobody asks: most jobs of machines are over by then, and cost the index one
/// picture instead of one for each state they pass through.
const PATIENCE: Duration = Duration::from_millis(200);

/// A record that is durable.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub(crate) kind: Kind,
    pub(crate) job: JobId,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) position: Position,
    pub(crate) place: Place,
    pub(crate) entry: Option<IndexEntry>,
}

impl Indexed {
    /// Of a record that was read.
    pub(crate) fn of(record: Record, place: Place) -> Self {
        let Record { header, index, .. } = record;
        let (kind, job, first, count) = (header.kind, header.job, header.first, header.count);
        Self { kind, job, first, count, position: header.position, place, entry: index }
    }
}

/// What the thread is told.
pub(super) enum Order {
    Follow(Vec<Indexed>, Position),
    /// A snapshot of a job.
    Keep(JobId, Snapshot),
    /// Nothing of its own: somebody waits until it has come further.
    Hurry,
    /// Says when everything told before is written.
    Flush(mpsc::Sender<()>),
}

pub(super) fn start(connection: Connection, from: Position) -> (Follower, watch::Receiver<Followed>, Joined) {
    let (sender, orders) = mpsc::channel();
    let (hurry, hurried) = mpsc::channel();
    let (told, followed) = watch::channel(Followed::UpTo(from));
    let thread = std::thread::Builder::new().name("journal-index".to_owned());
    let started = thread.spawn({
        let told = told.clone();
        move || run(connection, &orders, &hurried, &told)
    });
    let joined = match started {
        Ok(thread) => Joined::new(thread),
        Err(error) => {
            told.send_replace(Followed::Broken(error.to_string()));
            Joined::default()
        }
    };
    (Follower { orders: sender, hurry }, followed, joined)
}

fn run(
    mut connection: Connection,
    orders: &mpsc::Receiver<Order>,
    hurry: &mpsc::Receiver<()>,
    told: &watch::Sender<Followed>,
) {
    while let Ok(first) = orders.recv() {
        let mut group = gather(first, orders, hurry);
        let written = write(&mut connection, &mut group);
        match written {
            Ok(Some(position)) => {
                told.send_replace(Followed::UpTo(position));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "the index can't follow the log");
                told.send_replace(Followed::Broken(error.to_string()));
                return;
            }
        }
        for order in group {
            if let Order::Flush(done) = order {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }
}

/// What is written in one transaction: what comes within [`PATIENCE`], or what is there once somebody waits. Sleeps apart
/// from its orders, so that it is not woken by each of them.
fn gather(first: Order, orders: &mpsc::Receiver<Order>, hurry: &mpsc::Receiver<()>) -> Vec<Order> {
    let mut group = vec![first];
    // The time is up, somebody waits, or nobody is there any more: in each case it goes on with what there is.
    let _ = hurry.recv_timeout(PATIENCE);
    while hurry.try_recv().is_ok() {}
    let mut records = 0;
    while records < GROUP
        && let Ok(order) = orders.try_recv()
    {
        if let Order::Follow(more, _) = &order {
            records += more.len();
        }
        group.push(order);
    }
    group
}

/// Tells the thread what to do, and when not to wait for more.
#[derive(Debug, Clone)]
pub(super) struct Follower {
    orders: mpsc::Sender<Order>,
    hurry: mpsc::Sender<()>,
}

impl Follower {
    /// Something to be written with whatever else comes soon. Whether the thread is there.
    pub(super) fn tell(&self, order: Order) -> bool {
        self.orders.send(order).is_ok()
    }

    /// Something that somebody waits for.
    pub(super) fn tell_now(&self, order: Order) -> bool {
        self.tell(order) && self.hurry.send(()).is_ok()
    }
}

const RECORD: &str = "INSERT OR REPLACE INTO records (job, first, count, position, segment, offset, len)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ENTRY: &str = "INSERT INTO jobs
    (job, pipeline, key, state, live, created, updated, deadline, priority, summary, pictured)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (job) DO UPDATE SET pipeline = excluded.pipeline, key = excluded.key, state = excluded.state,
        live = excluded.live, created = excluded.created, updated = excluded.updated,
        deadline = excluded.deadline, priority = excluded.priority, summary = excluded.summary,
        pictured = excluded.pictured
    WHERE excluded.pictured >= jobs.pictured";
// A mark may be a copy that was moved behind newer records of the job: it takes only what lay before it.
const NO_JOB: &str = "DELETE FROM jobs WHERE job = ?1 AND pictured <= ?2";
const NO_RECORDS: &str = "DELETE FROM records WHERE job = ?1 AND position <= ?2";
// One of a job that has been dropped meanwhile is not kept.
const SNAPSHOT: &str = "INSERT INTO snapshots (job, events, state)
    SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM records WHERE job = ?1)
    ON CONFLICT (job) DO UPDATE SET events = excluded.events, state = excluded.state
    WHERE excluded.events >= snapshots.events";
const NO_SNAPSHOT: &str =
    "DELETE FROM snapshots WHERE job = ?1 AND NOT EXISTS (SELECT 1 FROM records WHERE job = ?1)";
const FOLLOWED: &str =
    "UPDATE followed SET position = ?1, segment = coalesce(?2, segment), offset = coalesce(?3, offset)";

/// Of several pictures of a job in one group only the last is worth writing.
type Pictures = HashMap<JobId, (Position, IndexEntry)>;

fn write(connection: &mut Connection, group: &mut [Order]) -> rusqlite::Result<Option<Position>> {
    let transaction = connection.transaction()?;
    let mut pictures = Pictures::new();
    let mut followed = None;
    let mut end: Option<Place> = None;
    for order in group {
        let (records, last) = match order {
            Order::Follow(records, last) => (records, last),
            Order::Keep(job, snapshot) => {
                let state = &snapshot.state[..];
                transaction.prepare_cached(SNAPSHOT)?.execute(params![
                    job.0.as_bytes(),
                    snapshot.events,
                    state
                ])?;
                continue;
            }
            Order::Hurry | Order::Flush(_) => continue,
        };
        followed = Some(*last);
        end = records.last().map(|record| record.place).or(end);
        for record in records.drain(..) {
            write_record(&transaction, record, &mut pictures)?;
        }
    }
    let mut entry = transaction.prepare_cached(ENTRY)?;
    for (job, (position, picture)) in pictures {
        entry.execute(params![
            job.0.as_bytes(),
            picture.pipeline,
            picture.key,
            picture.state,
            picture.live,
            number(picture.created),
            number(picture.updated),
            picture.deadline.map(number),
            picture.priority,
            &picture.summary[..],
            position.0
        ])?;
    }
    drop(entry);
    if let Some(position) = followed {
        let (segment, offset) = (end.map(|end| end.segment), end.map(|end| end.offset + end.len));
        transaction.execute(FOLLOWED, params![position.0, segment, offset])?;
    }
    transaction.commit()?;
    Ok(followed)
}

fn write_record(
    transaction: &Transaction<'_>,
    one: Indexed,
    pictures: &mut Pictures,
) -> rusqlite::Result<()> {
    let job = one.job.0.as_bytes();
    let position = one.position;
    if one.kind == Kind::Dropped {
        if pictures.get(&one.job).is_some_and(|(at, _)| *at <= position) {
            pictures.remove(&one.job);
        }
        transaction.prepare_cached(NO_JOB)?.execute(params![job, position.0])?;
        transaction.prepare_cached(NO_RECORDS)?.execute(params![job, position.0])?;
        transaction.prepare_cached(NO_SNAPSHOT)?.execute(params![job])?;
        return Ok(());
    }
    let Place { segment, offset, len } = one.place;
    let mut record = transaction.prepare_cached(RECORD)?;
    record.execute(params![job, one.first, one.count, position.0, segment, offset, len])?;
    let newest = pictures.get(&one.job).is_none_or(|(at, _)| *at <= position);
    if let Some(picture) = one.entry.filter(|_| newest) {
        pictures.insert(one.job, (position, picture));
    }
    Ok(())
}

/// SQLite has no number above 2^63; a moment that far off is as good as that one.
fn number(moment: u64) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}
