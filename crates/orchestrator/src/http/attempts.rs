//! What services call: callbacks and progress.

use std::time::Instant;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::{
    command::{Command, Rejection},
    ids::{AttemptId, JobId},
    job::Job,
    pipeline::Pipeline,
};
use protocol::{Callback, CallbackAnswer, Code, Problem, Progress, headers::CALLBACK_LIMIT};

use super::{
    App, Failure, Shared, access,
    answers::{json, read_body},
    callbacks,
    extract::Path,
};
use crate::{
    callback::{Said, said},
    config::Role,
    core::CommandError,
    signature,
};

/// `POST /phase-complete`: how an attempt ended. Answered once that is durable.
pub(super) async fn post_phase_complete(
    State(app): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    phase_complete(app, &headers, body).await
}

/// The same, without a router before it.
pub(crate) async fn phase_complete(app: Shared, headers: &HeaderMap, body: Body) -> Response {
    take_callback(&app, headers, body).await.unwrap_or_else(|failure| {
        app.core.metrics().callback_rejected(failure.0.code);
        failure.into_response()
    })
}

async fn take_callback(app: &Shared, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    let since = Instant::now();
    let (body, callback) = match understood(app, headers, body).await {
        Ok(understood) => understood,
        Err(failure) => {
            callbacks::note(app, headers, &failure, None);
            return Err(failure);
        }
    };
    let (whose, answer) = match whose(app, headers, &callback).await {
        Ok(whose) => (Some(whose), report(app, whose, callback, since).await),
        Err(failure) => (None, Err(failure)),
    };
    if let Err(failure) = &answer {
        // Read once more rather than copied for the many that are accepted.
        let callback = Callback::parse(&body)?;
        match callbacks::is_kept(failure.0.code) {
            true => callbacks::keep(app, failure, whose, callback).await,
            false => callbacks::note(app, headers, failure, Some(&callback)),
        }
    }
    answer
}

/// A callback, where it is one and signed where it has to be.
async fn understood(app: &App, headers: &HeaderMap, body: Body) -> Result<(Bytes, Callback), Failure> {
    let body = read_body(body, CALLBACK_LIMIT).await?;
    if let Some(secret) = &app.callback_secret {
        signature::check(secret, headers, &body, app.core.world().now())?;
    }
    let callback = Callback::parse(&body)?;
    Ok((body, callback))
}

/// The attempt that a callback is about.
async fn whose(app: &App, headers: &HeaderMap, callback: &Callback) -> Result<(JobId, AttemptId), Failure> {
    let token = access::bearer(headers).or(callback.token.as_deref());
    match token.and_then(|token| app.tokens.open(token)) {
        Some(named) => by_token(callback, named),
        None if callback.attempt_id.is_some() || callback.token.is_some() || is_stranger(app, headers) => {
            Err(access::wrong_token())
        }
        None => by_name(app, headers, callback).await,
    }
}

async fn report(
    app: &App,
    (job, attempt): (JobId, AttemptId),
    callback: Callback,
    since: Instant,
) -> Result<Response, Failure> {
    let command = match said(callback) {
        Said::Ended(outcome) => Command::Report { attempt, outcome },
        Said::Paused(checkpoint) => Command::PauseAnswered { attempt, checkpoint },
    };
    match app.core.command_since(job, command, Some(since)).await {
        Ok(_) => Ok(json(StatusCode::OK, &CallbackAnswer::ACCEPTED)),
        Err(CommandError::Rejected(Rejection::Duplicate)) => {
            Ok(json(StatusCode::OK, &CallbackAnswer::DUPLICATE))
        }
        Err(CommandError::Rejected(Rejection::ConflictingOutcome { run })) => {
            Err(conflicting(app, job, attempt, &run.to_string()).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Somebody with a token that is neither an attempt's nor a caller's.
fn is_stranger(app: &App, headers: &HeaderMap) -> bool {
    access::bearer(headers).is_some() && (app.access.is_open() || app.access.caller(headers).is_none())
}

/// Today's form: the token says whose callback it is; what the body says besides must agree.
fn by_token(callback: &Callback, named: (JobId, AttemptId)) -> Result<(JobId, AttemptId), Failure> {
    let (job, attempt) = named;
    let agrees =
        callback.attempt_id.is_none_or(|id| id == attempt.0) && callback.job_id.is_none_or(|id| id == job.0);
    if agrees { Ok(named) } else { Err(access::wrong_token()) }
}

/// The original's form: the phase and the job's key are named. Only where callers need no token, or with one.
async fn by_name(app: &App, headers: &HeaderMap, callback: &Callback) -> Result<(JobId, AttemptId), Failure> {
    app.access.require(headers, Role::Operate)?;
    let phase = callback.phase.clone().ok_or_else(|| {
        Problem::field("/attemptId", "neither `attemptId` nor `phase` says what the callback is about")
    })?;
    let mut known_name = false;
    for pipeline in app.core.pipelines().values() {
        let Some(key) = pipeline.key_field.as_deref().and_then(|field| callback.name(field)) else {
            continue;
        };
        known_name = true;
        let Some(job) = super::routes::latest_job(app, pipeline, key).await? else { continue };
        let phase = phase.clone();
        let found = app.core.look(job, move |pipeline, job| attempt_of_phase(pipeline, job, &phase)).await?;
        return match found {
            Some(attempt) => Ok((job, attempt)),
            None => {
                Err(Problem::new(Code::UnknownAttempt, "the phase has had no attempt in this job").into())
            }
        };
    }
    if known_name || callback.job_id.is_some() {
        return Err(Problem::new(Code::UnknownJob, "there is no job of that name").into());
    }
    Err(Problem::field("/attemptId", "nothing in the callback names its job").into())
}

/// The attempt that a callback without attempt means: the live one, else the last there was.
fn attempt_of_phase(pipeline: &Pipeline, job: &Job, name: &str) -> Option<AttemptId> {
    let phase = pipeline.resolve(name)?;
    let of_phase = job.attempts.iter().filter(|(_, record)| record.run.phase == phase);
    of_phase.max_by_key(|(id, record)| (record.over.is_none(), record.turn, **id)).map(|(id, _)| *id)
}

async fn conflicting(app: &App, job: JobId, attempt: AttemptId, run: &str) -> Failure {
    let stored = app.core.look(job, move |pipeline, job| {
        let at = job.attempts.get(&attempt)?.run;
        match &job.run(at)?.state {
            engine::job::RunState::Succeeded(result) => {
                Some(serde_json::json!({ "success": true, "output": result.output.value(), "stats": result.stats.value() }))
            }
            _ => {
                let error = job.run(at)?.last_error.clone()?;
                let run = job.run_id(pipeline, at).to_string();
                Some(serde_json::json!({ "success": false, "run": run, "error": error }))
            }
        }
    });
    let outcome = stored.await.ok().flatten().unwrap_or_default();
    Problem::new(Code::ConflictingOutcome, format!("another outcome of {run} was accepted before"))
        .with("outcome", outcome)
        .into()
}

/// `POST /api/attempts/{id}/progress`: extends the lease, and is shown.
pub(super) async fn report_progress(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let attempt: AttemptId =
        id.parse().map_err(|_| Problem::new(Code::UnknownAttempt, "that is not the id of an attempt"))?;
    let named = access::bearer(&headers).and_then(|token| app.tokens.open(token));
    if named.is_none_or(|(_, named)| named != attempt) {
        return Err(access::wrong_token());
    }
    let body = read_body(body, 64 * 1024).await?;
    let said = Progress::parse(&body)?;
    app.core.progress(attempt, said).ok_or_else(|| {
        let detail = format!("attempt {attempt} is not under way");
        Problem::new(Code::Superseded, detail).hint("stop working on it")
    })?;
    Ok(json(StatusCode::OK, &serde_json::json!({ "accepted": true })))
}
