//! The HTTP side of a service: start, status, pause, cancel, health; and its end.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
    serve::ListenerExt,
};
use protocol::{AttemptStatus, Code, PauseAnswer, Problem, ServiceHealth, StartRequest, headers};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    attempt::{self, Accepted, State as AttemptState, StopCause},
    folder_lock,
    register::Registered,
    reply::{Refusal, json},
    service::Service,
};

/// So often old records are looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(3600);
/// So long answers under way may take to leave after the drain. Connections that are only kept alive are not waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// So long results may take to be delivered after attempts were told to stop.
const LAST_CALLBACKS: Duration = Duration::from_secs(1);

/// So long a call to cancel waits for the attempt's end.
const STOPPING: Duration = Duration::from_secs(2);

type Answer = Result<Response, Refusal>;

/// Answers until `shutdown` ends and the running attempts have ended too, or the drain time is over. What an earlier process
/// left in the service's folder is taken up first.
///
/// # Errors
/// If the folder cannot be read or another process serves with it, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
    service: Service,
) -> io::Result<()> {
    serve_within(listener, shutdown, service, |routes| routes).await
}

/// As [`serve`], with routes or layers of one's own around the service's: measuring, tracing, faults on purpose.
///
/// # Errors
/// As [`serve`].
pub async fn serve_within(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
    service: Service,
    around: impl FnOnce(Router) -> Router,
) -> io::Result<()> {
    let service = Arc::new(service);
    // A forgetful one keeps no records, and still its folder to itself.
    if let Some(folder) = service.data_dir.as_ref().map(|folder| folder.join("attempts")) {
        tokio::fs::create_dir_all(&folder).await?;
        let lock = folder_lock::take(&folder).await?;
        *service.folder_lock.lock() = Some(lock);
    }
    let (routes, companion) = open_companion(&service).await?;
    attempt::recover(&service).await?;
    let cleaning = tokio::spawn(clean_now_and_then(Arc::clone(&service)));
    let mut registered = register(&service, listener.local_addr()?).await;
    let drained = CancellationToken::new();
    let (draining, at_end) = (Arc::clone(&service), drained.clone());
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let grace = service.timing.cancel_grace;
    let server =
        axum::serve(listener, around(routes.merge(router(service)))).with_graceful_shutdown(async move {
            shutdown.await;
            if let Some(registered) = &mut registered {
                registered.drain().await;
            }
            drain(&draining).await;
            if let Some(registered) = registered {
                registered.go().await;
            }
            at_end.cancel();
        });
    let result = tokio::select! {
        result = server => result,
        () = async { drained.cancelled().await; tokio::time::sleep(LAST_WORDS).await; } => Ok(()),
    };
    cleaning.abort();
    companion.end(grace).await;
    result
}

/// Makes the service known, where it is told to.
async fn register(service: &Service, listens: SocketAddr) -> Option<Registered> {
    let settings = service.registering.clone()?;
    let (client, version) = (service.client.clone(), &service.version);
    Some(Registered::start(settings, client, &service.name, version, service.capacity, listens).await)
}

/// What runs beside the phases, while it does.
struct Beside {
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl Beside {
    async fn end(self, grace: Duration) {
        self.stop.cancel();
        let Some(running) = self.running else { return };
        match tokio::time::timeout(grace, running).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "what ran beside the phases broke down"),
            Err(_) => tracing::error!("what ran beside the phases did not end in time"),
        }
    }
}

async fn open_companion(service: &Service) -> io::Result<(Router, Beside)> {
    let stop = CancellationToken::new();
    let Some(companion) = &service.companion else {
        return Ok((Router::new(), Beside { stop, running: None }));
    };
    companion.open().await?;
    let routes = Arc::clone(companion).routes();
    let running = Some(tokio::spawn(Arc::clone(companion).run(stop.clone())));
    Ok((routes, Beside { stop, running }))
}

/// The routes of a service, for whoever serves them otherwise. Unlike [`serve`] this takes up nothing from an earlier life.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/start", post(start))
        .route("/status/{attempt}", get(status))
        .route("/pause/{attempt}", post(pause))
        .route("/cancel/{attempt}", post(cancel))
        .route("/abort", post(abort))
        .route("/health", get(health))
        .fallback(|| async {
            Refusal(Problem::new(Code::NotFound, "a service has /start, /status, /pause, /cancel, /health"))
        })
        .method_not_allowed_fallback(|| async {
            Refusal(Problem::new(Code::MethodNotAllowed, "another method is needed here"))
        })
        .with_state(service)
}

async fn clean_now_and_then(service: Arc<Service>) {
    loop {
        tokio::time::sleep(CLEAN_EVERY).await;
        if let Err(error) = attempt::clean(&service).await {
            tracing::error!(%error, "old records cannot be removed");
        }
    }
}

/// Takes nothing new, lets what runs end. What does not end in time is run again by the next process where there is a folder;
/// without one the orchestrator is told that it may try elsewhere.
async fn drain(service: &Service) {
    let attempts = &service.attempts;
    attempts.draining.store(true, Ordering::SeqCst);
    let is_running = |live: &attempt::Live| {
        matches!(&*live.state.borrow(), AttemptState::Accepting | AttemptState::Running)
    };
    let survives = service.records.survive();
    let over = async {
        if survives { attempts.until_none(is_running).await } else { attempts.until_none(|_| true).await }
    };
    if tokio::time::timeout(service.timing.drain, over).await.is_err() && !survives {
        attempts.stop_all(StopCause::ShuttingDown);
        let last = service.timing.cancel_grace + LAST_CALLBACKS;
        if tokio::time::timeout(last, attempts.until_none(|_| true)).await.is_err() {
            tracing::error!(
                "stopped with results that the orchestrator did not take; it will find out by itself"
            );
        }
    }
    attempts.abandon.cancel();
}

async fn start(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let body = axum::body::to_bytes(body, headers::START_LIMIT).await.map_err(|_| {
        Problem::new(Code::PayloadTooLarge, format!("a start has at most {} bytes", headers::START_LIMIT))
    })?;
    check_signature(&service, &headers, &body)?;
    let start = StartRequest::parse(&body)?;
    if service.phase(&start.phase).is_none() {
        let does = service.phases.keys().copied().collect::<Vec<_>>().join(", ");
        let detail = format!("`{}` does not do `{}`; it does {does}", service.name, start.phase);
        return Err(Problem::new(Code::UnknownPhase, detail).pointer("/phase").into());
    }
    let raw: Box<RawValue> = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    let trace = headers.get(headers::TRACEPARENT).and_then(|value| value.to_str().ok()?.parse().ok());
    let accepting = tokio::spawn(attempt::accept(service, start, trace, raw.into()));
    let accepted = accepting
        .await
        .map_err(|_| Problem::new(Code::Internal, "accepting the start failed; the log says why"))??;
    Ok(match accepted {
        Accepted::Running => json(StatusCode::ACCEPTED, &json!({ "accepted": true })),
        Accepted::Done(callback) => json(StatusCode::OK, &*callback),
    })
}

fn check_signature(service: &Service, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let Some(secret) = &service.secret else { return Ok(()) };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    secret
        .verify(
            header(headers::WEBHOOK_ID),
            header(headers::WEBHOOK_TIMESTAMP),
            header(headers::WEBHOOK_SIGNATURE),
            body,
            (service.clock)(),
        )
        .map_err(|error| Problem::new(Code::WrongToken, error.to_string()))
}

/// By attempt id; by the job's key as in the original, where the path is no UUID.
async fn status(State(service): State<Arc<Service>>, Path(attempt): Path<String>) -> Answer {
    let Ok(attempt) = Uuid::parse_str(&attempt) else { return status_of_key(&service, &attempt) };
    let status = match service.attempts.find(attempt) {
        Some(live) => match &*live.state.borrow() {
            AttemptState::Done(callback) => AttemptStatus::Done { callback: Box::new((**callback).clone()) },
            AttemptState::Running => AttemptStatus::Running { progress: live.reporter.latest() },
            AttemptState::Accepting | AttemptState::Refused(_) => AttemptStatus::Unknown,
        },
        None => match attempt::remembered(&service, attempt)
            .await
            .map_err(|error| attempt::not_written(&error))?
        {
            Some(callback) => AttemptStatus::Done { callback: Box::new((*callback).clone()) },
            None => AttemptStatus::Unknown,
        },
    };
    Ok(json(StatusCode::OK, &status))
}

fn status_of_key(service: &Service, key: &str) -> Answer {
    let running = service.attempts.of_key(key);
    if running.is_empty() {
        return Err(Problem::new(Code::UnknownJob, format!("nothing runs here for `{key}`")).into());
    }
    let runs: Vec<_> = running
        .iter()
        .map(|live| json!({ "run": live.start.run, "attemptId": live.start.attempt_id, "progress": live.reporter.latest() }))
        .collect();
    Ok(json(StatusCode::OK, &json!({ "courseCode": key, "key": key, "status": "running", "runs": runs })))
}

async fn pause(State(service): State<Arc<Service>>, Path(attempt): Path<Uuid>) -> Answer {
    let callback = match service.attempts.find(attempt) {
        Some(live) => tokio::time::timeout(service.timing.pause_patience, live.pause())
            .await
            .map_err(|_| Problem::new(Code::NotNow, "the phase gave no checkpoint in time; it goes on"))?,
        None => attempt::remembered(&service, attempt)
            .await
            .map_err(|error| attempt::not_written(&error))?
            .ok_or_else(|| unknown(attempt))?,
    };
    match &callback.checkpoint {
        Some(checkpoint) => Ok(json(StatusCode::OK, &PauseAnswer { checkpoint: checkpoint.clone() })),
        None => Err(Problem::new(Code::NotNow, "the attempt ended before it could pause").into()),
    }
}

async fn cancel(State(service): State<Arc<Service>>, Path(attempt): Path<Uuid>) -> Answer {
    match service.attempts.find(attempt) {
        Some(live) => {
            live.stop(StopCause::Orchestrator);
            // Whoever wants its slot asks for it next. What takes longer to stop is not waited for.
            let mut state = live.state.subscribe();
            let over =
                state.wait_for(|state| !matches!(state, AttemptState::Accepting | AttemptState::Running));
            if tokio::time::timeout(STOPPING, over).await.is_err() {
                tracing::debug!(%attempt, "an attempt takes its time to stop");
            }
        }
        None => {
            let before =
                attempt::remembered(&service, attempt).await.map_err(|error| attempt::not_written(&error))?;
            before.ok_or_else(|| unknown(attempt))?;
        }
    }
    Ok(json(StatusCode::OK, &json!({ "cancelled": true })))
}

/// The original's way to stop: `{ "courseCode": "…" }`. The orchestrator hears of it by a callback.
async fn abort(State(service): State<Arc<Service>>, body: Body) -> Answer {
    let body = axum::body::to_bytes(body, headers::START_LIMIT)
        .await
        .map_err(|_| Problem::new(Code::PayloadTooLarge, "the body is too large"))?;
    let key: String = protocol::Fields::parse(&body)?.required("courseCode", "the job's key")?;
    let running = service.attempts.of_key(&key);
    if running.is_empty() {
        return Err(Problem::new(Code::UnknownJob, format!("nothing runs here for `{key}`")).into());
    }
    for live in &running {
        live.stop(StopCause::Operator);
    }
    Ok(json(StatusCode::OK, &json!({ "success": true, "aborted": running.len() })))
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    let health = ServiceHealth {
        name: service.name.clone(),
        version: service.version.clone(),
        phases: service.phases.keys().map(|&name| name.to_owned()).collect(),
        running: service.running(),
        capacity: service.capacity,
    };
    let more = service.companion.as_ref().map(|companion| companion.health()).unwrap_or_default();
    json(StatusCode::OK, &Health { own: health, more })
}

#[derive(Serialize)]
struct Health {
    #[serde(flatten)]
    own: ServiceHealth,
    #[serde(flatten)]
    more: Map<String, Value>,
}

fn unknown(attempt: Uuid) -> Refusal {
    Refusal(Problem::new(Code::UnknownAttempt, format!("the attempt {attempt} is not known here")))
}
