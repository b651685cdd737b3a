//! Rejected callbacks for operators: look, apply, drop.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{
    command::{Command, Outcome},
    ids::{AttemptId, JobId},
    job::{Job, RunRef, RunState},
    pipeline::Pipeline,
};
use protocol::{Callback, Code, Problem, headers::START_LIMIT};
use serde::Deserialize;
use serde_json::json;

use super::{
    App, Failure, Shared, access,
    answers::{json as answer, optional_json},
    commands::{job_id, who},
    extract::{self, Path, Query},
};
use crate::{
    callback::{Said, said},
    core::CommandError,
    rejected::{Claim, RejectedCallback},
};

/// Most of a list.
const MOST: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    job: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/callbacks?job=&limit=`: the newest first.
pub(super) async fn list_callbacks(
    State(app): State<Shared>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let job = query.job.as_deref().map(job_id).transpose()?;
    let kept = app.rejected.list(job, extract::limit(query.limit, MOST)?);
    let shown: Vec<_> = kept.iter().map(RejectedCallback::view).collect();
    Ok(answer(StatusCode::OK, &json!({ "callbacks": shown })))
}

fn unknown(id: &str) -> Failure {
    Problem::new(Code::UnknownCallback, format!("no rejected callback '{id}' is kept"))
        .hint("GET /api/callbacks lists them")
        .into()
}

/// `POST /api/callbacks/{id}/drop`.
pub(super) async fn drop_callback(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    match id.parse().is_ok_and(|id| app.rejected.drop_one(id)) {
        true => Ok(answer(StatusCode::OK, &json!({ "id": id, "dropped": true }))),
        false => Err(unknown(&id)),
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Whose {
    /// For a callback of nobody we know.
    #[serde(default)]
    job_id: Option<String>,
}

/// `POST /api/callbacks/{id}/apply`: what it says is taken as the outcome of the attempt that is under way for the same run,
/// whose service is told to stop. Where none is under way, a success is taken as the result of the run that failed or waits to be
/// tried again; a run that is through has to be done again first.
pub(super) async fn apply_callback(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let whose: Whose = optional_json(body, START_LIMIT).await?;
    let kept = id.parse().ok().and_then(|id| app.rejected.get(id)).ok_or_else(|| unknown(&id))?;
    let named = whose.job_id.as_deref().map(job_id).transpose()?;
    let job = named.or(kept.job_id).ok_or_else(|| {
        Problem::field("/jobId", "nothing says which job it belongs to").hint("send {\"jobId\": \"…\"}")
    })?;
    if kept.is_note() {
        let detail = "only a note of it is kept: it was not understood, or nobody vouched for it";
        return Err(Problem::new(Code::NotNow, detail)
            .hint("its service has to send it again; drop it")
            .into());
    }
    let callback = Callback::parse(kept.callback.get().as_bytes())?;
    let (phase, before) = (callback.phase.clone(), kept.attempt_id);
    let Said::Ended(outcome) = said(callback) else {
        return Err(Problem::new(Code::NotNow, "a pause is no outcome: it can only be dropped").into());
    };
    let (run, live) = app
        .core
        .look(job, move |pipeline, job| meant(pipeline, job, before, phase.as_deref()))
        .await?
        .ok_or_else(|| {
            Problem::new(Code::NotNow, "it does not say which run it is of, and more than one could be")
        })?;
    match live {
        Some(attempt) => report(&app, job, attempt, outcome).await?,
        None => adopt(&app, job, run, outcome, who(&app, &headers)).await?,
    }
    app.rejected.drop_one(kept.id);
    Ok(answer(StatusCode::OK, &json!({ "id": kept.id, "jobId": job, "attemptId": live, "applied": true })))
}

/// The attempt that is under way has this outcome, whatever its service still does.
async fn report(app: &App, job: JobId, attempt: AttemptId, outcome: Outcome) -> Result<(), Failure> {
    let service = app.core.attempts().get(attempt).map(|live| live.service);
    app.core.command(job, Command::Report { attempt, outcome }).await?;
    if let Some(service) = service {
        let outbound = app.core.outbound().clone();
        tokio::spawn(async move { outbound.cancel(&service, attempt).await });
    }
    Ok(())
}

/// The run, of which no attempt is under way, has this result.
async fn adopt(app: &App, job: JobId, run: RunRef, outcome: Outcome, by: Arc<str>) -> Result<(), Failure> {
    let Outcome::Success { output, stats } = outcome else {
        let detail = "no attempt of its run is under way that could fail by it: it can only be dropped";
        return Err(Problem::new(Code::NotNow, detail).into());
    };
    let adopt = Command::Adopt { run, output, stats, by };
    match app.core.command(job, adopt).await {
        Ok(_) => Ok(()),
        Err(CommandError::Rejected(_)) => {
            Err(Problem::new(Code::NotNow, "its run neither failed nor waits to be tried again")
                .hint("have it done again with POST /api/jobs/{id}/rerun?from=PHASE, then apply")
                .into())
        }
        Err(other) => Err(other.into()),
    }
}

/// The run that a callback is of, by the attempt it names; where that is not known, the only one of its phase that is not
/// through. And the run's attempt that is under way.
fn meant(
    pipeline: &Pipeline,
    job: &Job,
    before: Option<AttemptId>,
    phase: Option<&str>,
) -> Option<(RunRef, Option<AttemptId>)> {
    let live = |at| match &job.run(at)?.state {
        RunState::Live(attempt) => Some(attempt.id),
        _ => None,
    };
    if let Some(record) = before.and_then(|before| job.attempts.get(&before)) {
        return Some((record.run, live(record.run)));
    }
    let phase = pipeline.resolve(phase?)?;
    let runs = (0u32..).zip(&job.phase(phase).runs);
    let open = runs.filter(|(_, run)| !matches!(run.state, RunState::Succeeded(_) | RunState::Superseded));
    let mut open = open.map(|(item, _)| RunRef { phase, item });
    let only = open.next()?;
    open.next().is_none().then(|| (only, live(only)))
}

/// Whether a callback that was answered so is kept for an operator.
pub(super) fn is_kept(code: Code) -> bool {
    matches!(code, Code::ConflictingOutcome | Code::Superseded | Code::UnknownJob | Code::UnknownAttempt)
}

/// Whether of a callback that was answered so a note is kept: it was not understood, or nobody vouched for it. What failed
/// for a reason of ours comes again by itself.
fn is_noted(code: Code) -> bool {
    matches!(
        code,
        Code::WrongToken
            | Code::NotAllowed
            | Code::MalformedJson
            | Code::InvalidUtf8
            | Code::InvalidField
            | Code::PayloadTooLarge
            | Code::UnsupportedMediaType
    )
}

/// Of a callback that was answered with a problem and is not kept: notes it, where an operator should know.
pub(super) fn note(app: &Shared, headers: &HeaderMap, failure: &Failure, said: Option<&Callback>) {
    if !is_noted(failure.0.code) {
        return;
    }
    let token = access::bearer(headers).or_else(|| said?.token.as_deref());
    let proven = token.and_then(|token| app.tokens.open(token));
    app.rejected.note(app.core.world().now(), &failure.0, Claim { proven, said });
}

/// Of a callback that was answered with a problem: keeps it.
pub(super) async fn keep(
    app: &Shared,
    failure: &Failure,
    whose: Option<(JobId, AttemptId)>,
    callback: Callback,
) {
    let (app, problem) = (app.clone(), failure.0.clone());
    let kept = tokio::task::spawn_blocking(move || {
        app.rejected.keep(app.core.world().now(), &problem, whose, &callback);
    });
    if let Err(error) = kept.await {
        tracing::error!(%error, "a rejected callback could not be kept");
    }
}
