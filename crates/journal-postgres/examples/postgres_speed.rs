//! How many events of 300 bytes the journal in a PostgreSQL makes durable in a second, how long one takes, and how many
//! round trips that is, with 1, 64 and 512 producers that each wait for their own.
//! `cargo run -p journal-postgres --features testing --example postgres_speed [URL]`; without a URL it starts a server.

#![expect(clippy::print_stdout, reason = "an example that measures and tells")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::ids::JobId;
use journal::{
    Batch, IndexEntry, Journal, JournalError,
    lease::{Held, Holder, Lease},
};
use journal_postgres::{
    Database, PostgresJournal,
    testing::{Server, options},
};
use uuid::Uuid;

const MEASURED: Duration = Duration::from_secs(5);

fn entry(job: JobId, updated: u64) -> IndexEntry {
    IndexEntry {
        pipeline: "speed".to_owned(),
        key: job.to_string(),
        state: "running".to_owned(),
        live: true,
        created: 1,
        updated,
        deadline: Some(1_000_000 + updated),
        priority: 1,
        summary: Bytes::new(),
    }
}

/// Appends one event after the other to a job until the time is over; how long each took.
async fn produce(journal: PostgresJournal, pictured: bool) -> Result<Vec<Duration>, JournalError> {
    let job = JobId(Uuid::now_v7());
    let event = Bytes::from(vec![b'e'; 300]);
    let began = Instant::now();
    let mut took = Vec::new();
    while began.elapsed() < MEASURED {
        let asked = Instant::now();
        let expected = took.len() as u64;
        let index = (expected == 0 || pictured).then(|| entry(job, expected));
        journal.append(Batch { job, expected, events: vec![event.clone()], index }).await?;
        took.push(asked.elapsed());
    }
    Ok(took)
}

async fn measure(database: &Database, producers: u64, pictured: bool) -> Result<(), JournalError> {
    let holder = Holder { id: Uuid::now_v7(), url: "postgres_speed".to_owned() };
    let lease = database.lease().await?;
    let Held::Ours { epoch } = lease.take(holder.clone(), Duration::from_secs(60)).await? else {
        return Err(JournalError::Away { reason: "somebody else has the lease".to_owned() });
    };
    let journal = database.journal(epoch).await?;
    let began = Instant::now();
    let tasks: Vec<_> = (0..producers).map(|_| tokio::spawn(produce(journal.clone(), pictured))).collect();
    let mut took = Vec::new();
    for task in tasks {
        let done = task.await.map_err(|error| JournalError::Stopped { reason: error.to_string() })?;
        took.extend(done?);
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let events = took.len();
    let at = |part: usize| took.get(events * part / 100).copied().unwrap_or_default().as_micros();
    let groups = journal.health().groups;
    println!(
        "{producers:>4} producers, index {}: {:.0} events/s, p50 {} µs, p99 {} µs; {:.3} round trips per event",
        if pictured { "with every event" } else { "once" },
        events as f64 / seconds,
        at(50),
        at(99),
        groups.count as f64 / events as f64,
    );
    lease.release(holder.id).await
}

#[tokio::main]
async fn main() -> Result<(), JournalError> {
    let server = if std::env::args().nth(1).is_none() { Some(Server::start()) } else { None };
    let url = match (&server, std::env::args().nth(1)) {
        (Some(server), _) => server.database().await,
        (None, url) => url.unwrap_or_default(),
    };
    let database = Database::open(options(&url)).await?;
    for pictured in [false, true] {
        for producers in [1, 64, 512] {
            measure(&database, producers, pictured).await?;
        }
    }
    Ok(())
}
