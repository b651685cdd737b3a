//! The thread that follows the log.

use std::sync::mpsc;

use engine::ids::JobId;
use journal::{IndexEntry, Position};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::Followed;
use crate::{record::Kind, segment::Place};

/// Records taken into one transaction.
const GROUP: usize = 20_000;

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

/// What the thread is told.
pub(super) enum Order {
    Follow(Vec<Indexed>, Position),
    Forget(Vec<JobId>),
}

pub(super) fn start(connection: Connection, from: Position) -> (mpsc::Sender<Order>, watch::Receiver<Followed>) {
    let (sender, orders) = mpsc::channel();
    let (told, followed) = watch::channel(Followed::UpTo(from));
    let thread = std::thread::Builder::new().name("journal-index".to_owned());
    let started = thread.spawn({
        let told = told.clone();
        move || run(connection, &orders, &told)
    });
    if let Err(error) = started {
        told.send_replace(Followed::Broken(error.to_string()));
    }
    (sender, followed)
}

fn run(mut connection: Connection, orders: &mpsc::Receiver<Order>, told: &watch::Sender<Followed>) {
    while let Ok(first) = orders.recv() {
        let mut group = vec![first];
        let mut records = count(&group[0]);
        while records < GROUP
            && let Ok(order) = orders.try_recv()
        {
            records += count(&order);
            group.push(order);
        }
        match write(&mut connection, group) {
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
    }
}

fn count(order: &Order) -> usize {
    match order {
        Order::Follow(records, _) => records.len(),
        Order::Forget(jobs) => jobs.len(),
    }
}

fn write(connection: &mut Connection, group: Vec<Order>) -> rusqlite::Result<Option<Position>> {
    let transaction = connection.transaction()?;
    let mut followed: Option<(Position, Option<Place>)> = None;
    {
        let mut record = transaction.prepare_cached(
            "INSERT OR REPLACE INTO records (job, first, count, position, segment, offset, len)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut entry = transaction.prepare_cached(
            "INSERT INTO jobs
             (job, pipeline, key, state, live, created, updated, deadline, priority, summary, pictured)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (job) DO UPDATE SET state = excluded.state, live = excluded.live,
                 updated = excluded.updated, deadline = excluded.deadline, priority = excluded.priority,
                 summary = excluded.summary, pictured = excluded.pictured
             WHERE excluded.pictured >= jobs.pictured",
        )?;
        let mut no_job = transaction.prepare_cached("DELETE FROM jobs WHERE job = ?1")?;
        let mut no_records = transaction.prepare_cached("DELETE FROM records WHERE job = ?1")?;
        // Of several pictures of a job in one group only the last is worth writing.
        let mut pictures = std::collections::HashMap::new();
        for order in group {
            match order {
                Order::Forget(jobs) => {
                    for job in jobs {
                        pictures.remove(&job);
                        no_job.execute(params![job.0.as_bytes()])?;
                        no_records.execute(params![job.0.as_bytes()])?;
                    }
                }
                Order::Follow(records, last) => {
                    followed = Some((last, followed.and_then(|(_, place)| place)));
                    for one in records {
                        followed = Some((last, Some(one.place)));
                        let job = one.job.0;
                        if one.kind == Kind::Dropped {
                            pictures.remove(&one.job);
                            no_job.execute(params![job.as_bytes()])?;
                            no_records.execute(params![job.as_bytes()])?;
                            continue;
                        }
                        let Place { segment, offset, len } = one.place;
                        record.execute(params![
                            job.as_bytes(), one.first, one.count, one.position.0, segment, offset, len
                        ])?;
                        let newest = pictures.get(&one.job).is_none_or(|(at, _)| *at <= one.position);
                        if let Some(picture) = one.entry.filter(|_| newest) {
                            pictures.insert(one.job, (one.position, picture));
                        }
                    }
                }
            }
        }
        for (job, (position, picture)) in pictures {
            entry.execute(params![
                job.0.as_bytes(), picture.pipeline, picture.key, picture.state, picture.live, picture.created,
                picture.updated, picture.deadline, picture.priority, &picture.summary[..], position.0
            ])?;
        }
    }
    if let Some((position, place)) = followed {
        transaction.execute("UPDATE followed SET position = ?1", params![position.0])?;
        if let Some(place) = place {
            let after = place.offset + place.len;
            transaction.execute("UPDATE followed SET segment = ?1, offset = ?2", params![place.segment, after])?;
        }
    }
    transaction.commit()?;
    Ok(followed.map(|(position, _)| position))
}
