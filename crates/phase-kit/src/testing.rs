//! For tests of phases: an orchestrator that answers as told, and a host for a service that can be killed.
//!
//! Both speak real HTTP on ports of their own. Waiting is for the thing itself, with a limit, never for a time.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use protocol::{ArtifactInfo, Callback, CallbackTarget, Code, Problem, Progress, StartRequest};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{net::TcpListener, sync::watch};
use uuid::Uuid;

mod host;
mod routes;

pub use host::ServiceHost;

/// How long a test waits for something before it fails: only a broken one waits so long. Work such as speech takes tens of
/// seconds on a machine that has a hundred other things to do, and is not broken for that.
const PATIENCE: Duration = Duration::from_secs(180);

/// How the orchestrator answers a callback.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// 200, as for the first callback of a live attempt.
    Accept,
    /// 503, without having taken it.
    Refuse,
    /// Takes it, but the sender hears only a 502, as when the answer is lost on its way.
    Lose,
    /// A problem body of this code.
    Problem(Code),
}

/// A callback as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its body.
    pub callback: Callback,
    /// The bearer.
    pub token: String,
    /// How it was answered.
    pub answer: Answer,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    callbacks: Vec<Received>,
    progress: Vec<(Uuid, Progress)>,
    progress_answer: Option<Code>,
    answers: VecDeque<Answer>,
    artifacts: BTreeMap<String, Stored>,
    blobs: BTreeMap<String, bytes::Bytes>,
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    info: ArtifactInfo,
    bytes: bytes::Bytes,
}

#[derive(Debug)]
pub(crate) struct Shared {
    seen: Mutex<Seen>,
    changed: watch::Sender<u64>,
}

/// A stand-in for the orchestrator: records what services send, serves artifacts from memory, answers as told.
#[derive(Debug, Clone)]
pub struct FakeOrchestrator {
    shared: Arc<Shared>,
    address: SocketAddr,
    client: reqwest::Client,
}

/// The bearer of every attempt that a [`FakeOrchestrator`] starts.
pub const TOKEN: &str = "token-of-the-attempt";

impl FakeOrchestrator {
    /// Listens on a free port. It lives as long as the runtime it is started on.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { seen: Mutex::default(), changed: watch::Sender::new(0) });
        let router = routes::router(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shared, address, client: crate::http_client().expect("a client") }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next callbacks so; after them it accepts again.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.seen.lock().answers.extend(answers);
    }

    /// Answers progress with this problem from now on.
    pub fn refuse_progress(&self, code: Code) {
        self.shared.seen.lock().progress_answer = Some(code);
    }

    /// A start request for a phase, to be changed as the test needs it.
    ///
    /// # Panics
    /// If the input cannot be written as JSON.
    pub fn request(&self, phase: &str, input: &impl Serialize) -> StartRequest {
        let (job_id, attempt_id) = (Uuid::now_v7(), Uuid::now_v7());
        StartRequest {
            job_id,
            pipeline: "test".to_owned(),
            key: "spa_for_eng".to_owned(),
            phase: phase.to_owned(),
            run: phase.to_owned(),
            attempt: 1,
            attempt_id,
            priority: "medium".to_owned(),
            input: raw(input),
            item: RawValue::NULL.to_owned().into(),
            upstream: BTreeMap::new(),
            checkpoint: RawValue::NULL.to_owned().into(),
            deadline: None,
            callback: CallbackTarget {
                url: format!("{}/phase-complete", self.url()),
                progress_url: format!("{}/api/attempts/{attempt_id}/progress", self.url()),
                token: TOKEN.to_owned(),
            },
            artifacts_url: format!("{}/api/jobs/{job_id}/artifacts/", self.url()),
        }
    }

    /// Sends a start to a service and returns status and body.
    ///
    /// # Panics
    /// If the service does not answer with JSON.
    pub async fn offer(&self, service: &str, request: &StartRequest) -> (u16, serde_json::Value) {
        self.post(&format!("{service}/start"), request).await
    }

    /// Sends JSON anywhere and returns status and body.
    ///
    /// # Panics
    /// If there is no answer with JSON.
    pub async fn post(&self, url: &str, body: &impl Serialize) -> (u16, serde_json::Value) {
        let answer = self.client.post(url).json(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Asks anything and returns status and body.
    ///
    /// # Panics
    /// If there is no answer with JSON.
    pub async fn get(&self, url: &str) -> (u16, serde_json::Value) {
        let answer = self.client.get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// A context for a phase that is run without a service: `phase.run(fake.context(&request), input)`.
    #[must_use]
    pub fn context(&self, request: &StartRequest) -> crate::Context {
        crate::Context {
            start: Arc::new(request.clone()),
            trace: None,
            reporter: crate::reporter::Reporter::new(),
            cancel: tokio_util::sync::CancellationToken::new(),
            pause: tokio_util::sync::CancellationToken::new(),
            artifacts: crate::Artifacts::new(
                self.client.clone(),
                request.artifacts_url.clone(),
                request.callback.token.clone(),
                Duration::from_secs(1),
            ),
            data_dir: None,
        }
    }

    /// Every callback so far, however it was answered.
    #[must_use]
    pub fn callbacks(&self) -> Vec<Received> {
        self.shared.seen.lock().callbacks.clone()
    }

    /// Every progress so far.
    #[must_use]
    pub fn progress(&self) -> Vec<(Uuid, Progress)> {
        self.shared.seen.lock().progress.clone()
    }

    /// Waits for the callback of an attempt that was accepted.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn accepted(&self, attempt: Uuid) -> Callback {
        self.until("an accepted callback", |fake| {
            let callbacks = fake.callbacks();
            let accepted = callbacks
                .iter()
                .find(|one| one.callback.attempt_id == Some(attempt) && one.answer == Answer::Accept);
            accepted.map(|received| received.callback.clone())
        })
        .await
    }

    /// Waits until `found` finds something in what has arrived.
    ///
    /// # Panics
    /// If it does not for a long time; `what` says what was waited for.
    pub async fn until<T>(&self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        within(what, async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = found(self) {
                    return found;
                }
                changed.changed().await.expect("the sender lives in self");
            }
        })
        .await
    }

    /// Puts an artifact there, as an earlier phase would have.
    pub fn put_artifact(&self, name: &str, bytes: impl Into<bytes::Bytes>) {
        self.shared.store(name, "application/octet-stream", bytes.into());
    }

    /// The bytes of an artifact.
    #[must_use]
    pub fn artifact(&self, name: &str) -> Option<bytes::Bytes> {
        self.shared.seen.lock().artifacts.get(name).map(|stored| stored.bytes.clone())
    }

    /// Names of all artifacts.
    #[must_use]
    pub fn artifact_names(&self) -> Vec<String> {
        self.shared.seen.lock().artifacts.keys().cloned().collect()
    }
}

/// JSON text of a value, as start requests carry it.
///
/// # Panics
/// If the value cannot be written as JSON.
pub fn raw(value: &impl Serialize) -> Arc<RawValue> {
    Arc::from(to_raw_value(value).expect("JSON"))
}

/// Waits for something that must happen.
///
/// # Panics
/// If it does not for a long time.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

impl Shared {
    fn store(&self, name: &str, media_type: &str, bytes: bytes::Bytes) -> ArtifactInfo {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let info = ArtifactInfo {
            name: name.to_owned(),
            hash: hash.clone(),
            size: bytes.len() as u64,
            media_type: media_type.to_owned(),
            phase: None,
        };
        let mut seen = self.seen.lock();
        seen.blobs.insert(hash, bytes.clone());
        seen.artifacts.insert(name.to_owned(), Stored { info: info.clone(), bytes });
        info
    }

    fn bump(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

fn problem(code: Code) -> Problem {
    Problem::new(code, "as the test told me to")
}
