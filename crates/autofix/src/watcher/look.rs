//! The watcher's loop: events in, files that have come to rest looked at, changes into the book.

use std::{path::PathBuf, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Opened, Watcher,
    book::{Seen, Taken},
    eyes::{Meaning, Project, meaning},
    settle::{Settle, Spot},
};
use crate::{
    desk::{WatchedProject, chain, live_content},
    ledger::LedgerError,
    paths::{RelPath, content_hash},
};

/// Files that are looked at in one go.
const BATCH: usize = 500;
/// Events taken in one go.
const EVENTS: usize = 4096;
/// A file that never rests is looked at after so many times the quiet.
const LONGEST: u32 = 5;
/// The loop shows that it lives so often.
const BEAT: Duration = Duration::from_secs(30);
/// Where folders cannot be watched, all is looked at so often.
const BLIND: Duration = Duration::from_secs(60);

/// The loop.
pub(super) struct Looker<'a> {
    watcher: &'a Watcher,
    opened: &'a Opened,
    settle: Settle,
    projects: Vec<Project>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(watcher: &'a Watcher, opened: &'a Opened, quiet: Duration) -> Self {
        Self { watcher, opened, settle: Settle::new(quiet, quiet * LONGEST), projects: Vec::new() }
    }

    /// Looks until it is to stop; then what waits is put into the book, at rest or not.
    pub(super) async fn run(mut self, mut events: Receiver<Vec<PathBuf>>, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => return,
            () = self.begin() => {}
        }
        let mut scanned = Instant::now();
        let mut heard = Vec::new();
        loop {
            self.watcher.health.beat();
            self.watcher.health.moving(self.settle.len());
            let at_rest = self.settle.next().unwrap_or_else(|| Instant::now() + BEAT);
            tokio::select! {
                () = stop.cancelled() => break,
                count = events.recv_many(&mut heard, EVENTS) => {
                    if count == 0 { break }
                    heard.drain(..).flatten().for_each(|path| self.hear(&path));
                }
                () = sleep_until(at_rest) => {
                    let due = self.settle.at_rest(Instant::now(), BATCH);
                    self.look_at(due, false).await;
                }
                () = sleep(BEAT) => {}
                () = self.watcher.scan.notified() => self.scan(self.watcher.health.scan_all.swap(false, Ordering::SeqCst)).await,
            }
            let blind = self.opened.eyes.is_blind() && scanned.elapsed() >= BLIND;
            if self.opened.eyes.lost_some() || blind {
                self.scan(false).await;
                scanned = Instant::now();
            }
        }
        while let Ok(paths) = events.try_recv() {
            paths.iter().for_each(|path| self.hear(path));
        }
        let left = self.settle.everything();
        self.look_at(left, false).await;
    }

    /// Asks for the projects until they are known, then watches them and looks what changed while nobody did.
    async fn begin(&mut self) {
        let mut pause = Duration::from_millis(100);
        let projects = loop {
            self.watcher.health.beat();
            match self.ask().await {
                Ok(projects) => break projects,
                Err(trouble) => {
                    tracing::info!(trouble, "waiting for the service autofix, which knows the projects");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        };
        self.projects = projects.iter().map(Project::new).collect();
        for project in &self.projects {
            if let Err(error) = self.begin_project(project).await {
                tracing::error!(project = project.name, error, "a project cannot be watched");
            }
        }
        self.watcher.health.watching(self.projects.len());
        self.watcher.more.notify_one();
        tracing::info!(projects = self.projects.len(), "the watcher sees changes");
    }

    async fn ask(&self) -> Result<Vec<WatchedProject>, String> {
        let url = self.watcher.to.autofix.as_ref().ok_or("no service `autofix` is declared")?;
        let said = |error: reqwest::Error| error.without_url().to_string();
        let request = self.opened.client.get(format!("{url}/projects")).timeout(Duration::from_secs(10));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(said)?;
        answer.json().await.map_err(said)
    }

    async fn begin_project(&self, project: &Project) -> Result<(), String> {
        let files = self.opened.eyes.watch_below(project, None).map_err(|error| error.to_string())?;
        let book = &self.opened.book;
        let said = |error: LedgerError| chain(&error);
        if book.knows(&project.name, &project.root).map_err(said)? {
            return self.compare(project, files, false).await.map(drop).map_err(said);
        }
        let seen = read(project, files).await;
        book.begin(&project.name, &project.root, &seen).map_err(said)?;
        tracing::info!(
            project = project.name,
            files = seen.len(),
            "a new project: its contents are put down"
        );
        Ok(())
    }

    /// Looks at all that is there and all that was.
    async fn compare(
        &self,
        project: &Project,
        mut files: Vec<RelPath>,
        all: bool,
    ) -> Result<Taken, LedgerError> {
        files.extend(self.opened.book.files(&project.name)?);
        files.sort();
        files.dedup();
        let mut total = Taken::default();
        for batch in files.chunks(BATCH) {
            let seen = read(project, batch.to_vec()).await;
            let taken = self.opened.book.take(&seen, all)?;
            total.changes += taken.changes;
            self.watcher.health.beat();
            self.watcher.more.notify_one();
        }
        Ok(total)
    }

    /// Looks at everything anew; with `all` every file starts a job.
    async fn scan(&self, all: bool) {
        for project in &self.projects {
            project.rules.forget();
            let files = match self.opened.eyes.watch_below(project, None) {
                Ok(files) => files,
                Err(error) => {
                    tracing::error!(project = project.name, %error, "a project cannot be looked at");
                    continue;
                }
            };
            match self.compare(project, files, all).await {
                Ok(taken) => {
                    tracing::info!(project = project.name, changes = taken.changes, "looked at everything")
                }
                Err(error) => tracing::error!(error = %chain(&error), "the watcher's book cannot be used"),
            }
        }
        self.watcher.health.scanned();
    }

    fn hear(&mut self, path: &std::path::Path) {
        let now = Instant::now();
        if path.starts_with(self.watcher.canary()) {
            return self.watcher.health.canary_seen(path);
        }
        match meaning(&self.projects, path) {
            Meaning::Nothing => {}
            Meaning::File(project, file) => self.settle.touch((project, file), now),
            Meaning::Folder(name, folder) => {
                let Some(project) = self.projects.iter().find(|project| project.name == name) else { return };
                match self.opened.eyes.watch_below(project, Some(&folder)) {
                    Ok(files) => {
                        files.into_iter().for_each(|file| self.settle.touch((name.clone(), file), now))
                    }
                    Err(error) => {
                        tracing::warn!(folder = folder.as_str(), %error, "a new folder cannot be looked at")
                    }
                }
            }
            Meaning::Rules(name) => {
                if let Some(project) = self.projects.iter().find(|project| project.name == name) {
                    project.rules.forget();
                    self.watcher.scan.notify_one();
                }
            }
        }
    }

    /// Puts what files are now into the book. One that the book refuses is looked at again later.
    async fn look_at(&mut self, spots: Vec<Spot>, all: bool) {
        for project in &self.projects {
            let of = spots.iter().filter(|(name, _)| *name == project.name).map(|(_, file)| file.clone());
            let files: Vec<RelPath> = of.collect();
            for batch in files.chunks(BATCH) {
                let seen = read(project, batch.to_vec()).await;
                if let Err(error) = self.opened.book.take(&seen, all) {
                    tracing::error!(error = %chain(&error), "the watcher's book cannot be used");
                    let again = Instant::now() + Duration::from_secs(5);
                    batch
                        .iter()
                        .for_each(|file| self.settle.touch((project.name.clone(), file.clone()), again));
                }
            }
        }
        self.watcher.more.notify_one();
    }
}

/// Reads and hashes, on a thread of its own. A file that cannot be read is as good as gone until its next event.
async fn read(project: &Project, files: Vec<RelPath>) -> Vec<Seen> {
    let (name, root) = (project.name.clone(), project.root.clone());
    let files: Vec<RelPath> = files.into_iter().filter(|file| project.wants(file)).collect();
    let work = tokio::task::spawn_blocking(move || {
        let look = |file: RelPath| {
            let content = live_content(&root, &file).unwrap_or_else(|error| {
                tracing::warn!(file = file.as_str(), %error, "a file cannot be read");
                None
            });
            Seen { project: name.clone(), hash: content.map(|content| content_hash(&content)), file }
        };
        files.into_iter().map(look).collect()
    });
    work.await.unwrap_or_default()
}
