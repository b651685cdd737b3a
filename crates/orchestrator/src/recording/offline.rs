//! A recording in the dashboard's own pages, where there is no orchestrator: read only, and at any of its frames.
//!
//! Each frame is a whole orchestrator over a journal in memory that holds the events up to there, with nothing that acts: no
//! timers, no services, no recovery. So the pages, and all they ask for, are those of the real one. A frame has addresses of
//! its own (`/at/12/…`), which works because the pages name everything relative to where they are.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use dashboard::{CONTENT_SECURITY_POLICY, INDEX};
use engine::{
    apply,
    command::Command,
    ids::{AttemptId, JobId, Name, Timestamp},
    job::Job,
    payload::Payload,
};
use futures::future::BoxFuture;
use journal::{Batch, Journal, JournalError, MemoryJournal};
use parking_lot::Mutex;
use protocol::{Code, Problem};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Recording, replay};
use crate::{
    artifacts::{ArtifactStore, path_in},
    audit::Audit,
    clock::{World, moment},
    core::{Core, Fleet, Parts, index_entry},
    http::{Access, App, Failure, Rates, router},
    memo::Memo,
    outbound::{Addresses, Hearing, Offer, Outbound},
    rejected::RejectedCallbacks,
    retention::Retention,
    schedules::Schedules,
    token::TokenKey,
};

/// Frames that are held, the one looked at last first.
const HELD: usize = 8;

/// Why a recording can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Its events do not follow from each other.
    #[error(transparent)]
    Misfit(#[from] replay::Misfit),
    /// The folder for what is shown can't be used.
    #[error("the folder for the recording can't be used: {0}")]
    Folder(#[from] io::Error),
    /// The journal in memory refused its events.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A recording that is looked at.
pub struct Offline {
    recording: Recording,
    frames: serde_json::Value,
    /// For artifacts and the like.
    folder: PathBuf,
    held: Mutex<VecDeque<(usize, Router)>>,
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offline({} events)", self.recording.events.len())
    }
}

impl Offline {
    /// Lays a recording out in an empty folder.
    ///
    /// # Errors
    /// [`OfflineError`].
    pub fn open(recording: Recording, folder: &Path) -> Result<Self, OfflineError> {
        let replayed = replay::replay(&recording)?;
        let frames: Vec<_> = replayed
            .frames
            .iter()
            .map(|frame| {
                json!({ "at": moment(frame.at), "is": frame.name, "words": frame.words, "changes": frame.changes,
                        "because": frame.because })
            })
            .collect();
        let frames = json!({ "head": recording.head, "frames": frames, "differences": replayed.differences });
        let blobs = folder.join("artifacts");
        for (hash, bytes) in &recording.contents {
            // A content that is not what its hash says is not shown.
            let path = path_in(&blobs, hash).filter(|_| blake3::hash(bytes).to_hex().as_str() == hash);
            if let Some(path) = path {
                std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
                std::fs::write(path, bytes)?;
            }
        }
        let callbacks = folder.join("callbacks");
        std::fs::create_dir_all(&callbacks)?;
        for one in &recording.rejected {
            let id = one["id"].as_str().and_then(|id| id.parse::<Uuid>().ok());
            if let Some(id) = id {
                std::fs::write(callbacks.join(format!("{id}.json")), one.to_string())?;
            }
        }
        Ok(Self { recording, frames, folder: folder.to_owned(), held: Mutex::default() })
    }

    /// Answers a request: `/` leads to the last frame, `/at/N/…` is the dashboard and its API after N events.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let path = request.uri().path().to_owned();
        let last = self.recording.events.len();
        let Some((frame, rest)) = path.strip_prefix("/at/").and_then(|rest| rest.split_once('/')) else {
            let job = self.recording.head.job_id;
            let there = format!("/at/{last}/#/job/{job}");
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)]).into_response();
        };
        let Some(frame) = frame.parse().ok().filter(|frame| (1..=last).contains(frame)) else {
            return refused(Code::NotFound, &format!("the recording has the frames 1 to {last}"));
        };
        match rest {
            _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                refused(Code::MethodNotAllowed, "this is a recording: it can be looked at, and nothing else")
            }
            "" => page(),
            "replay.json" => axum::Json(json!({ "frame": frame, "recording": self.frames })).into_response(),
            rest => self.ask(frame, rest, request).await,
        }
    }

    /// Asks the orchestrator of a frame.
    async fn ask(&self, frame: usize, rest: &str, mut request: Request<Body>) -> Response {
        let router = match self.at(frame).await {
            Ok(router) => router,
            Err(error) => return refused(Code::Internal, &error.to_string()),
        };
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        match format!("/{rest}{query}").parse::<Uri>() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(error) => return refused(Code::NotFound, &error.to_string()),
        }
        router.oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    async fn at(&self, frame: usize) -> Result<Router, OfflineError> {
        let held = self.held.lock().iter().find(|(at, _)| *at == frame).map(|(_, router)| router.clone());
        if let Some(router) = held {
            return Ok(router);
        }
        let router = router(Arc::new(self.app(frame).await?));
        let mut held = self.held.lock();
        held.truncate(HELD - 1);
        held.push_front((frame, router.clone()));
        Ok(router)
    }

    /// An orchestrator that knows the first events of the job, and does nothing.
    async fn app(&self, frame: usize) -> Result<App, OfflineError> {
        let Recording { pipeline, events, stored, .. } = &self.recording;
        let mut job: Option<Job> = None;
        for (seq, event) in events.iter().take(frame).enumerate() {
            let misfit = |error: apply::IllegalEvent| replay::Misfit { seq, problem: error.to_string() };
            match &mut job {
                Some(job) => apply::apply(pipeline, job, event).map_err(misfit)?,
                None => job = Some(apply::create(pipeline, event).map_err(misfit)?),
            }
        }
        let journal = MemoryJournal::default();
        let now = job.as_ref().map_or(Timestamp(0), |job| job.updated_at);
        if let Some(job) = &job {
            journal.put_definition(job.definition.0, pipeline.source.to_string()).await?;
            let index = Some(index_entry(pipeline, job));
            let events = stored.iter().take(frame).cloned().collect();
            journal.append(Batch { job: job.id, expected: 0, events, index }).await?;
        }
        let world: Arc<dyn World> = Arc::new(Still(now));
        let tokens = TokenKey::new([0; 32]);
        let artifacts = Arc::new(ArtifactStore::open(&self.folder.join("artifacts"), 0)?);
        let core = Core::new(Parts {
            journal: Arc::new(journal),
            world: world.clone(),
            outbound: Arc::new(Nobody(tokens.clone())),
            fleet: Fleet::new(&BTreeMap::new()),
            memo: Memo::open(&self.folder.join("memo"))?,
            pipelines: vec![pipeline.clone()],
        });
        core.only_look();
        Ok(App {
            artifacts,
            schedules: Arc::new(Schedules::open(&self.folder.join("schedules.json"))?),
            rejected: Arc::new(RejectedCallbacks::open(&self.folder.join("callbacks"))?),
            rates: Arc::new(Rates::new(world, None)),
            audit: Audit::open(&self.folder, [0; 32])?,
            tls: None,
            callback_secret: None,
            tokens,
            access: Access::new(&[]),
            retention: Arc::new(Retention::new(Duration::MAX)),
            term: None,
            stopping: CancellationToken::new(),
            core,
        })
    }
}

/// The dashboard's page, with what frames through the recording.
fn page() -> Response {
    let bytes = dashboard::asset(INDEX).map_or(&[][..], |asset| asset.bytes);
    let script = "<script type=\"module\" src=\"dashboard/js/replay.js\"></script>\n</body>";
    let text = String::from_utf8_lossy(bytes).replace("</body>", script);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

fn refused(code: Code, detail: &str) -> Response {
    Failure(Problem::new(code, detail)).into_response()
}

/// A clock that stands at the moment of the last event.
#[derive(Debug)]
struct Still(Timestamp);

impl World for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn job_id(&self) -> JobId {
        JobId(Uuid::nil())
    }

    fn attempt_id(&self) -> AttemptId {
        AttemptId(Uuid::nil())
    }
}

/// Services that are not there. Nothing calls them, since nothing acts; were it called, it would come to nothing.
#[derive(Debug)]
struct Nobody(TokenKey);

impl Outbound for Nobody {
    fn offer<'a>(&'a self, _: Offer, _: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn cancel<'a>(&'a self, _: &'a Name, _: AttemptId) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(false))
    }

    fn pause<'a>(&'a self, _: &'a Name, _: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        Box::pin(std::future::ready(None))
    }

    fn probe<'a>(&'a self, _: &'a Name, _: AttemptId) -> BoxFuture<'a, Command> {
        Box::pin(std::future::pending())
    }

    fn addresses(&self) -> Addresses {
        Addresses { public_url: "http://recording.invalid".into(), tokens: self.0.clone() }
    }
}
