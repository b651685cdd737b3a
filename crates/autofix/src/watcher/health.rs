//! Whether the watcher does what it is for, found out by doing it: every five minutes the book is written and read back, a
//! file is written and its event awaited, the neighbours are asked. What came of it stands in `/health`, with the age of the
//! last beat of the loop.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{Opened, Watcher};
use crate::desk::{Clock, chain};

/// Between two checks.
const EVERY: Duration = Duration::from_secs(300);
/// Longest wait for an event, and for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A loop that is silent for longer is not well, in milliseconds.
const SILENT: i64 = 90_000;

/// What was found out.
#[derive(Debug)]
pub(crate) struct Health {
    clock: Clock,
    beat: AtomicI64,
    moving: AtomicUsize,
    projects: AtomicUsize,
    scans: AtomicUsize,
    /// The next scan starts a job for every file.
    pub(super) scan_all: AtomicBool,
    canary: watch::Sender<Option<PathBuf>>,
    checks: Mutex<Vec<Check>>,
}

/// A check and its result.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    name: &'static str,
    ok: bool,
    at: String,
    took_ms: u128,
    detail: String,
}

impl Health {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            beat: AtomicI64::new(clock.now()),
            clock,
            moving: AtomicUsize::new(0),
            projects: AtomicUsize::new(0),
            scans: AtomicUsize::new(0),
            scan_all: AtomicBool::new(false),
            canary: watch::Sender::new(None),
            checks: Mutex::default(),
        }
    }

    pub(super) fn beat(&self) {
        self.beat.store(self.clock.now(), Ordering::SeqCst);
    }

    pub(super) fn moving(&self, files: usize) {
        self.moving.store(files, Ordering::SeqCst);
    }

    pub(super) fn watching(&self, projects: usize) {
        self.projects.store(projects, Ordering::SeqCst);
    }

    pub(super) fn scanned(&self) {
        self.scans.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn canary_seen(&self, path: &Path) {
        self.canary.send_replace(Some(path.to_owned()));
    }

    pub(super) fn view(&self, blind: bool) -> Map<String, Value> {
        let age = self.clock.now() - self.beat.load(Ordering::SeqCst);
        let checks = self.checks.lock().clone();
        let well = age < SILENT && checks.iter().all(|check| check.ok);
        let all = json!({
            "condition": if well { "HEALTHY" } else { "DEGRADED" },
            "heartbeatAgeMs": age, "movingFiles": self.moving.load(Ordering::SeqCst),
            "projects": self.projects.load(Ordering::SeqCst), "scans": self.scans.load(Ordering::SeqCst),
            "everyFolderWatched": !blind, "checks": checks,
        });
        match all {
            Value::Object(all) => all,
            _ => Map::new(),
        }
    }

    fn keep(&self, checks: Vec<Check>) {
        for check in checks.iter().filter(|check| !check.ok) {
            tracing::warn!(check = check.name, detail = check.detail, "a health check failed");
        }
        *self.checks.lock() = checks;
    }
}

/// Checks, now and every five minutes.
pub(super) async fn run(watcher: &Watcher, opened: &Opened) {
    loop {
        let checks = vec![
            check(watcher, "book", async { book(watcher, opened) }).await,
            check(watcher, "events", canary(watcher)).await,
            check(watcher, "orchestrator", ask(opened, Some(&watcher.to.orchestrator))).await,
            check(watcher, "autofix", ask(opened, watcher.to.autofix.as_ref())).await,
        ];
        watcher.health.keep(checks);
        tokio::time::sleep(EVERY).await;
    }
}

async fn check(
    watcher: &Watcher,
    name: &'static str,
    work: impl Future<Output = Result<(), String>>,
) -> Check {
    let began = Instant::now();
    let done = match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_elapsed) => Err(format!("nothing within {PATIENCE:?}")),
    };
    let at =
        jiff::Timestamp::from_millisecond(watcher.clock.now()).map(|at| at.to_string()).unwrap_or_default();
    let took_ms = began.elapsed().as_millis();
    Check { name, ok: done.is_ok(), at, took_ms, detail: done.err().unwrap_or_default() }
}

fn book(watcher: &Watcher, opened: &Opened) -> Result<(), String> {
    opened.book.probe(watcher.clock.now()).map_err(|error| chain(&error))
}

/// Writes a file of its own and waits until its event has come all the way through the loop.
async fn canary(watcher: &Watcher) -> Result<(), String> {
    let path = watcher.canary().join(format!("{}", watcher.clock.now()));
    let mut seen = watcher.health.canary.subscribe();
    std::fs::write(&path, b"sings").map_err(|error| error.to_string())?;
    let heard = seen.wait_for(|last| last.as_ref() == Some(&path)).await.map(drop);
    std::fs::remove_file(&path).map_err(|error| error.to_string())?;
    heard.map_err(|error| error.to_string())
}

async fn ask(opened: &Opened, who: Option<&String>) -> Result<(), String> {
    let who = who.filter(|who| !who.is_empty()).ok_or("it is not declared")?;
    let answer = opened.client.get(format!("{who}/health")).timeout(PATIENCE).send().await;
    let answer = answer.map_err(|error| error.without_url().to_string())?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!("it answered {}", answer.status().as_u16()))
    }
}
