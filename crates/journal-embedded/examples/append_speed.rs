//! How many events of 300 bytes the embedded journal makes durable in a second, and how long one takes, with 1, 64 and 512
//! producers that each wait for their own. `cargo run --release -p journal-embedded --example append_speed [FOLDER]`

#![expect(clippy::print_stdout, reason = "an example that measures and tells")]

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::ids::JobId;
use journal::{Batch, IndexEntry, Journal, JournalError};
use journal_embedded::{EmbeddedJournal, Options, inspect};
use uuid::Uuid;

const MEASURED: Duration = Duration::from_secs(3);

fn entry(job: JobId) -> IndexEntry {
    IndexEntry {
        pipeline: "speed".to_owned(),
        key: job.to_string(),
        state: "running".to_owned(),
        live: true,
        created: 1,
        updated: 1,
        deadline: None,
        priority: 1,
        summary: Bytes::new(),
    }
}

/// Appends one event after the other to a job until the time is over; how long each took.
async fn produce(journal: EmbeddedJournal, number: u64) -> Result<Vec<Duration>, JournalError> {
    let job = JobId(Uuid::from_u64_pair(number, 1));
    let event = Bytes::from(vec![b'e'; 300]);
    let began = Instant::now();
    let mut took = Vec::new();
    while began.elapsed() < MEASURED {
        let asked = Instant::now();
        let expected = took.len() as u64;
        let index = (expected == 0).then(|| entry(job));
        journal.append(Batch { job, expected, events: vec![event.clone()], index }).await?;
        took.push(asked.elapsed());
    }
    Ok(took)
}

/// Seconds of CPU that this process has used, in user and kernel mode; zero where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets: the 12th and 13th field, in hundredths.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

async fn measure(folder: PathBuf, producers: u64) -> Result<(), Box<dyn std::error::Error>> {
    let journal = EmbeddedJournal::open(Options::new(&folder))?.journal;
    let (cpu, began) = (cpu_seconds(), Instant::now());
    let tasks: Vec<_> = (0..producers).map(|number| tokio::spawn(produce(journal.clone(), number))).collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let events = took.len();
    let at = |part: usize| took.get(events * part / 100).copied().unwrap_or_default().as_micros();
    journal.counts().await?;
    let cpu_micros = (cpu_seconds() - cpu) * 1e6 / events as f64;
    let caught_up = began.elapsed().as_secs_f64() - seconds;
    drop(journal);
    // What was measured must be there, read by other code than what wrote it.
    let report = inspect::verify(&folder)?;
    if report.events != events as u64 || report.torn_tail || !report.damaged.is_empty() {
        return Err(format!("{events} events were acknowledged, but this is there: {report:?}").into());
    }
    println!(
        "{producers:>4} producers: {:.0} events/s, p50 {} µs, p99 {} µs, {cpu_micros:.1} µs of CPU per event; \
         {} bytes per event; the index had caught up after {caught_up:.1} s",
        events as f64 / seconds,
        at(50),
        at(99),
        report.bytes / report.events.max(1),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/append-speed"), PathBuf::from);
    for producers in [1, 64, 512] {
        let one = folder.join(format!("{producers}-{}", std::process::id()));
        measure(one.clone(), producers).await?;
        std::fs::remove_dir_all(one)?;
    }
    Ok(())
}
