//! The routes of the stand-in orchestrator.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::{ArtifactList, Callback, CallbackAnswer, Code, Progress, headers};
use uuid::Uuid;

use super::{Answer, Received, Shared, TOKEN, problem};
use crate::reply::{Refusal, json};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/phase-complete", post(callback))
        .route("/api/attempts/{attempt}/progress", post(progress))
        .route("/api/jobs/{job}/artifacts", get(list))
        .route("/api/jobs/{job}/artifacts/{*name}", get(read).put(write))
        .layer(axum::extract::DefaultBodyLimit::max(256 * 1024 * 1024))
        .with_state(shared)
}

fn bearer(headers: &HeaderMap) -> String {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("").to_owned()
}

async fn callback(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    if body.len() > headers::CALLBACK_LIMIT {
        return Err(problem(Code::PayloadTooLarge).into());
    }
    let callback = Callback::parse(&body)?;
    let token = callback.token.clone().unwrap_or_else(|| bearer(&headers));
    if token != TOKEN {
        return Err(problem(Code::WrongToken).into());
    }
    let answer = {
        let mut seen = shared.seen.lock();
        let answer = seen.answers.pop_front().unwrap_or(Answer::Accept);
        seen.callbacks.push(Received { callback, token, answer: answer.clone() });
        answer
    };
    shared.bump();
    match answer {
        Answer::Accept => Ok(json(StatusCode::OK, &CallbackAnswer::ACCEPTED)),
        Answer::Refuse => Err(problem(Code::ShuttingDown).into()),
        Answer::Lose => Ok(StatusCode::BAD_GATEWAY.into_response()),
        Answer::Problem(code) => Err(problem(code).into()),
    }
}

async fn progress(
    State(shared): State<Arc<Shared>>,
    Path(attempt): Path<Uuid>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let progress = Progress::parse(&body)?;
    let refused = {
        let mut seen = shared.seen.lock();
        seen.progress.push((attempt, progress));
        seen.progress_answer
    };
    shared.bump();
    match refused {
        Some(code) => Err(problem(code).into()),
        None => Ok(json(StatusCode::OK, &CallbackAnswer::ACCEPTED)),
    }
}

async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let artifacts = shared.seen.lock().artifacts.values().map(|stored| stored.info.clone()).collect();
    json(StatusCode::OK, &ArtifactList { artifacts })
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((_, name)): Path<(Uuid, String)>,
) -> Result<Response, Refusal> {
    let stored =
        shared.seen.lock().artifacts.get(&name).cloned().ok_or_else(|| problem(Code::UnknownArtifact))?;
    Ok(([(header::CONTENT_TYPE, stored.info.media_type)], stored.bytes).into_response())
}

async fn write(
    State(shared): State<Arc<Shared>>,
    Path((_, name)): Path<(Uuid, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    if bearer(&headers) != TOKEN {
        return Err(problem(Code::WrongToken).into());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = match text(headers::ARTIFACT_HASH) {
        Some(hash) => {
            shared.seen.lock().blobs.get(hash).cloned().ok_or_else(|| problem(Code::UnknownArtifact))?
        }
        None => body,
    };
    let media_type = text("content-type").unwrap_or("application/octet-stream");
    let info = shared.store(&name, media_type, bytes);
    shared.bump();
    Ok(json(StatusCode::CREATED, &info))
}
