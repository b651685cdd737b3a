//! Jobs: start, look, list, why.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{command::Start, ids::JobId, payload::Payload, pipeline::duration};
use journal::Query;
use protocol::{Code, JobPage, JobState, Problem, StartJob, headers::START_LIMIT};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Failure, Shared,
    answers::{journal_problem, json as answer, read_body},
    commands::{job_id, priority},
    extract::{self, Path, Query as UrlQuery},
    routes, view, waiting,
};

/// Longest wait of `?wait=`.
const MAX_WAIT: Duration = Duration::from_secs(300);
/// Most jobs of a page.
const MAX_PAGE: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct WaitQuery {
    wait: Option<String>,
}

impl WaitQuery {
    /// How long the answer may wait for the job's end; `None`: it does not.
    fn read(&self) -> Result<Option<Duration>, Problem> {
        let read = |text: &String| duration::parse(text).map_err(|detail| Problem::field("?wait", detail));
        Ok(self.wait.as_ref().map(read).transpose()?.map(|wait| wait.min(MAX_WAIT)))
    }
}

/// `POST /api/jobs`: 201 for a new job, 200 for one that was there. With `?wait=30s` the answer comes when the job is over,
/// or when the time is.
pub(super) async fn start_job(
    State(app): State<Shared>,
    UrlQuery(query): UrlQuery<WaitQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let wait = query.read()?;
    let said = StartJob::parse(&read_body(body, START_LIMIT).await?)?;
    let pipeline = app.core.pipeline(&said.pipeline).ok_or_else(|| {
        Problem::new(Code::UnknownPipeline, format!("there is no pipeline '{}'", said.pipeline))
            .pointer("/pipeline")
            .hint("GET /api/pipelines lists them")
    })?;
    let job = app.core.world().job_id();
    let key = said.key.unwrap_or_else(|| job.to_string());
    routes::check_key(&key)?;
    if let Some(input) = &said.input {
        crate::checks::input(&pipeline, &key, input)?;
    }
    let empty = || Payload::from_value(&Value::Object(serde_json::Map::new()));
    let start = Start {
        job,
        key: key.into(),
        input: said.input.map_or_else(empty, Payload::from_raw),
        priority: said.priority.as_deref().map(priority).transpose()?,
        mode: said.mode.and_then(|word| serde_json::from_value(word.into()).ok()),
        traceparent: routes::traceparent(&headers),
        idempotency_key: said.idempotency_key.map(Into::into).or_else(|| routes::idempotency_key(&headers)),
    };
    let (job, new) = routes::start_job(&app, &pipeline, start).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    if let Some(wait) = wait {
        waiting::until_over(&app, job, wait).await?;
        return Ok(answer(status, &view::job_status(&app, job).await?));
    }
    let mut response =
        answer(status, &serde_json::json!({ "jobId": job, "url": format!("/api/jobs/{job}") }));
    if let Ok(location) = format!("/api/jobs/{job}").parse() {
        response.headers_mut().insert(axum::http::header::LOCATION, location);
    }
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    pipeline: Option<String>,
    state: Option<String>,
    key: Option<String>,
    #[serde(rename = "keyPrefix")]
    key_prefix: Option<String>,
    from: Option<String>,
    until: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A state that a list can be of.
fn listed_state(word: String) -> Result<String, Failure> {
    match serde_json::from_value(Value::from(word.as_str())) {
        Ok(JobState::Idle) | Err(_) => {
            Err(Problem::field("?state", format!("'{word}' is no state that a job can be in")).into())
        }
        Ok(_) => Ok(word),
    }
}

/// `GET /api/jobs?pipeline=&state=&key=&keyPrefix=&from=&until=&cursor=&limit=`: `from` and `until` by when jobs started, the
/// latter without itself.
pub(super) async fn list_jobs(
    State(app): State<Shared>,
    UrlQuery(query): UrlQuery<ListQuery>,
) -> Result<Response, Failure> {
    let cursor = match query.cursor {
        Some(text) => Some(view::cursor(&text)?),
        None => None,
    };
    let asked = Query {
        pipeline: query.pipeline,
        state: query.state.map(listed_state).transpose()?,
        key: query.key,
        key_prefix: query.key_prefix,
        created_from: started(query.from.as_deref(), "?from")?,
        created_before: started(query.until.as_deref(), "?until")?,
        cursor,
        limit: extract::limit(query.limit, MAX_PAGE)?,
        ..Query::default()
    };
    let page = app.core.journal().list(asked).await.map_err(|error| journal_problem(&error))?;
    let mut page = JobPage {
        jobs: page.entries.into_iter().map(|(job, entry)| view::summary(job, &entry)).collect(),
        cursor: page.next.map(|next| view::cursor_text(&next)),
    };
    view::estimate::of_page(&app.core, &mut page.jobs).await;
    Ok(answer(StatusCode::OK, &page))
}

/// A moment of the address, in milliseconds.
fn started(text: Option<&str>, field: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        Problem::field(field, "that is not a moment such as 2026-11-21T12:00:00Z")
            .hint("in an address, + is written %2B")
    })?;
    Ok(Some(u64::try_from(moment.as_millisecond()).unwrap_or(0)))
}

/// `GET /api/jobs/{id}`. With `?wait=30s` the answer comes when the job is over, or when the time is.
pub(super) async fn get_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<WaitQuery>,
) -> Result<Response, Failure> {
    let job: JobId = job_id(&id)?;
    if let Some(wait) = query.read()? {
        waiting::until_over(&app, job, wait).await?;
    }
    Ok(answer(StatusCode::OK, &view::job_status(&app, job).await?))
}

/// `GET /api/jobs/{id}/why`.
pub(super) async fn why_job(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let job: JobId = job_id(&id)?;
    Ok(answer(StatusCode::OK, &view::why(&app, job).await?))
}
