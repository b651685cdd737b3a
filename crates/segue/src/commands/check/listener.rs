//! The orchestrator's side of the contract, as `segue check` plays it: takes callbacks and progress, answers as a real one
//! would or as badly as a check wants, keeps artifacts, and remembers what came.
//!
//! Every attempt has addresses of its own, so that a callback that names no attempt is still known by where it arrives.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::{Callback, CallbackAnswer, Code, Problem, headers::CALLBACK_LIMIT};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};
use uuid::Uuid;

use super::{super::answer::refused, artifacts};

/// Most that is read of a callback that is too large, so that its size can be told.
const MOST_READ: usize = 64 * CALLBACK_LIMIT;

/// How the next callback of an attempt is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// As an orchestrator does: 200, duplicate, 409.
    Honest,
    /// As that, but only once the start has been answered, or this time is over.
    AfterStart(Duration),
    /// 503.
    Busy,
    /// Not at all: the connection ends.
    Broken,
    /// A problem.
    Problem(Code),
}

/// A callback as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) size: usize,
    pub(super) json: bool,
    pub(super) bearer: Option<String>,
    /// None: it is not JSON, or no callback.
    pub(super) callback: Result<Arc<Callback>, Problem>,
    pub(super) members: Vec<String>,
    /// It had to wait for the start's answer, and that did not come.
    pub(super) before_start: bool,
}

/// What is known of an attempt.
#[derive(Debug, Default)]
pub(super) struct Seen {
    replies: VecDeque<Reply>,
    /// When `replies` is empty.
    pub(super) always: Option<Reply>,
    token: String,
    pub(super) start_answered: bool,
    pub(super) callbacks: Vec<Received>,
    pub(super) progress: usize,
    pub(super) progress_without_token: usize,
    outcome: Option<Value>,
}

/// The listener.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    attempts: Mutex<BTreeMap<Uuid, Seen>>,
    pub(super) artifacts: Mutex<BTreeMap<String, Bytes>>,
    changed: watch::Sender<u64>,
}

impl Listener {
    /// Listens until the process ends.
    pub(super) async fn start(listen: std::net::SocketAddr, public_url: Option<&str>) -> Result<Self> {
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("{listen} can't be listened on"))?;
        let own = format!("http://{}", listener.local_addr().context("the listener has no address")?);
        let url = public_url.unwrap_or(&own).trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared {
            attempts: Mutex::default(),
            artifacts: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let routes = Router::new()
            .route("/{attempt}/phase-complete", post(callback))
            .route("/{attempt}/progress", post(progress))
            .route("/artifacts", get(artifacts::list))
            .route("/artifacts/{*name}", get(artifacts::get).put(artifacts::put))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { url, shared })
    }

    /// Expects callbacks of an attempt, and answers them so; once these are used up honestly.
    pub(super) fn expect(&self, attempt: Uuid, token: &str, replies: &[Reply]) {
        let seen =
            Seen { replies: replies.iter().copied().collect(), token: token.to_owned(), ..Seen::default() };
        self.shared.attempts.lock().insert(attempt, seen);
    }

    /// Looks at an attempt or changes it. One that was never expected is empty.
    pub(super) fn with<T>(&self, attempt: Uuid, look: impl FnOnce(&mut Seen) -> T) -> T {
        let result = look(self.shared.attempts.lock().entry(attempt).or_default());
        self.shared.bump();
        result
    }

    /// Waits until there is something to be found; `None` if that takes longer than this.
    pub(super) async fn until<T>(
        &self,
        attempt: Uuid,
        patience: Duration,
        found: impl Fn(&Seen) -> Option<T>,
    ) -> Option<T> {
        tokio::time::timeout(patience, self.shared.until(attempt, found)).await.ok()
    }

    /// Waits until so many callbacks of an attempt have come.
    pub(super) async fn callbacks(&self, attempt: Uuid, count: usize, patience: Duration) -> bool {
        self.until(attempt, patience, |seen| (seen.callbacks.len() >= count).then_some(())).await.is_some()
    }
}

impl Shared {
    fn bump(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    async fn until<T>(&self, attempt: Uuid, found: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = self.attempts.lock().get(&attempt).and_then(&found) {
                return found;
            }
            // The sender is a field of `self`, so it cannot be gone.
            let _ = changed.changed().await;
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(value.strip_prefix("Bearer ")?.to_owned())
}

async fn callback(
    State(shared): State<Arc<Shared>>,
    Path(attempt): Path<Uuid>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(body) = to_bytes(body, MOST_READ).await else {
        return refused(&Problem::new(Code::PayloadTooLarge, "the callback is far too large"));
    };
    let reply = match shared.attempts.lock().get_mut(&attempt) {
        Some(seen) => seen.replies.pop_front().or(seen.always).unwrap_or(Reply::Honest),
        None => {
            return refused(&Problem::new(Code::UnknownAttempt, format!("there is no attempt {attempt}")));
        }
    };
    let mut before_start = false;
    if let Reply::AfterStart(patience) = reply {
        let answered = shared.until(attempt, |seen| seen.start_answered.then_some(()));
        before_start = tokio::time::timeout(patience, answered).await.is_err();
    }
    let members: BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_slice(&body).unwrap_or_default();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received = Received {
        size: body.len(),
        json: content_type.is_some_and(|text| text.starts_with("application/json")),
        bearer: bearer(&headers),
        callback: Callback::parse(&body).map(Arc::new),
        members: members.into_keys().collect(),
        before_start,
    };
    let answer = shared.answer(attempt, reply, received);
    shared.bump();
    match answer {
        Some(answer) => answer,
        // Ends the connection with nothing said: nothing in HTTP does that.
        None => std::panic::resume_unwind(Box::new("the connection breaks, as a check wants")),
    }
}

impl Shared {
    fn answer(&self, attempt: Uuid, reply: Reply, received: Received) -> Option<Response> {
        let mut attempts = self.attempts.lock();
        let seen = attempts.entry(attempt).or_default();
        let honest = honest(seen, &received);
        seen.callbacks.push(received);
        match reply {
            Reply::Honest | Reply::AfterStart(_) => Some(
                honest.map_or_else(|problem| refused(&problem), |answer| axum::Json(answer).into_response()),
            ),
            Reply::Busy => Some(refused(&Problem::new(Code::Recovering, "segue check wants it sent again"))),
            Reply::Broken => None,
            Reply::Problem(code) => Some(refused(&Problem::new(code, "segue check says that nobody waits"))),
        }
    }
}

/// As an orchestrator answers; what an accepted callback said is kept.
fn honest(seen: &mut Seen, received: &Received) -> Result<CallbackAnswer, Problem> {
    if received.size > CALLBACK_LIMIT {
        return Err(Problem::new(
            Code::PayloadTooLarge,
            format!("a callback has at most {CALLBACK_LIMIT} bytes"),
        ));
    }
    let callback = received.callback.as_ref().map_err(Clone::clone)?;
    if received.token() != Some(&*seen.token) {
        return Err(Problem::new(Code::WrongToken, "the callback does not carry the attempt's token"));
    }
    let outcome = outcome(callback);
    match &seen.outcome {
        None => {
            seen.outcome = Some(outcome);
            Ok(CallbackAnswer { accepted: true, duplicate: false, acknowledged: true })
        }
        Some(first) if *first == outcome => {
            Ok(CallbackAnswer { accepted: false, duplicate: true, acknowledged: true })
        }
        Some(_) => Err(Problem::new(Code::ConflictingOutcome, "the attempt has another outcome already")),
    }
}

impl Received {
    pub(super) fn token(&self) -> Option<&str> {
        let inside = || self.callback.as_ref().ok().and_then(|callback| callback.token.as_deref());
        self.bearer.as_deref().or_else(inside)
    }
}

/// What two callbacks of one attempt must have in common.
pub(super) fn outcome(callback: &Callback) -> Value {
    let said = |raw: &Option<Box<serde_json::value::RawValue>>| {
        raw.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null)
    };
    serde_json::json!({
        "success": callback.success, "output": said(&callback.output), "stats": said(&callback.stats),
        "checkpoint": said(&callback.checkpoint), "error": callback.error,
    })
}

async fn progress(
    State(shared): State<Arc<Shared>>,
    Path(attempt): Path<Uuid>,
    headers: HeaderMap,
) -> Response {
    let token = bearer(&headers);
    if let Some(seen) = shared.attempts.lock().get_mut(&attempt) {
        seen.progress += 1;
        seen.progress_without_token += usize::from(token.as_deref() != Some(&*seen.token));
    }
    shared.bump();
    axum::Json(serde_json::json!({ "accepted": true })).into_response()
}
