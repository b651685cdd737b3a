//! What the watcher answers: queues, figures, a scan on demand, an undo passed on, and what the fixer is about to write.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::{Code, Problem, headers};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Opened, Watcher};
use crate::{desk::chain, paths::RelPath};

/// For a neighbour's answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The original's limit of completed and of failed ones.
const SHOWN: u32 = 50;

pub(super) fn routes(watcher: Arc<Watcher>) -> Router {
    Router::new()
        .route("/queues", get(queues))
        .route("/statistics", get(statistics))
        .route("/scan", post(scan))
        .route("/undo/{id}", post(undo))
        .route("/written", post(written))
        .with_state(watcher)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    project: String,
    file: RelPath,
    content_hash: String,
}

#[derive(Deserialize)]
struct Scan {
    #[serde(default)]
    all: bool,
}

fn refused(code: Code, detail: impl Into<String>) -> Response {
    let problem = Problem::new(code, detail);
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, headers::PROBLEM_JSON)], Json(problem)).into_response()
}

fn not_open() -> Response {
    refused(Code::ShuttingDown, "the watcher is not open yet")
}

/// `GET /queues`: what waits here and at the orchestrator, what runs, and the newest that ended.
async fn queues(State(watcher): State<Arc<Watcher>>) -> Response {
    let Some(opened) = watcher.opened.get() else { return not_open() };
    let (waiting, pending) = match (opened.book.waiting(), opened.book.pending()) {
        (Ok(waiting), Ok((pending, _))) => (waiting, pending),
        (Err(error), _) | (_, Err(error)) => return refused(Code::Internal, chain(&error)),
    };
    let mut queues = json!({ "pending": waiting, "pending_count": pending });
    for (name, states) in [
        ("in_progress", &["running", "waiting", "paused"][..]),
        ("completed", &["complete"]),
        ("failed", &["error"]),
    ] {
        let mut jobs = Vec::new();
        for state in states {
            match list(&watcher, opened, state).await {
                Ok(more) => jobs.extend(more),
                Err(trouble) => return refused(Code::ServiceUnreachable, trouble),
            }
        }
        jobs.truncate(SHOWN as usize);
        queues[name] = json!(jobs);
    }
    Json(queues).into_response()
}

async fn list(watcher: &Watcher, opened: &Opened, state: &str) -> Result<Vec<Value>, String> {
    let limit = SHOWN.to_string();
    let query = [("pipeline", "autofix"), ("state", state), ("limit", &limit)];
    let mut request = opened.client.get(format!("{}/api/jobs", watcher.to.orchestrator)).query(&query);
    if let Some(token) = &watcher.to.token {
        request = request.bearer_auth(token.reveal());
    }
    let said = |error: reqwest::Error| error.without_url().to_string();
    let answer = request.timeout(PATIENCE).send().await.and_then(reqwest::Response::error_for_status);
    let mut page: Value = answer.map_err(said)?.json().await.map_err(said)?;
    Ok(match page["jobs"].take() {
        Value::Array(jobs) => jobs,
        _ => Vec::new(),
    })
}

/// `GET /statistics`: its own figures, and those of the fixes.
async fn statistics(State(watcher): State<Arc<Watcher>>) -> Response {
    let mut all = json!({ "watcher": watcher.statistics() });
    if let (Some(opened), Some(autofix)) = (watcher.opened.get(), &watcher.to.autofix) {
        let answer = opened.client.get(format!("{autofix}/statistics")).timeout(PATIENCE).send().await;
        if let Ok(fixes) = async { answer?.error_for_status()?.json::<Value>().await }.await {
            fixes.as_object().into_iter().flatten().for_each(|(name, value)| all[name] = value.clone());
        }
    }
    Json(all).into_response()
}

/// `POST /scan`: looks at every file now. With `?all=true` every file starts a job, changed or not.
async fn scan(State(watcher): State<Arc<Watcher>>, Query(Scan { all }): Query<Scan>) -> Response {
    if all {
        watcher.health.scan_all.store(true, Ordering::SeqCst);
    }
    watcher.scan.notify_one();
    (StatusCode::ACCEPTED, Json(json!({ "scan": "is under way", "all": all }))).into_response()
}

/// `POST /undo/{id}`: passed on to the service that keeps what stood in the file.
async fn undo(State(watcher): State<Arc<Watcher>>, Path(id): Path<uuid::Uuid>) -> Response {
    let (Some(opened), Some(autofix)) = (watcher.opened.get(), &watcher.to.autofix) else {
        return not_open();
    };
    let answer = opened.client.post(format!("{autofix}/undo/{id}")).timeout(PATIENCE).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return refused(Code::ServiceUnreachable, error.without_url().to_string()),
    };
    let status = answer.status();
    let kind = if status.is_success() { headers::JSON } else { headers::PROBLEM_JSON };
    match answer.bytes().await {
        Ok(body) => (status, [(CONTENT_TYPE, kind)], body).into_response(),
        Err(error) => refused(Code::ServiceUnreachable, error.without_url().to_string()),
    }
}

/// `POST /written`: the fixer is about to write this content. It counts once it is in the book.
async fn written(State(watcher): State<Arc<Watcher>>, body: Bytes) -> Response {
    let Some(opened) = watcher.opened.get() else { return not_open() };
    let Written { project, file, content_hash } = match serde_json::from_slice(&body) {
        Ok(written) => written,
        Err(error) => return refused(Code::InvalidField, error.to_string()),
    };
    match opened.book.own(&project, &file, &content_hash) {
        Ok(()) => Json(json!({ "known": true })).into_response(),
        Err(error) => refused(Code::Internal, chain(&error)),
    }
}
