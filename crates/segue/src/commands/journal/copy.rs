//! `segue journal copy FROM TO`: a whole journal into an empty one, live jobs included, between folders and PostgreSQL.
//!
//! Kept are jobs with their ids, all their events at their positions, what the index knows of them, snapshots and
//! definitions. So jobs go on where they were, and whoever follows the stream goes on at the event he had last. Not kept is how
//! far retention had come: somebody who asks for events from before it gets what is left, and is not told that some are
//! missing.
//!
//! First everything is read once, for the hash and to know which position belongs to which job; then it is written in the
//! order of the positions; then the copy is read as a whole, and its hash compared. In memory are some 24 bytes for each batch
//! of events, some hundreds for each job, and the events of one [`WINDOW`].

mod whole;

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use journal::{Batch, IndexEntry, Position, Query, Whole};
use journal_postgres::is_postgres;

use self::whole::{Contents, Place, read};
use crate::{
    config::read_config,
    logging::say,
    storage::{HeldLease, hold, open_database, open_folder},
};

/// Batches that are written before the next ones are read.
const WINDOW: usize = 8_192;
/// Questions that are asked at the same time.
pub(super) const AT_ONCE: usize = 16;

/// A journal that nobody else uses meanwhile.
struct Ours {
    name: String,
    journal: Arc<dyn Whole>,
    lease: Option<HeldLease>,
}

pub(in super::super) async fn run(config: &Path, from: &str, to: &str) -> Result<ExitCode> {
    let configured = if config.exists() { Some(read_config(config)?.0.orchestrator) } else { None };
    let place = |word: &str| match (&configured, word) {
        (Some(configured), "configured") => {
            let folder = || configured.data.join("journal").display().to_string();
            configured.journal.clone().unwrap_or_else(folder)
        }
        _ => word.to_owned(),
    };
    let (from, to) = (&place(from), &place(to));
    let ca = configured.as_ref().and_then(|configured| configured.ca.clone());
    if !is_postgres(from) && !Path::new(from).join("log").is_dir() {
        let inside = Path::new(from).join("journal");
        let hint = if inside.join("log").is_dir() {
            format!("; it is in {}", inside.display())
        } else {
            String::new()
        };
        bail!("there is no journal in {from}{hint}");
    }
    let from = open(from, ca.as_deref()).await.context("FROM can't be copied")?;
    let copied = match open(to, ca.as_deref()).await.context("TO can't be used") {
        Ok(to) => {
            let copied = copy(&from, &to).await;
            to.close().await;
            copied
        }
        Err(error) => Err(error),
    };
    from.close().await;
    copied.map(|()| ExitCode::SUCCESS)
}

async fn open(place: &str, ca: Option<&Path>) -> Result<Ours> {
    if !is_postgres(place) {
        let journal = Arc::new(open_folder(Path::new(place))?);
        return Ok(Ours { name: place.to_owned(), journal, lease: None });
    }
    let database = open_database(place, ca).await?;
    let name = format!("PostgreSQL at {}", database.place());
    let (journal, lease) = hold(&database, "segue journal copy").await?;
    Ok(Ours { name, journal: Arc::new(journal), lease: Some(lease) })
}

impl Ours {
    /// Whether it was ours all the time. A folder is locked as long as it is open.
    async fn check(&self) -> Result<()> {
        match &self.lease {
            Some(lease) => lease.check().await,
            None => Ok(()),
        }
    }

    async fn close(self) {
        drop(self.journal);
        if let Some(lease) = self.lease {
            lease.release().await;
        }
    }
}

async fn copy(from: &Ours, to: &Ours) -> Result<()> {
    let there = to.journal.list(Query { limit: 1, ..Query::default() }).await?;
    if !there.entries.is_empty() || !to.journal.definitions().await?.is_empty() {
        bail!("{} is not empty: a copy needs a journal of its own", to.name);
    }
    let total = from.journal.counts().await?.values().sum();
    let bar = progress(total, "jobs read");
    let contents = read(&from.journal, &bar).await.with_context(|| format!("reading {}", from.name))?;
    bar.finish_and_clear();
    say(&format!("from {}: {}", from.name, contents.summary()));
    for hash in from.journal.definitions().await? {
        let text = from.journal.definition(hash).await?.context("a definition is not there any more")?;
        to.journal.put_definition(hash, text).await?;
    }
    write(&from.journal, &to.journal, &contents).await.with_context(|| format!("writing {}", to.name))?;
    let bar = progress(total, "jobs compared");
    let copied = read(&to.journal, &bar).await.with_context(|| format!("reading {}", to.name))?;
    bar.finish_and_clear();
    say(&format!("to   {}: {}", to.name, copied.summary()));
    if copied.summary() != contents.summary() {
        bail!("the copy is not what was copied: do not use it");
    }
    for one in [from, to] {
        one.check().await.with_context(|| format!("{}: do not use the copy", one.name))?;
    }
    say("the copy is the same");
    Ok(())
}

/// Writes all batches in the order of their positions, then snapshots.
async fn write(from: &Arc<dyn Whole>, to: &Arc<dyn Whole>, contents: &Contents) -> Result<()> {
    let bar = progress(contents.places.len() as u64, "batches written");
    for window in contents.places.chunks(WINDOW) {
        let batches = batches_of(from, contents, window).await?;
        let bringing: Vec<_> =
            batches.into_iter().map(|(position, batch)| to.bring(position, batch)).collect();
        for brought in futures::future::join_all(bringing).await {
            brought?;
        }
        bar.inc(window.len() as u64);
    }
    bar.finish_and_clear();
    let snapshots = stream::iter(contents.jobs.chunks(64)).map(async |jobs| {
        let jobs = jobs.iter().filter(|job| job.has_snapshot).map(|job| job.id).collect();
        for (job, stored) in from.load_many(jobs).await? {
            if let Some(snapshot) = stored.snapshot {
                to.snapshot(job, snapshot).await?;
            }
        }
        anyhow::Ok(())
    });
    snapshots.buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// The batches at these places: each job's part is read at once.
async fn batches_of(
    from: &Arc<dyn Whole>,
    contents: &Contents,
    window: &[Place],
) -> Result<Vec<(Position, Batch)>> {
    let mut parts = std::collections::BTreeMap::<u32, (u32, u32)>::new();
    for place in window {
        let part = parts.entry(place.job).or_insert((place.first, place.first));
        part.1 = place.first + place.count;
    }
    let reading = stream::iter(parts).map(async |(job, (first, end))| {
        let id = contents.job(job)?.id;
        let limit = usize::try_from(end - first)?;
        let events = from.history(id, first.into(), limit).await?;
        if events.len() != limit {
            bail!("events of job {id} are missing");
        }
        anyhow::Ok((
            job,
            events.into_iter().map(|(_, _, event)| event).collect::<std::collections::VecDeque<_>>(),
        ))
    });
    let mut events: std::collections::HashMap<u32, _> =
        reading.buffer_unordered(AT_ONCE).try_collect().await?;
    let mut batches = Vec::with_capacity(window.len());
    for place in window {
        let job = contents.job(place.job)?;
        let queue = events.get_mut(&place.job).context("a job's events were not read")?;
        let taken: Vec<_> = queue.drain(..usize::try_from(place.count)?).collect();
        let index: Option<IndexEntry> = (place.first == 0).then(|| job.entry.clone());
        let batch = Batch { job: job.id, expected: place.first.into(), events: taken, index };
        batches.push((Position(place.position), batch));
    }
    Ok(batches)
}

fn progress(total: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left");
    let bar = ProgressBar::new(total).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
