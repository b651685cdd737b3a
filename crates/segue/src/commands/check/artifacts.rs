//! Artifacts for a service that is checked: kept in memory until the check is over, so that large results have a place.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{ArtifactInfo, ArtifactList, Code, Problem, headers::ARTIFACT_HASH};

use super::{super::answer::refused, listener::Shared};

/// Most bytes of one.
const MOST: usize = 256 * 1024 * 1024;

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let artifacts = shared.artifacts.lock().iter().map(|(name, bytes)| info(name, bytes)).collect();
    Json(ArtifactList { artifacts }).into_response()
}

pub(super) async fn get(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match shared.artifacts.lock().get(&name) {
        Some(bytes) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], bytes.clone()).into_response(),
        None => refused(&unknown(&name)),
    }
}

pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if headers.contains_key(ARTIFACT_HASH) {
        return refused(&unknown(&name));
    }
    let Ok(bytes) = to_bytes(body, MOST).await else {
        return refused(&Problem::new(
            Code::PayloadTooLarge,
            format!("segue check takes at most {MOST} bytes"),
        ));
    };
    let info = info(&name, &bytes);
    shared.artifacts.lock().insert(name, bytes);
    (StatusCode::OK, Json(info)).into_response()
}

const MEDIA_TYPE: &str = "application/octet-stream";

fn info(name: &str, bytes: &[u8]) -> ArtifactInfo {
    ArtifactInfo {
        name: name.to_owned(),
        hash: blake3::hash(bytes).to_hex().to_string(),
        size: bytes.len() as u64,
        media_type: MEDIA_TYPE.to_owned(),
        phase: None,
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(Code::UnknownArtifact, format!("there is no artifact '{name}'"))
}
