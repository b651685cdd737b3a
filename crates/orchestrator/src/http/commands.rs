//! What people do to a job. Every command is answered in every state.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{
    command::Command,
    ids::{JobId, Name, Priority},
    payload::Payload,
};
use protocol::{Code, Problem, SendSignal, SetPriority};
use serde::Deserialize;
use serde_json::json;

use super::{
    App, Failure, Shared,
    answers::{json as answer, optional_json, read_body},
    extract::{Path, Query},
};

const LIMIT: usize = protocol::headers::START_LIMIT;

pub(super) fn job_id(text: &str) -> Result<JobId, Failure> {
    text.parse()
        .map_err(|_| Problem::new(Code::UnknownJob, format!("'{text}' is not the id of a job")).into())
}

/// Who is named as the one who did it: the token's name, which nobody can make up, and for whom he says he acts.
pub(super) fn who(app: &App, headers: &HeaderMap) -> Arc<str> {
    let user = super::audit::on_behalf_of(headers);
    match (app.access.caller(headers).and_then(|caller| caller.name), user) {
        (Some(name), Some(user)) => format!("{name} for {user}").into(),
        (Some(name), None) => name.into(),
        (None, Some(user)) => user.into(),
        (None, None) => "api".into(),
    }
}

async fn give(app: &App, id: &str, command: Command) -> Result<Response, Failure> {
    let job = job_id(id)?;
    let reply = app.core.command(job, command).await?;
    let status = app.core.look(job, |_, job| crate::core::public_state(job)).await?;
    Ok(answer(StatusCode::OK, &json!({ "jobId": job, "status": status, "changed": reply.events > 0 })))
}

#[derive(Deserialize, Default)]
struct Reason {
    #[serde(default)]
    reason: Option<String>,
}

/// `POST /api/jobs/{id}/cancel`.
pub(super) async fn cancel_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let said: Reason = optional_json(body, LIMIT).await?;
    let reason = said.reason.unwrap_or_else(|| "cancelled".to_owned()).into();
    give(&app, &id, Command::Cancel { reason, by: who(&app, &headers) }).await
}

/// `POST /api/jobs/{id}/pause`.
pub(super) async fn pause_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    give(&app, &id, Command::Pause { by: who(&app, &headers) }).await
}

/// `POST /api/jobs/{id}/resume`.
pub(super) async fn resume_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    give(&app, &id, Command::Resume { by: who(&app, &headers) }).await
}

/// `POST /api/jobs/{id}/retry`.
pub(super) async fn retry_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    give(&app, &id, Command::Retry { by: who(&app, &headers) }).await
}

#[derive(Deserialize)]
pub(super) struct RerunQuery {
    from: String,
}

/// `POST /api/jobs/{id}/rerun?from=PHASE`.
pub(super) async fn rerun_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<RerunQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = job_id(&id)?;
    let name = query.from.clone();
    let from = app.core.look(job, move |pipeline, _| pipeline.resolve(&name)).await?;
    let from = from.ok_or_else(|| {
        Problem::new(Code::UnknownPhase, format!("the pipeline has no phase '{}'", query.from))
    })?;
    give(&app, &id, Command::Rerun { from, input: None, by: who(&app, &headers) }).await
}

/// `POST /api/jobs/{id}/priority`.
pub(super) async fn set_priority(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let said = SetPriority::parse(&read_body(body, LIMIT).await?)?;
    let priority = priority(&said.priority)?;
    give(&app, &id, Command::SetPriority { priority, by: who(&app, &headers) }).await
}

/// A priority's word.
pub(super) fn priority(word: &str) -> Result<Priority, Failure> {
    serde_json::from_value(json!(word))
        .map_err(|_| Problem::field("/priority", format!("'{word}' is no priority")).into())
}

/// `POST /api/jobs/{id}/signals/{name}`.
pub(super) async fn signal_job(
    State(app): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let said = SendSignal::parse(&read_body(body, LIMIT).await?)?;
    let name = Name::new(&name).map_err(|error| Problem::new(Code::UnknownSignal, error.to_string()))?;
    let by = said.by.map_or_else(|| who(&app, &headers), Arc::from);
    give(&app, &id, Command::Signal { name, payload: Payload::from_raw(said.payload), by }).await
}
