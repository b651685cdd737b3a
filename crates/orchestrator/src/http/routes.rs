//! `/api/{route}/{key}/…`: jobs by the names that their pipeline gives them, as the original's callers know them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{
    command::{Command, Start},
    ids::{JobId, PhaseIndex},
    payload::Payload,
    pipeline::{OnConflict, Pipeline},
};
use journal::Query;
use protocol::{Code, Problem, StartPhase, headers::START_LIMIT};
use serde_json::json;

use super::{
    App, Failure, Shared,
    answers::{journal_problem, json as answer, read_body},
    extract::Path,
    view,
};
use crate::core::{StartError, Started};

/// Longest key, in bytes.
const MAX_KEY_LEN: usize = 200;

pub(super) fn pipeline_of(app: &App, route: &str) -> Result<Arc<Pipeline>, Failure> {
    app.core.pipeline_by_route(route).ok_or_else(|| {
        Problem::new(Code::UnknownRoute, format!("no pipeline has the route '{route}'")).into()
    })
}

/// Whether a text can be a job's key.
pub(super) fn check_key(key: &str) -> Result<(), Failure> {
    let plain = |c: char| !c.is_control() && c != '/' && c != '\\';
    if key.is_empty() || key.len() > MAX_KEY_LEN || !key.chars().all(plain) {
        let detail = format!("a key has 1 to {MAX_KEY_LEN} bytes and no slashes or control characters");
        return Err(Problem::field("/key", detail).into());
    }
    Ok(())
}

/// The live job of a key, else the newest that has ended.
pub(super) async fn latest_job(app: &App, pipeline: &Pipeline, key: &str) -> Result<Option<JobId>, Failure> {
    if let Some(job) = app.core.find_live(&pipeline.name, key).await {
        return Ok(Some(job));
    }
    let query = Query {
        pipeline: Some(pipeline.name.to_string()),
        key: Some(key.to_owned()),
        limit: 1,
        ..Query::default()
    };
    let page = app.core.journal().list(query).await.map_err(|error| journal_problem(&error))?;
    Ok(page.entries.first().map(|(job, _)| *job))
}

/// `POST /api/{route}/{key}/start-phase`: a new job from the first phase, or a phase of the latest one again.
pub(super) async fn start_phase(
    State(app): State<Shared>,
    Path((route, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let pipeline = pipeline_of(&app, &route)?;
    check_key(&key)?;
    let said = StartPhase::parse(&read_body(body, START_LIMIT).await?)?;
    let phase = pipeline.resolve(&said.phase).ok_or_else(|| {
        let known: Vec<&str> = pipeline.phases.iter().map(|phase| phase.id.as_str()).collect();
        Problem::new(Code::UnknownPhase, format!("'{}' has no phase '{}'", pipeline.name, said.phase))
            .pointer("/phase")
            .hint(format!("its phases are {}", known.join(", ")))
    })?;
    crate::checks::input(&pipeline, &key, &said.input)?;
    let input = Payload::from_raw(said.input);
    let job = if pipeline.phase(phase).after.is_empty() {
        start_new(&app, &pipeline, &key, input, &headers).await?
    } else {
        start_again(&app, &pipeline, &key, phase, input).await?
    };
    let name = &pipeline.phase(phase).id;
    let body = json!({
        "success": true, "message": format!("{name} is started"), "jobId": job, "phase": name,
        "status": format!("/api/{route}/{key}/status"),
    });
    Ok(answer(StatusCode::ACCEPTED, &body))
}

async fn start_new(
    app: &App,
    pipeline: &Arc<Pipeline>,
    key: &str,
    input: Payload,
    headers: &HeaderMap,
) -> Result<JobId, Failure> {
    let start = Start {
        job: app.core.world().job_id(),
        key: key.into(),
        input,
        priority: None,
        mode: None,
        traceparent: traceparent(headers),
        idempotency_key: idempotency_key(headers),
    };
    Ok(start_job(app, pipeline, start).await?.0)
}

/// Starts a job as the pipeline's `on_conflict` says; true where it is a new one.
pub(crate) async fn start_job(
    app: &App,
    pipeline: &Arc<Pipeline>,
    start: Start,
) -> Result<(JobId, bool), Failure> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(Code::ShuttingDown, "the orchestrator is stopping").into());
    }
    let key = start.key.clone();
    for _ in 0..3 {
        match app.core.start(pipeline.clone(), start.clone()).await {
            Ok(Started::New(job)) => return Ok((job, true)),
            Ok(Started::Existing(job)) => return Ok((job, false)),
            Err(StartError::Command(error)) => return Err(error.into()),
            Err(StartError::KeyInUse { job, .. }) => match pipeline.on_conflict {
                OnConflict::Return => return Ok((job, false)),
                OnConflict::Restart => {
                    let reason = "started again".into();
                    app.core.command(job, Command::Cancel { reason, by: "restart".into() }).await?;
                }
                OnConflict::Reject => return Err(key_in_use(pipeline, &key, job)),
            },
        }
    }
    Err(Problem::new(Code::KeyInUse, format!("others keep starting jobs with the key '{key}'")).into())
}

fn key_in_use(pipeline: &Pipeline, key: &str, job: JobId) -> Failure {
    Problem::new(Code::KeyInUse, format!("a live job of '{}' has the key '{key}'", pipeline.name))
        .instance(format!("/api/jobs/{job}"))
        .with("jobId", job.to_string())
        .hint("wait for it, cancel it, or use another key")
        .into()
}

async fn start_again(
    app: &App,
    pipeline: &Pipeline,
    key: &str,
    phase: PhaseIndex,
    input: Payload,
) -> Result<JobId, Failure> {
    let name = pipeline.phase(phase).id.as_str();
    let Some(job) = latest_job(app, pipeline, key).await? else {
        let missing: Vec<&str> =
            pipeline.ancestors(phase).into_iter().map(|p| pipeline.phase(p).id.as_str()).collect();
        return Err(Problem::new(
            Code::PrerequisitesMissing,
            format!("'{name}' needs results that are not there"),
        )
        .with("missing", missing)
        .hint("start at the first phase")
        .into());
    };
    let id = name.to_owned();
    let from = app.core.look(job, move |pipeline, _| pipeline.resolve(&id)).await?;
    let Some(from) = from else {
        let detail = format!("job {job} has another definition of the pipeline, without '{name}'");
        return Err(Problem::new(Code::UnknownPhase, detail).into());
    };
    let input = (input.get() != "{}").then_some(input);
    app.core.command(job, Command::Rerun { from, input, by: "start-phase".into() }).await?;
    Ok(job)
}

/// `GET /api/{route}/{key}/status`.
pub(super) async fn status(
    State(app): State<Shared>,
    Path((route, key)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let pipeline = pipeline_of(&app, &route)?;
    match latest_job(&app, &pipeline, &key).await? {
        Some(job) => Ok(answer(StatusCode::OK, &view::job_status(&app, job).await?)),
        None => Ok(answer(StatusCode::OK, &view::idle(&pipeline, &key))),
    }
}

/// The caller's trace, where the header is well formed.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<Arc<str>> {
    let value = headers.get(protocol::headers::TRACEPARENT)?.to_str().ok()?;
    value.parse::<protocol::TraceContext>().ok().map(|context| context.to_string().into())
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Option<Arc<str>> {
    let value = headers.get(protocol::headers::IDEMPOTENCY_KEY)?.to_str().ok()?;
    (1..=200).contains(&value.len()).then(|| value.into())
}
