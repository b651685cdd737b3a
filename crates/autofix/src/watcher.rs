//! The service `watcher`: sees changes in the projects of the service `autofix` and starts a job for each.
//!
//! A change is in the book before it counts as seen, so neither a kill nor a full queue loses one: what happened while nobody
//! looked is found by comparing the contents with those that are known. What the fixer wrote itself is known by its hash.

mod book;
mod eyes;
mod health;
mod http;
mod look;
mod sender;
mod settle;

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::FutureExt;
use phase_kit::{Companion, catalog::Token};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc::Receiver};
use tokio_util::sync::CancellationToken;

use crate::{
    desk::{Clock, chain},
    paths::RelPath,
};

pub use book::{Book, Seen, Taken, Waiting};

use eyes::Eyes;
use health::Health;
use look::Looker;
use sender::JobSender;

/// What `[service.watcher.options]` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatcherOptions {
    /// A file is looked at when nothing has happened to it for so long, in seconds.
    pub debounce: f64,
    /// Jobs started in a second, at most.
    pub rate: f64,
}

impl Default for WatcherOptions {
    fn default() -> Self {
        Self { debounce: 2.0, rate: 50.0 }
    }
}

/// Where the others are.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    /// The orchestrator.
    pub orchestrator: String,
    /// What it wants to see.
    pub token: Option<Token>,
    /// The service `autofix`, which knows the projects.
    pub autofix: Option<String>,
}

/// The watcher.
#[derive(Debug)]
pub struct Watcher {
    options: WatcherOptions,
    folder: PathBuf,
    to: Neighbours,
    clock: Clock,
    opened: OnceLock<Opened>,
    /// Somebody wants all of it looked at.
    scan: Notify,
    /// There are jobs to start.
    more: Arc<Notify>,
    pub(crate) health: Health,
    began: i64,
}

#[derive(Debug)]
struct Opened {
    book: Arc<Book>,
    client: reqwest::Client,
    eyes: Eyes,
    events: parking_lot::Mutex<Option<Receiver<Vec<PathBuf>>>>,
}

/// Tells the watcher that a content is the fixer's own, before it is written. Without a watcher there is nobody to tell.
///
/// # Errors
/// Where there is one and it does not answer.
pub async fn tell_written(
    client: &reqwest::Client,
    watcher: Option<&str>,
    project: &str,
    file: &RelPath,
    hash: &str,
) -> Result<(), reqwest::Error> {
    let Some(watcher) = watcher else { return Ok(()) };
    let body = json!({ "project": project, "file": file, "contentHash": hash });
    let request = client.post(format!("{watcher}/written")).json(&body).timeout(Duration::from_secs(10));
    request.send().await?.error_for_status().map(drop).map_err(reqwest::Error::without_url)
}

impl Watcher {
    /// With these options; nothing is opened yet.
    #[must_use]
    pub fn new(options: WatcherOptions, folder: PathBuf, to: Neighbours, clock: Clock) -> Self {
        Self {
            options,
            folder,
            to,
            began: clock.now(),
            health: Health::new(clock.clone()),
            clock,
            opened: OnceLock::new(),
            scan: Notify::new(),
            more: Arc::default(),
        }
    }

    fn open_all(&self) -> io::Result<()> {
        let book = Book::open(&self.folder).map_err(|error| io::Error::other(chain(&error)))?;
        let client = phase_kit::http_client().map_err(io::Error::other)?;
        let (eyes, events) = Eyes::open().map_err(io::Error::other)?;
        let canary = self.folder.join("canary");
        std::fs::create_dir_all(&canary)?;
        eyes.watch(&canary);
        let events = parking_lot::Mutex::new(Some(events));
        let opened = Opened { book: Arc::new(book), client, eyes, events };
        self.opened.set(opened).map_err(|_| io::Error::other("opened twice"))
    }

    /// The folder of the file by which the health check sees whether events come.
    fn canary(&self) -> PathBuf {
        self.folder.join("canary")
    }

    async fn work(&self, stop: &CancellationToken) {
        let Some(opened) = self.opened.get() else { return };
        let Some(events) = opened.events.lock().take() else { return };
        let sender = JobSender {
            book: Arc::clone(&opened.book),
            client: opened.client.clone(),
            orchestrator: self.to.orchestrator.clone(),
            token: self.to.token.clone(),
            clock: self.clock.clone(),
            rate: self.options.rate.max(0.1),
            more: Arc::clone(&self.more),
        };
        let send = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sender.run() => {}
            }
        };
        let check = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = health::run(self, opened) => {}
            }
        };
        let quiet = Duration::from_secs_f64(self.options.debounce.clamp(0.0, 60.0));
        let look = Looker::new(self, opened, quiet).run(events, stop);
        tokio::join!(look, send, check);
    }

    fn statistics(&self) -> Value {
        let Some(opened) = self.opened.get() else { return Value::Null };
        let mut figures = opened.book.figures().unwrap_or_default();
        let pending = opened.book.pending().map_or(0, |(count, _)| count);
        figures.insert("pending".to_owned(), json!(pending));
        let began = jiff::Timestamp::from_millisecond(self.began).map(|at| at.to_string());
        figures.insert("uptime_start".to_owned(), json!(began.unwrap_or_default()));
        Value::Object(figures)
    }
}

impl Companion for Watcher {
    fn routes(self: Arc<Self>) -> axum::Router {
        http::routes(self)
    }

    fn health(&self) -> Map<String, Value> {
        let blind = self.opened.get().is_some_and(|opened| opened.eyes.is_blind());
        self.health.view(blind)
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { self.open_all() }.boxed()
    }

    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        async move {
            self.work(&stop).await;
            tracing::info!(statistics = %self.statistics(), "the watcher ends");
        }
        .boxed()
    }
}
