//! An orchestrator on a port of its own with the embedded journal in a folder, and a service that answers as it is told.
//! Waiting is for the thing itself, with a limit.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use engine::{
    ids::{AttemptId, JobId, Timestamp},
    pipeline::Pipeline,
};
use http_body_util::{BodyExt, Full};
use journal_embedded::{EmbeddedJournal, Options};
use orchestrator::{
    artifacts::ArtifactStore,
    audit::Audit,
    clock::{RealWorld, World},
    config,
    core::{Core, Fleet, Parts},
    http::{Access, App, Rates},
    memo::Memo,
    outbound::{Addresses, HttpOutbound, OutboundSettings},
    rejected::RejectedCallbacks,
    retention::Retention,
    schedules::Schedules,
    serve,
    token::TokenKey,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that takes every start with 202 and hands it to the test.
pub(crate) struct Service {
    pub(crate) url: String,
    starts: mpsc::UnboundedReceiver<Value>,
}

#[expect(clippy::disallowed_methods, reason = "a test takes what comes")]
pub(crate) async fn service() -> Service {
    let (sender, starts) = mpsc::unbounded_channel();
    let take = |State(sender): State<mpsc::UnboundedSender<Value>>, Json(start): Json<Value>| async move {
        let _ = sender.send(start);
        StatusCode::ACCEPTED
    };
    let app = Router::new().route("/start", post(take)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Service { url, starts }
}

impl Service {
    /// The next start that arrives.
    pub(crate) async fn next(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.starts.recv()).await.expect("a start within 30 s").unwrap()
    }

    /// What has arrived and was not looked at.
    pub(crate) fn waiting(&mut self) -> usize {
        let mut waiting = 0;
        while self.starts.try_recv().is_ok() {
            waiting += 1;
        }
        waiting
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// A clock that shows a moment, as in `2026-11-21T03:00:00Z`.
    pub(crate) fn at(moment: &str) -> Arc<Self> {
        let clock = Self(AtomicU64::new(0));
        clock.set(moment);
        Arc::new(clock)
    }

    pub(crate) fn set(&self, moment: &str) {
        let moment: jiff::Timestamp = moment.parse().unwrap();
        self.set_to(Timestamp(u64::try_from(moment.as_millisecond()).unwrap()));
    }

    pub(crate) fn set_to(&self, moment: Timestamp) {
        self.0.store(moment.0, Ordering::SeqCst);
    }
}

impl World for Clock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn job_id(&self) -> JobId {
        RealWorld.job_id()
    }

    fn attempt_id(&self) -> AttemptId {
        RealWorld.attempt_id()
    }
}

/// What an orchestrator is started with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) folder: PathBuf,
    pub(crate) pipeline: String,
    /// The whole of `services.toml`.
    pub(crate) services: String,
    pub(crate) listen: String,
    pub(crate) world: Arc<dyn World>,
}

impl Setup {
    /// Over a folder; its pipeline calls `service` for everything.
    pub(crate) fn new(folder: &Path, pipeline: &str, service: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            pipeline: pipeline.to_owned(),
            services: format!("[service.stub]\nurl = \"{service}\"\ncapacity = 100000\n"),
            listen: "127.0.0.1:0".to_owned(),
            world: Arc::new(RealWorld),
        }
    }
}

/// A running orchestrator.
pub(crate) struct Orchestrator {
    pub(crate) url: String,
    pub(crate) core: Core,
    pub(crate) app: App,
    listen: String,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Orchestrator {
    /// Starts one over a folder, on a given address or any; its pipelines call `service` for everything.
    pub(crate) async fn start(folder: &Path, pipeline: &str, service: &str, listen: Option<&str>) -> Self {
        let mut setup = Setup::new(folder, pipeline, service);
        setup.listen = listen.map_or(setup.listen, str::to_owned);
        Self::with(setup).await
    }

    /// Starts one.
    pub(crate) async fn with(setup: Setup) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let started = runtime.spawn(async move { start(setup).await });
        let (app, listen) = started.await.unwrap();
        Self { url: format!("http://{listen}"), core: app.core.clone(), app, listen, runtime: Some(runtime) }
    }

    /// Lets everything drop where it is, as kill -9 does; the address can be used again.
    pub(crate) async fn kill(mut self) -> String {
        let (runtime, listen) = (self.runtime.take().unwrap(), self.listen.clone());
        drop(self);
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
        listen
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        call("POST", &format!("{}{path}", self.url), body.to_string().into_bytes(), None).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        call("GET", &format!("{}{path}", self.url), Vec::new(), None).await
    }

    /// Waits until a job is over, and gives its status.
    pub(crate) async fn over(&self, job: &str) -> Value {
        let wait = async {
            loop {
                let (_, status) = self.get(&format!("/api/jobs/{job}")).await;
                if ["complete", "error", "cancelled", "validation_failed"]
                    .iter()
                    .any(|end| status["status"] == **end)
                {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("over within 30 s")
    }
}

/// Puts the parts together, as `segue orchestrate` does, and serves.
async fn start(setup: Setup) -> (App, String) {
    let Setup { folder, pipeline, services, listen, world } = setup;
    let listener = TcpListener::bind(&listen).await.unwrap();
    let listen = listener.local_addr().unwrap().to_string();
    let config = config::read(&services, &folder, &|_| None).unwrap();
    let tokens = TokenKey::load_or_make(&folder).unwrap();
    let public_url = format!("http://{listen}").into();
    let fleet = Fleet::new(&config.services);
    let outbound = HttpOutbound::new(OutboundSettings {
        fleet: fleet.clone(),
        addresses: Addresses { public_url, tokens: tokens.clone() },
        signing_secret: config.orchestrator.signing_secret.clone(),
        trust: config::trust(config.orchestrator.ca.as_deref()).unwrap(),
        world: world.clone(),
    });
    let mut options = Options::new(folder.join("journal"));
    options.segment_bytes = 1 << 20;
    let artifacts = Arc::new(ArtifactStore::open(&folder.join("artifacts"), 1 << 20).unwrap());
    let core = Core::new(Parts {
        journal: Arc::new(open(options).await),
        world,
        outbound: Arc::new(outbound),
        fleet,
        memo: Memo::open(&folder.join("memo")).unwrap().with_blobs(artifacts.clone()),
        pipelines: vec![Arc::new(Pipeline::parse(&pipeline).unwrap())],
    });
    let app = App {
        core: core.clone(),
        artifacts,
        schedules: Arc::new(Schedules::open(&folder.join("schedules.json")).unwrap()),
        rejected: Arc::new(RejectedCallbacks::open(&folder.join("callbacks")).unwrap()),
        rates: Arc::new(Rates::new(core.world().clone(), config.orchestrator.caller_rate)),
        audit: Audit::open(&folder, tokens.key_for("audit")).unwrap(),
        tls: config.orchestrator.tls.as_ref().map(|files| files.load().unwrap()),
        callback_secret: config
            .orchestrator
            .signing_secret
            .clone()
            .filter(|_| config.orchestrator.signed_callbacks),
        tokens,
        access: Access::new(&config.orchestrator.tokens),
        retention: Arc::new(Retention::new(Duration::from_secs(3600))),
        term: None,
        stopping: CancellationToken::new(),
    };
    serve::recover(&core).await.unwrap();
    let serving = app.clone();
    tokio::spawn(async move {
        serve::serve(listener, serving, CancellationToken::new()).await.unwrap();
    });
    (app, listen)
}

/// The folder's lock is free once the tasks of the one before are gone.
async fn open(options: Options) -> EmbeddedJournal {
    let wait = async {
        loop {
            match EmbeddedJournal::open(options.clone()) {
                Ok(opened) => return opened.journal,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the journal opens within 30 s")
}

/// A callback for a start.
pub(crate) async fn call_back(start: &Value, body: &Value) -> (u16, Value) {
    let url = start["callback"]["url"].as_str().unwrap();
    call("POST", url, body.to_string().into_bytes(), start["callback"]["token"].as_str()).await
}

/// One HTTP call with headers of its own; its status and JSON body.
pub(crate) async fn call_with(method: &str, url: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = hyper::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::new(body.to_owned().into())).unwrap()).await
}

/// One HTTP call; its status and JSON body.
pub(crate) async fn call(method: &str, url: &str, body: Vec<u8>, token: Option<&str>) -> (u16, Value) {
    let mut request =
        hyper::Request::builder().method(method).uri(url).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(request.body(Full::new(body.into())).unwrap()).await
}

async fn send(request: hyper::Request<Full<bytes::Bytes>>) -> (u16, Value) {
    let client: hyper_util::client::legacy::Client<_, Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
}
