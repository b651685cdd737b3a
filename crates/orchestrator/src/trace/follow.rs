//! Sends the spans of all jobs to a collector.
//!
//! The follower reads the journal as the live stream does, and remembers how far it has come: nothing of it is on the hot path,
//! the journal is its queue, and neither a collector that is away nor a crash loses a span or, since ids are derived, doubles
//! one. What it holds is bounded; only what retention removes before the collector comes back is lost, and counted.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use engine::{
    event::{Event, EventKind},
    ids::JobId,
    pipeline::Pipeline,
};
use journal::{FeedItem, JournalError, Position, shelf::Shelf};
use serde::{Deserialize, Serialize};

use super::{
    Span,
    collector::{Collector, CollectorSettings, Sent},
    fold::Fold,
};
use crate::{
    core::{Core, decode},
    live::Happening,
    small_file,
};

/// Events that are read at once.
const READ: usize = 2_000;
/// Spans that are sent at once.
const SEND: usize = 512;
/// How long after something happened it is looked at, so that many spans go together.
const GATHER: Duration = Duration::from_millis(500);
/// Waits after a refusal that may pass, doubled each time up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Jobs whose open spans are held; what is not held is read again from the journal.
const HELD: usize = 20_000;
/// Its name on a shelf.
const ON_SHELF: &str = "traces";

/// How far the follower has come.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    position: Position,
}

/// Where it is kept how far the follower has come.
#[derive(Clone)]
pub enum Keeps {
    /// In a file.
    File(PathBuf),
    /// Where all orchestrators of a journal see it.
    Shelf(Arc<dyn Shelf>),
}

impl std::fmt::Debug for Keeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => write!(f, "Keeps({})", file.display()),
            Self::Shelf(_) => f.write_str("Keeps(shelf)"),
        }
    }
}

impl Keeps {
    async fn read(&self) -> Option<Position> {
        let bytes = match self {
            Self::File(file) => small_file::read(file).ok()??,
            Self::Shelf(shelf) => shelf.get(ON_SHELF.to_owned()).await.ok()??.to_vec(),
        };
        serde_json::from_slice::<Place>(&bytes).ok().map(|place| place.position)
    }

    async fn write(self, position: Position) -> Result<(), String> {
        let bytes = serde_json::to_vec(&Place { position }).map_err(|error| error.to_string())?;
        match self {
            Self::File(file) => tokio::task::spawn_blocking(move || small_file::replace(&file, &bytes))
                .await
                .map_err(|error| error.to_string())?
                .map_err(|error| error.to_string()),
            Self::Shelf(shelf) => {
                shelf.put(ON_SHELF.to_owned(), bytes.into()).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// Makes spans of what happens.
pub struct Follower {
    core: Core,
    collector: Collector,
    keeps: Keeps,
    held: HashMap<JobId, (Arc<Pipeline>, Fold)>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Follower({} jobs)", self.held.len())
    }
}

impl Follower {
    /// Over the jobs of an orchestrator; `keeps` says how far it has come.
    #[must_use]
    pub fn new(core: Core, settings: CollectorSettings, keeps: Keeps) -> Self {
        Self { core, collector: Collector::new(settings), keeps, held: HashMap::new() }
    }

    /// Follows until dropped.
    pub async fn run(mut self) {
        self.core.metrics().spans_enabled.set(1);
        let mut happenings = self.core.live().subscribe();
        let mut position = match self.keeps.read().await {
            Some(position) => position,
            // The first time: from the first thing that happens now on.
            None => loop {
                match happenings.recv().await {
                    Ok(Happening::Events(published)) => {
                        break Position(published.position.0.saturating_sub(1));
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                    Ok(Happening::Progress { .. }) | Err(_) => {}
                }
            },
        };
        loop {
            let reached = self.read_on(position).await;
            if reached == position {
                self.core.metrics().spans_lag.set(0);
                // Told, or missed being told: either way there is something to read.
                if matches!(happenings.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                    return;
                }
                tokio::time::sleep(GATHER).await;
                happenings = happenings.resubscribe();
                continue;
            }
            position = reached;
            let latest = self.core.live().latest().unwrap_or(position);
            self.core.metrics().spans_lag.set(latest.0.saturating_sub(position.0));
            self.keep(position).await;
        }
    }

    async fn keep(&self, position: Position) {
        if let Err(error) = self.keeps.clone().write(position).await {
            tracing::warn!(error, "how far traces have come can't be kept; spans may be sent again");
        }
    }

    /// Reads on from a place and sends what came of it; where it has come to.
    async fn read_on(&mut self, from: Position) -> Position {
        let items = match self.core.journal().feed(from, READ).await {
            Ok(items) => items,
            Err(JournalError::TooOld(kept)) => {
                self.core.metrics().spans_skipped.add(kept.0.saturating_sub(from.0));
                return kept;
            }
            Err(error) => {
                tracing::warn!(%error, "the journal can't be read for traces");
                tokio::time::sleep(AGAIN.0).await;
                return from;
            }
        };
        let mut reached = from;
        let mut spans = Vec::new();
        for item in items {
            reached = item.position;
            self.fold(&item, &mut spans).await;
        }
        for some in spans.chunks(SEND) {
            self.send(some).await;
        }
        reached
    }

    /// Takes an event; the spans that it closes.
    async fn fold(&mut self, item: &FeedItem, spans: &mut Vec<Span>) {
        let Ok(event) = decode(&item.event) else { return };
        let fits = self.held.get(&item.job).is_some_and(|(_, fold)| fold.events() == item.seq);
        if !fits && let Err(problem) = self.hold(item, &event).await {
            tracing::debug!(job = %item.job, problem, "no spans are made of a job");
            self.held.remove(&item.job);
            return;
        }
        let Some((pipeline, fold)) = self.held.get_mut(&item.job) else { return };
        // The first event has made the fold.
        if item.seq > 0 {
            fold.apply(pipeline, &event);
        }
        let closed = fold.take();
        if fold.is_sampled() {
            spans.extend(closed);
        }
        if !fold.is_open() {
            self.held.remove(&item.job);
        }
    }

    /// Brings a job's spans to where it was before an event; of its first one, to where it has just begun.
    async fn hold(&mut self, item: &FeedItem, event: &Event) -> Result<(), String> {
        if self.held.len() >= HELD {
            self.held.clear();
        }
        let mut before = Vec::new();
        if item.seq > 0 {
            let count = usize::try_from(item.seq).unwrap_or(usize::MAX);
            let history = self.core.journal().history(item.job, 0, count).await;
            for (_, _, event) in history.map_err(|error| error.to_string())? {
                before.push(decode(&event)?);
            }
        }
        let (first, rest) = match before.split_first() {
            Some((first, rest)) if before.len() as u64 == item.seq => (first, rest),
            None if item.seq == 0 => (event, &[][..]),
            _ => return Err("the journal has dropped it".to_owned()),
        };
        let mut fold = Fold::new(first).ok_or("its first event is not a start")?;
        let EventKind::JobStarted { definition, .. } = &first.kind else { return Ok(()) };
        let pipeline = self.core.definition(*definition).await.map_err(|error| error.to_string())?;
        rest.iter().for_each(|event| fold.apply(&pipeline, event));
        fold.take();
        self.held.insert(item.job, (pipeline, fold));
        Ok(())
    }

    /// Sends spans until the collector has taken or refused them.
    async fn send(&self, spans: &[Span]) {
        let metrics = self.core.metrics();
        let mut wait = AGAIN.0;
        loop {
            match self.collector.send(spans).await {
                Sent::Taken { rejected } => {
                    metrics.spans_exported.add((spans.len() as u64).saturating_sub(rejected));
                    metrics.spans_refused.add(rejected);
                    return;
                }
                Sent::Refused(error) => {
                    tracing::warn!(error, spans = spans.len(), "the trace collector refused spans");
                    metrics.spans_refused.add(spans.len() as u64);
                    return;
                }
                Sent::Later(error, after) => {
                    tracing::warn!(error, "the trace collector does not take spans; they are kept");
                    tokio::time::sleep(after.unwrap_or(wait).min(AGAIN.1)).await;
                    wait = (wait * 2).min(AGAIN.1);
                }
            }
        }
    }
}
