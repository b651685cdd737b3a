//! What the original's callers ask besides start and status: keys of a route, progress, the files of a phase.
//!
//! All of it is a view of jobs and artifacts: nothing is kept for these calls that is not kept anyway.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{
    command::Command,
    ids::{AttemptId, JobId},
    job::{Job, RunState},
    pipeline::Pipeline,
};
use journal::Query;
use protocol::{Code, JobStatus, Problem, ReportProgress, headers::CALLBACK_LIMIT};
use serde_json::{Value, json};

use super::{
    App, Failure, Shared,
    answers::{journal_problem, json as answer, read_body},
    artifacts,
    extract::Path,
    routes::{check_key, latest_job, pipeline_of},
    view,
};
use crate::clock::moment;

/// Jobs that are looked through for the keys of a route.
const JOBS: usize = 1_000;
/// Lines of the log in a progress answer.
const LINES: usize = 50;

/// The latest job of a key, or a problem.
async fn job_of(app: &App, pipeline: &Pipeline, key: &str) -> Result<JobId, Failure> {
    check_key(key)?;
    latest_job(app, pipeline, key).await?.ok_or_else(|| {
        Problem::new(Code::UnknownJob, format!("no job of '{}' has the key '{key}'", pipeline.name))
            .hint("POST …/start-phase starts one")
            .into()
    })
}

/// `GET /api/{route}`: every key with its newest job.
pub(super) async fn list_keys(
    State(app): State<Shared>,
    Path(route): Path<String>,
) -> Result<Response, Failure> {
    let pipeline = pipeline_of(&app, &route)?;
    let query = Query { pipeline: Some(pipeline.name.to_string()), limit: JOBS, ..Query::default() };
    let page = app.core.journal().list(query).await.map_err(|error| journal_problem(&error))?;
    let mut seen = std::collections::BTreeSet::new();
    let newest = page.entries.iter().filter(|(_, entry)| seen.insert(entry.key.clone()));
    let jobs: Vec<_> = newest.map(|(job, entry)| view::summary(*job, entry)).collect();
    Ok(answer(StatusCode::OK, &json!({ "pipeline": pipeline.name, "jobs": jobs })))
}

/// `GET /api/{route}/{key}/progress`, in the original's members.
pub(super) async fn get_progress(
    State(app): State<Shared>,
    Path((route, key)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let pipeline = pipeline_of(&app, &route)?;
    let job = job_of(&app, &pipeline, &key).await?;
    let status = view::job_status(&app, job).await?;
    let (definition, logs) = (app.core.look(job, numbers).await?, logs(&app, job, &status).await?);
    let mut phases = serde_json::Map::new();
    for (phase, number) in status.phases.iter().zip(definition) {
        let mut shown = json!({
            "phase": phase.phase, "status": phase.status, "startedAt": phase.started_at,
            "completedAt": phase.completed_at, "stats": phase.stats, "progress": phase.progress,
        });
        if let (Some(said), Some(shown)) = (&phase.progress, shown.as_object_mut()) {
            let unit = said.unit.as_deref().unwrap_or("units");
            shown.insert(format!("{unit}Completed"), json!(said.done));
            shown.insert(format!("{unit}Total"), json!(said.total));
        }
        phases.insert(number, shown);
    }
    let mut body = json!({
        "jobId": job, "currentPhase": status.current_phase, "overallStatus": status.status,
        "startTime": status.started_at, "lastUpdated": status.last_updated, "reason": status.reason,
        "estimatedCompletion": estimated(&status),
        "phases": phases, "recentLogs": logs,
    });
    if let Some(body) = body.as_object_mut() {
        body.extend(status.names.into_iter().map(|(name, key)| (name, Value::from(key))));
    }
    Ok(answer(StatusCode::OK, &body))
}

/// The number by which the original knows each phase, else its id.
fn numbers(pipeline: &Pipeline, _: &Job) -> Vec<String> {
    let of = |phase: &engine::pipeline::Phase| {
        phase.aliases.first().map_or_else(|| phase.id.to_string(), ToString::to_string)
    };
    pipeline.phases.iter().map(of).collect()
}

/// When half of the runs of the current phase would be through; none where nothing is known of it, nor how far it is.
fn estimated(status: &JobStatus) -> Option<jiff::Timestamp> {
    let phases = &status.estimate.as_ref()?.phases;
    Some(phases.get(status.current_phase.as_ref()?)?.ends_at?.p50)
}

/// What happened last, newest first; before it what the services say now.
async fn logs(app: &App, job: JobId, status: &JobStatus) -> Result<Vec<Value>, Failure> {
    let mut lines = Vec::new();
    for attempt in status.phases.iter().flat_map(|phase| &phase.running) {
        if let Some(message) = attempt.progress.as_ref().and_then(|said| said.message.as_deref()) {
            let message = format!("{}: {message}", attempt.run);
            lines.push(json!({ "time": attempt.last_heard, "level": "info", "message": message }));
        }
    }
    let from = status.events.saturating_sub(LINES as u64);
    let history = app.core.journal().history(job, from, LINES).await;
    for (_, _, bytes) in history.map_err(|error| journal_problem(&error))?.iter().rev() {
        let Ok(event) = crate::core::decode(bytes) else { continue };
        let whole: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let name = event.kind.name();
        let about = whole["is"][name].as_object();
        let about = about.and_then(|members| members.get("run").or_else(|| members.get("phase")));
        let about = about.and_then(Value::as_str).map_or_else(String::new, |run| format!("{run}: "));
        let message = format!("{about}{}", protocol::in_words(name));
        lines.push(json!({ "time": moment(event.at), "level": level(name), "message": message }));
    }
    lines.truncate(LINES);
    Ok(lines)
}

fn level(name: &str) -> &'static str {
    match name {
        _ if name.contains("Failed") => "error",
        _ if ["Suspected", "Retry", "Superseded", "TimedOut"].iter().any(|word| name.contains(word)) => {
            "warning"
        }
        _ => "info",
    }
}

/// `POST /api/{route}/{key}/progress`: how far the live attempt of a phase is, as the original's services say it.
pub(super) async fn post_progress(
    State(app): State<Shared>,
    Path((route, key)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let pipeline = pipeline_of(&app, &route)?;
    let said = ReportProgress::parse(&read_body(body, CALLBACK_LIMIT).await?)?;
    let job = job_of(&app, &pipeline, &key).await?;
    let phase = said.phase.clone();
    let attempt = app.core.look(job, move |pipeline, job| live_attempt(pipeline, job, &phase)).await?;
    let attempt = attempt.ok_or_else(|| {
        Problem::new(Code::UnknownPhase, format!("the job has no phase '{}'", said.phase)).pointer("/phase")
    })?;
    attempt
        .and_then(|attempt| app.core.progress(attempt, said.progress))
        .ok_or_else(|| Problem::new(Code::NotNow, format!("no attempt of '{}' is under way", said.phase)))?;
    Ok(answer(StatusCode::OK, &json!({ "success": true, "accepted": true })))
}

/// The live attempt of a phase, the newest of several; none where there is no such phase.
fn live_attempt(pipeline: &Pipeline, job: &Job, name: &str) -> Option<Option<AttemptId>> {
    let phase = pipeline.resolve(name)?;
    let live = job.open_runs().filter(|(at, _)| at.phase == phase).filter_map(|(_, run)| match &run.state {
        RunState::Live(attempt) => Some(attempt.id),
        _ => None,
    });
    Some(live.max())
}

/// `GET /api/{route}/{key}/phase-outputs/{phase}/{file}`: an artifact of the latest job.
pub(super) async fn get_output(
    State(app): State<Shared>,
    Path((route, key, phase, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = output_of(&app, &route, &key, &phase).await?;
    artifacts::get_artifact(State(app), Path((job.to_string(), file)), headers).await
}

/// `PUT /api/{route}/{key}/phase-outputs/{phase}/{file}`: another content; the one before stays beside it as `{file}.bak`.
pub(super) async fn put_output(
    State(app): State<Shared>,
    Path((route, key, phase, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let job = output_of(&app, &route, &key, &phase).await?;
    let name = file.clone();
    let before = app.core.look(job, move |_, job| job.artifacts.get(name.as_str()).cloned()).await?;
    // Between the two names nobody refers to it.
    let _pin = match &before {
        Some(artifact) => app.artifacts.find(&artifact.hash).await,
        None => None,
    };
    let stored = artifacts::store_artifact(&app, (job.to_string(), file.clone()), &headers, body).await?;
    if let Some(artifact) = before {
        let name = format!("{file}.bak").into();
        app.core.command(job, Command::StoreArtifact { name, artifact, attempt: None }).await?;
    }
    Ok(stored)
}

async fn output_of(app: &App, route: &str, key: &str, phase: &str) -> Result<JobId, Failure> {
    let pipeline = pipeline_of(app, route)?;
    if pipeline.resolve(phase).is_none() {
        let detail = format!("'{}' has no phase '{phase}'", pipeline.name);
        return Err(Problem::new(Code::UnknownPhase, detail).into());
    }
    job_of(app, &pipeline, key).await
}
