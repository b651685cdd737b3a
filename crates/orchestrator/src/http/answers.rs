//! How handlers answer: JSON or a problem body, and how bodies are read within their limits.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::command::Rejection;
use http_body_util::{BodyExt, Limited};
use journal::JournalError;
use protocol::{Code, Problem, headers};
use serde::{Serialize, de::DeserializeOwned};

use crate::core::CommandError;

/// How long a body may take to arrive.
const BODY: Duration = Duration::from_secs(30);

/// A problem on its way out.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// Whether the same call may well work in a moment.
fn is_passing(code: Code) -> bool {
    let of_one = matches!(code, Code::TooManyRequests | Code::ShuttingDown | Code::Recovering);
    of_one || matches!(code, Code::JournalAway | Code::NoLeader | Code::LeaderLost)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, headers::PROBLEM_JSON)], body).into_response();
        response.extensions_mut().insert(self.0.code);
        if is_passing(self.0.code) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.0.code == Code::WrongToken {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self(match error {
            CommandError::UnknownJob(job) => Problem::new(Code::UnknownJob, format!("there is no job {job}")),
            CommandError::Rejected(rejection) => rejected(&rejection),
            CommandError::Journal(error) => journal_problem(&error),
            CommandError::Unreadable(detail) => {
                tracing::error!(error = %detail, "a job can't be read");
                Problem::new(Code::Internal, "the job can't be read; the log says why")
            }
            CommandError::KeyInUse { key, job } => {
                Problem::new(Code::KeyInUse, format!("live job {job} has the key '{key}'"))
                    .instance(format!("/api/jobs/{job}"))
            }
            CommandError::ShuttingDown => Problem::new(Code::ShuttingDown, "the orchestrator is stopping"),
        })
    }
}

/// A journal's error as its callers see it.
pub(super) fn journal_problem(error: &JournalError) -> Problem {
    match error {
        JournalError::Full => Problem::new(Code::DiskFull, "there is no room for the journal")
            .hint("nothing was changed; make room and call again"),
        JournalError::Stopped { reason } => {
            Problem::new(Code::JournalStopped, reason.clone()).hint("nothing was changed; start it again")
        }
        JournalError::Away { .. } => Problem::new(Code::JournalAway, "the journal can't be reached")
            .hint("nothing was changed; call again"),
        JournalError::Fenced { .. } => Problem::new(Code::NoLeader, error.to_string())
            .hint("nothing was changed; call again, and another orchestrator answers"),
        JournalError::Damaged { .. } => Problem::new(Code::JournalDamaged, error.to_string()),
        other => {
            tracing::error!(error = %other, "the journal refused");
            Problem::new(Code::Internal, "the journal refused; the log says why")
        }
    }
}

/// A rejection as its callers see it.
fn rejected(rejection: &Rejection) -> Problem {
    let detail = rejection.to_string();
    match rejection {
        Rejection::Superseded { run, current, .. } => {
            let problem = Problem::new(Code::Superseded, detail).with("run", run.to_string());
            let current = current.map_or(serde_json::Value::Null, |id| id.to_string().into());
            problem.with("currentAttempt", current).hint("stop working on it")
        }
        Rejection::ConflictingOutcome { .. } => Problem::new(Code::ConflictingOutcome, detail),
        Rejection::UnknownAttempt(_) => Problem::new(Code::UnknownAttempt, detail),
        Rejection::Duplicate | Rejection::RunNotReady { .. } | Rejection::NotNow { .. } => {
            Problem::new(Code::NotNow, detail)
        }
        Rejection::UnknownSignal(_) => Problem::new(Code::UnknownSignal, detail),
        Rejection::Limit(_) => Problem::new(Code::NotNow, detail),
        Rejection::PrerequisitesMissing { missing, .. } => {
            Problem::new(Code::PrerequisitesMissing, detail).with("missing", missing.clone())
        }
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, headers::JSON)], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer can't be written");
            Failure(Problem::new(Code::Internal, "the answer can't be written")).into_response()
        }
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let whole = Limited::new(body, limit).collect();
    let Ok(collected) = tokio::time::timeout(BODY, whole).await else {
        let detail = format!("the body did not arrive within {} s", BODY.as_secs());
        return Err(Problem::new(Code::MalformedJson, detail).into());
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let detail = format!("the body has more than {limit} bytes");
            Err(Problem::new(Code::PayloadTooLarge, detail)
                .hint("store what is large as an artifact and refer to it")
                .into())
        }
        Err(error) => {
            Err(Problem::new(Code::MalformedJson, format!("the body did not arrive whole: {error}")).into())
        }
    }
}

/// Reads a body that may also be left out.
pub(super) async fn optional_json<T: DeserializeOwned + Default>(
    body: Body,
    limit: usize,
) -> Result<T, Failure> {
    let body = read_body(body, limit).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| {
        Problem::new(Code::MalformedJson, error.to_string()).position(error.line(), error.column()).into()
    })
}

pub(super) async fn not_found() -> Failure {
    Problem::new(Code::NotFound, "there is nothing at this address")
        .hint("GET /openapi.json lists the addresses")
        .into()
}

pub(super) async fn method_not_allowed() -> Failure {
    Problem::new(Code::MethodNotAllowed, "this address does not know the method").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let silent = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        let given_up = read_body(Body::from_stream(silent), 1024).await.unwrap_err();
        assert_eq!(given_up.0.code, Code::MalformedJson);
    }
}
