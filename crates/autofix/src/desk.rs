//! What the phases share: projects, ledger, scratch places, the model, the telling. Beside the phases it answers about them
//! (`/projects`, `/statistics`, `/failures`, `/escalations`, `/undo/{id}`) and tells of files that stay broken.

mod http;

use std::{
    fmt, io,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use futures::FutureExt;
use jiff::Timestamp;
use parking_lot::Mutex;
use phase_kit::{Companion, PhaseError};
use providers::{ChatModel, OpenAiChat};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use http::WatchedProject;

use crate::{
    escalation::Teller,
    ledger::{Counted, Failure, FileOf, Ledger},
    options::{AutofixOptions, Project},
    paths::RelPath,
    process::Surroundings,
    scratch::{Scratch, Taken},
};

/// A model that does not let us in is not asked again for so long, in milliseconds.
const LOCKED_OUT: i64 = 600_000;

/// Where the time comes from, in milliseconds since 1970.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn machine() -> Self {
        Self::new(|| Timestamp::now().as_millisecond())
    }

    /// Another one.
    #[must_use]
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    pub(crate) options: AutofixOptions,
    pub(crate) model: Option<Arc<dyn ChatModel>>,
    pub(crate) clock: Clock,
    folder: PathBuf,
    /// The watcher's address, where one is declared.
    pub(crate) watcher: Option<String>,
    opened: OnceLock<Opened>,
    /// Until when the model is not asked.
    locked_out: Mutex<i64>,
    /// Something may have to be told.
    tell: Notify,
    began: i64,
}

/// What is there once the service is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) scratch: Scratch,
    pub(crate) teller: Teller,
    pub(crate) client: reqwest::Client,
}

impl Desk {
    /// Over these options; nothing is opened yet.
    #[must_use]
    pub fn new(options: AutofixOptions, folder: PathBuf, watcher: Option<String>, clock: Clock) -> Self {
        let model =
            options.model.clone().map(|settings| Arc::new(OpenAiChat::new(settings)) as Arc<dyn ChatModel>);
        Self {
            model,
            folder,
            watcher,
            opened: OnceLock::new(),
            locked_out: Mutex::new(0),
            tell: Notify::new(),
            began: clock.now(),
            options,
            clock,
        }
    }

    pub(crate) fn opened(&self) -> Result<&Opened, PhaseError> {
        self.opened.get().ok_or_else(|| PhaseError::retry("not-open", "the service is not open yet"))
    }

    /// A project and its real folder.
    pub(crate) fn project(&self, name: &str) -> Result<(&Project, PathBuf), PhaseError> {
        let project = self.options.projects.get(name).ok_or_else(|| {
            let known = self.options.projects.keys().cloned().collect::<Vec<_>>().join(", ");
            PhaseError::permanent(
                "unknown-project",
                format!("there is no project {name:?}; there are: {known}"),
            )
        })?;
        let root = project.path.canonicalize().map_err(|error| {
            PhaseError::permanent("project-missing", format!("{}: {error}", project.path.display()))
        })?;
        Ok((project, root))
    }

    /// A scratch place like the project is now, and what commands see there.
    pub(crate) async fn place(
        &self,
        name: &str,
        project: &Project,
        root: &std::path::Path,
    ) -> Result<(Taken, Surroundings), PhaseError> {
        let place = self.opened()?.scratch.take(name, root, &project.link).await;
        let place = place.map_err(|error| PhaseError::retry("scratch-failed", chain(&error)))?;
        let build = place.build_folder().to_string_lossy().into_owned();
        let added = [
            ("CARGO_TARGET_DIR", build.as_str()),
            ("CARGO_TERM_COLOR", "never"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("NO_COLOR", "1"),
            ("CI", "1"),
        ];
        let added = added.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Ok((place, Surroundings { hidden: self.options.secret_variables(), added }))
    }

    /// Counts a failure. The ledger's own trouble is one to try again.
    pub(crate) fn count(&self, of: &FileOf<'_>, failure: &Failure) -> Result<Counted, PhaseError> {
        let counted = self.opened()?.ledger.failed(of, failure).map_err(|error| ledger_trouble(&error))?;
        if counted.level > 0 {
            self.tell.notify_one();
        }
        Ok(counted)
    }

    /// Whether the model may be asked now.
    pub(crate) fn may_ask(&self) -> bool {
        *self.locked_out.lock() <= self.clock.now()
    }

    /// The model did not let us in.
    pub(crate) fn lock_out(&self) {
        *self.locked_out.lock() = self.clock.now() + LOCKED_OUT;
    }

    fn open_all(&self) -> io::Result<()> {
        let ledger = Arc::new(Ledger::open(&self.folder).map_err(|error| io::Error::other(chain(&error)))?);
        let scratch = Scratch::open(self.folder.join("scratch"))?;
        let client = phase_kit::http_client().map_err(io::Error::other)?;
        let escalation = self.options.escalation.clone();
        let teller = Teller::new(Arc::clone(&ledger), escalation, client.clone(), self.clock.clone());
        for (name, project) in &self.options.projects {
            if !project.path.is_dir() {
                tracing::warn!(project = name, path = %project.path.display(), "the project's folder is not there");
            }
        }
        let opened = Opened { ledger, scratch, teller, client };
        self.opened.set(opened).map_err(|_| io::Error::other("opened twice"))
    }

    /// Tells what is due, now and whenever something is, until the end.
    async fn tell_on(&self, stop: &CancellationToken) {
        let Some(opened) = self.opened.get() else { return };
        loop {
            let next = opened.teller.tell_due().await.unwrap_or_else(|error| {
                tracing::error!(error = %chain(&error), "the outbox cannot be used");
                Some(self.clock.now() + 60_000)
            });
            let pause = next.map(|at| u64::try_from(at - self.clock.now()).unwrap_or(0));
            let due = async {
                match pause {
                    Some(pause) => tokio::time::sleep(std::time::Duration::from_millis(pause)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.tell.notified() => {}
                () = due => {}
            }
        }
    }

    /// The figures of the original's end, with the time since when.
    pub(crate) fn statistics(&self) -> Value {
        let Some(opened) = self.opened.get() else { return Value::Null };
        match opened.ledger.statistics() {
            Ok(figures) => {
                let mut all = json!(figures);
                let began = Timestamp::from_millisecond(self.began).map(|at| at.to_string());
                all["uptime_start"] = json!(began.unwrap_or_default());
                all["success_rate"] = json!(figures.success_rate());
                all
            }
            Err(error) => json!({ "error": chain(&error) }),
        }
    }
}

/// A content as it is now; none where the file is gone, is a link, or is no plain file.
pub(crate) fn live_content(root: &std::path::Path, file: &RelPath) -> io::Result<Option<Vec<u8>>> {
    let path = file.under(root);
    // A folder on the way that is a link would lead out of the project.
    let inside = path
        .parent()
        .and_then(|parent| parent.canonicalize().ok())
        .is_some_and(|parent| parent.starts_with(root));
    match path.symlink_metadata() {
        Ok(kind) if kind.is_file() && inside => std::fs::read(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

pub(crate) fn ledger_trouble(error: &crate::ledger::LedgerError) -> PhaseError {
    PhaseError::retry("ledger-failed", chain(error))
}

impl Companion for Desk {
    fn routes(self: Arc<Self>) -> axum::Router {
        http::routes(self)
    }

    fn health(&self) -> Map<String, Value> {
        let locked = *self.locked_out.lock() > self.clock.now();
        let ledger = self.opened.get().map(|opened| opened.ledger.probe(self.clock.now()));
        let word = match ledger {
            Some(Ok(())) => "ok".to_owned(),
            Some(Err(error)) => chain(&error),
            None => "not open".to_owned(),
        };
        Map::from_iter([("ledger".to_owned(), json!(word)), ("modelLockedOut".to_owned(), json!(locked))])
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { self.open_all() }.boxed()
    }

    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        async move {
            self.tell_on(&stop).await;
            stop.cancelled().await;
            tracing::info!(statistics = %self.statistics(), "auto-fix ends");
        }
        .boxed()
    }
}
