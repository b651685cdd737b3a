//! Artifacts of a job: stored by its services under their attempt's token, or by callers; read with ranges and ETag.

use std::ops::RangeInclusive;

use axum::{
    body::Body,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    command::Command,
    ids::{AttemptId, JobId},
    job::Artifact,
};
use protocol::{Code, Problem, headers::ARTIFACT_HASH};

use super::{
    App, Failure, Shared,
    access::{self, Caller},
    answers::json as answer,
    audit,
    commands::job_id,
    extract::Path,
    rates::Peer,
};
use crate::{
    artifacts::{StoreError, info, is_valid_name},
    config::Role,
};

/// Who asks for or brings an artifact.
enum Bringer {
    /// An attempt of the job.
    Attempt(AttemptId),
    /// A caller.
    Caller(Caller),
}

fn admit(app: &App, headers: &HeaderMap, job: JobId, needed: Role) -> Result<Bringer, Failure> {
    match access::bearer(headers).and_then(|token| app.tokens.open(token)) {
        Some((of, attempt)) if of == job => Ok(Bringer::Attempt(attempt)),
        Some(_) => Err(access::wrong_token()),
        None => app.access.require(headers, needed).map(Bringer::Caller),
    }
}

/// `PUT /api/jobs/{id}/artifacts/{name}`: 201 once it is durable. With `x-artifact-hash` and no body a blob that is here
/// already gets one more name. What a caller stores is written down as every command is.
pub(super) async fn put_artifact(
    State(app): State<Shared>,
    peer: Option<Extension<Peer>>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let who = match job_id(&id).and_then(|job| admit(&app, &headers, job, Role::Operate)) {
        Ok(Bringer::Attempt(_)) => None,
        Ok(Bringer::Caller(caller)) => Some(caller.name.unwrap_or_else(|| "anyone".to_owned())),
        Err(_) => Some("stranger".to_owned()),
    };
    let path = format!("PUT /api/jobs/{id}/artifacts/{name}");
    let answer = store_artifact(&app, (id, name), &headers, body).await;
    if let Some(who) = who {
        let status =
            answer.as_ref().map_or_else(|failure| failure.0.code.status(), |ok| ok.status().as_u16());
        audit::stored(&app, who, &headers, peer.map(|Extension(peer)| peer), path, status).await;
    }
    answer
}

/// Stores an artifact of a job for whom may do that.
pub(super) async fn store_artifact(
    app: &App,
    (id, name): (String, String),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let job = job_id(&id)?;
    if !is_valid_name(&name) {
        let detail = "an artifact's name is a relative path of plain segments";
        return Err(Problem::field("/name", detail).into());
    }
    let attempt = match admit(app, headers, job, Role::Operate)? {
        Bringer::Attempt(attempt) => Some(attempt),
        Bringer::Caller(_) => None,
    };
    let (blob, pin) = match headers.get(ARTIFACT_HASH).and_then(|value| value.to_str().ok()) {
        Some(hash) => match app.artifacts.find(hash).await {
            Some(found) => found,
            None => {
                let detail = "there is no blob with this hash";
                return Err(Problem::new(Code::UnknownArtifact, detail).hint("send the body").into());
            }
        },
        None => app.artifacts.store(body.into_data_stream()).await.map_err(|error| store_problem(&error))?,
    };
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let artifact = Artifact {
        hash: blob.hash.as_str().into(),
        size: blob.size,
        media_type: media_type.unwrap_or("application/octet-stream").into(),
        run: None,
    };
    let about = info(&name, &artifact);
    app.core.command(job, Command::StoreArtifact { name: name.into(), artifact, attempt }).await?;
    drop(pin);
    Ok(answer(StatusCode::CREATED, &about))
}

fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::TooLarge(_) => Problem::new(Code::PayloadTooLarge, error.to_string()),
        StoreError::Broken(_) => Problem::new(Code::InvalidField, error.to_string()),
        StoreError::Disk(source) if source.kind() == std::io::ErrorKind::StorageFull => {
            Problem::new(Code::DiskFull, "there is no room for the artifact")
        }
        StoreError::Disk(source) => {
            tracing::error!(error = %source, "an artifact could not be written");
            Problem::new(Code::Internal, "the artifact could not be written; the log says why")
        }
    }
}

/// `GET /api/jobs/{id}/artifacts/`: all of them, by name.
pub(super) async fn list_artifacts(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = job_id(&id)?;
    admit(&app, &headers, job, Role::Read)?;
    let all = app.core.look(job, |_, job| {
        job.artifacts.iter().map(|(name, artifact)| info(name, artifact)).collect::<Vec<_>>()
    });
    Ok(answer(StatusCode::OK, &serde_json::json!({ "artifacts": all.await? })))
}

/// `GET /api/jobs/{id}/artifacts/{name}`.
pub(super) async fn get_artifact(
    State(app): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = job_id(&id)?;
    admit(&app, &headers, job, Role::Read)?;
    let wanted = name.clone();
    let found = app.core.look(job, move |_, job| job.artifacts.get(wanted.as_str()).cloned()).await?;
    let artifact = found
        .ok_or_else(|| Problem::new(Code::UnknownArtifact, format!("the job has no artifact '{name}'")))?;
    let etag = format!("\"{}\"", artifact.hash);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == etag || one.trim() == "*")) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = match asked(range, artifact.size) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::Beyond => {
            let size = format!("bytes */{}", artifact.size);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, size)]).into_response());
        }
    };
    send(&app, &artifact, &etag, range).await
}

async fn send(
    app: &App,
    artifact: &Artifact,
    etag: &str,
    range: Option<RangeInclusive<u64>>,
) -> Result<Response, Failure> {
    let gone = |error: std::io::Error| {
        tracing::error!(%error, hash = %artifact.hash, "a blob can't be read");
        Failure(Problem::new(Code::UnknownArtifact, "the artifact's blob is gone"))
    };
    let part = match &range {
        Some(range) => *range.start()..range.end().saturating_add(1),
        None => 0..artifact.size,
    };
    let stream = app.artifacts.read(&artifact.hash, part).await.map_err(gone)?;
    let mut headers = HeaderMap::new();
    let mut set = |name: header::HeaderName, text: String| {
        if let Ok(value) = text.parse() {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, artifact.media_type.to_string());
    set(header::ETAG, etag.to_owned());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    set(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned());
    let (status, length) = match &range {
        Some(range) => {
            let (from, to) = (range.start(), range.end());
            set(header::CONTENT_RANGE, format!("bytes {from}-{to}/{}", artifact.size));
            (StatusCode::PARTIAL_CONTENT, to - from + 1)
        }
        None => (StatusCode::OK, artifact.size),
    };
    set(header::CONTENT_LENGTH, length.to_string());
    Ok((status, headers, Body::from_stream(stream)).into_response())
}

/// What is asked for of a body.
#[derive(Debug, PartialEq)]
enum Asked {
    /// All of it: no range, or one that we do not understand and so have to leave (RFC 9110, 14.2), several among them.
    Whole,
    /// A part.
    Part(RangeInclusive<u64>),
    /// A part that is not there.
    Beyond,
}

fn asked(range: Option<&str>, size: u64) -> Asked {
    let Some((from, to)) = range.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that are too many for a number are a place far behind the end.
        true if !text.is_empty() => Some(text.parse::<u64>().unwrap_or(u64::MAX)),
        _ => None,
    };
    let (from, to) = (from.trim(), to.trim());
    let (first, last) = match (number(from), number(to)) {
        (Some(first), Some(last)) if first > last => return Asked::Whole,
        (Some(first), Some(last)) => (first, last),
        (Some(first), None) if to.is_empty() => (first, u64::MAX),
        (None, Some(0)) if from.is_empty() => return Asked::Beyond,
        (None, Some(suffix)) if from.is_empty() => (size.saturating_sub(suffix), u64::MAX),
        _ => return Asked::Whole,
    };
    match size.checked_sub(1) {
        Some(end) if first <= end => Asked::Part(first..=last.min(end)),
        _ => Asked::Beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_send_them_and_others_are_left() {
        let of = |text: &str, size| asked(Some(text), size);
        assert_eq!(asked(None, 10), Asked::Whole);
        assert_eq!(of("bytes=0-", 10), Asked::Part(0..=9));
        assert_eq!(of("bytes=2-4", 10), Asked::Part(2..=4));
        assert_eq!(of("bytes=2-400", 10), Asked::Part(2..=9));
        assert_eq!(of("bytes=-3", 10), Asked::Part(7..=9));
        assert_eq!(of("bytes=-300", 10), Asked::Part(0..=9));
        for text in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(of(text, 10), Asked::Beyond, "{text}");
        }
        for text in ["bytes=4-2", "bytes=a-b", "bytes=-", "bytes=+1-2", "lines=0-1", "bytes=0-1,3-4", ""] {
            assert_eq!(of(text, 10), Asked::Whole, "{text}");
        }
        assert_eq!(of("bytes=0-", 0), Asked::Beyond);
    }
}
