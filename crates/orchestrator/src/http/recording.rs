//! `GET /api/jobs/{id}/recording`: a job as one file.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Failure, Shared,
    answers::journal_problem,
    commands::job_id,
    extract::{Path, Query},
};
use crate::{
    clock::moment,
    recording::{Recorded, Redaction, write},
    rejected::RejectedCallback,
};

/// Most refused callbacks of a job that are recorded.
const MOST_REJECTED: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct RecordQuery {
    #[serde(default)]
    redact: Redaction,
}

/// `GET /api/jobs/{id}/recording?redact=secrets|payloads`, as JSON lines.
pub(super) async fn record_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<RecordQuery>,
) -> Result<Response, Failure> {
    let id = job_id(&id)?;
    let (pipeline, job) = app.core.copy_of(id).await?;
    // The job may have gone on since: its recording ends where it was looked at.
    let count = usize::try_from(job.events).unwrap_or(usize::MAX);
    let history = app.core.journal().history(id, 0, count).await.map_err(|error| journal_problem(&error))?;
    let events: Vec<bytes::Bytes> = history.into_iter().map(|(_, _, event)| event).collect();
    let kept = app.rejected.list(Some(id), MOST_REJECTED);
    let rejected: Vec<_> = kept.iter().map(RejectedCallback::view).collect();
    let text = write(&Recorded {
        now: moment(app.core.world().now()),
        pipeline: &pipeline,
        job: &job,
        events: &events,
        rejected: &rejected,
        redaction: query.redact,
    });
    Ok(([(header::CONTENT_TYPE, "application/jsonl; charset=utf-8")], text).into_response())
}
