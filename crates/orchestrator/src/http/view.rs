//! A job as callers see it: its status with every phase, and why it is not moving.

pub(super) mod estimate;
mod reasons;

use std::collections::BTreeMap;

use engine::{
    ids::{JobId, PhaseIndex, Timestamp},
    job::{End, Job, JobState as State, PhaseState as Phase, PhaseStatus as Status, RunState},
    pipeline::Pipeline,
    values,
};
use journal::{Cursor, IndexEntry};
use protocol::{
    CallbackError, JobState, JobStatus, JobSummary, PhaseState, PhaseStatus, Problem, Progress,
    RunningAttempt, Why,
};

use reasons::Reasons;

use super::{App, Failure};
use crate::{
    attempts::Attempts,
    clock::moment,
    core::public_state,
    estimates::{background::share, picture::Picture},
};

/// The status of a job.
pub(super) async fn job_status(app: &App, job: JobId) -> Result<JobStatus, Failure> {
    let core = app.core.clone();
    let look = app.core.look(job, move |pipeline, job| {
        let live = !job.has_ended();
        let picture = live.then(|| Picture::of(job, |attempt| share(core.attempts(), attempt)));
        (status(&core, pipeline, job), picture)
    });
    let (mut status, picture) = look.await?;
    if let Some(picture) = picture {
        status.estimate = estimate::of(&app.core, &picture).await;
    }
    Ok(status)
}

/// Why a job is not moving.
pub(super) async fn why(app: &App, job: JobId) -> Result<Why, Failure> {
    let core = app.core.clone();
    Ok(app.core.look(job, move |pipeline, job| Reasons::new(&core, pipeline, job).answer()).await?)
}

/// The status of a key that no job has.
pub(super) fn idle(pipeline: &Pipeline, key: &str) -> JobStatus {
    JobStatus {
        job_id: None,
        pipeline: pipeline.name.to_string(),
        key: key.to_owned(),
        status: JobState::Idle,
        current_phase: None,
        reason: "nothing was started".to_owned(),
        started_at: None,
        last_updated: None,
        completed_at: None,
        priority: None,
        phases: Vec::new(),
        phases_completed: Vec::new(),
        error: None,
        estimate: None,
        events: 0,
        names: names(pipeline, key),
    }
}

fn names(pipeline: &Pipeline, key: &str) -> BTreeMap<String, String> {
    pipeline.key_field.iter().map(|field| (field.clone(), key.to_owned())).collect()
}

fn status(core: &crate::core::Core, pipeline: &Pipeline, job: &Job) -> JobStatus {
    let reasons = Reasons::new(core, pipeline, job);
    let mut by_phase = reasons.by_phase();
    let mut described =
        |index| PhaseStatus { reason: by_phase.remove(&index), ..phase_status(core, pipeline, job, index) };
    let phases: Vec<PhaseStatus> = pipeline.indexes().map(&mut described).collect();
    let through = |phase: &&PhaseStatus| matches!(phase.status, PhaseState::Complete | PhaseState::Skipped);
    let current = phases.iter().find(|phase| {
        !matches!(phase.status, PhaseState::Complete | PhaseState::Skipped | PhaseState::Pending)
    });
    JobStatus {
        job_id: Some(job.id.0),
        pipeline: pipeline.name.to_string(),
        key: job.key.to_string(),
        status: job_state(job),
        current_phase: current.map(|phase| phase.phase.clone()),
        reason: reasons.summary(),
        started_at: Some(moment(job.created_at)),
        last_updated: Some(moment(job.updated_at)),
        completed_at: match job.state {
            State::Ended { at, .. } => Some(moment(at)),
            State::Running | State::Paused { .. } | State::Failing(_) => None,
        },
        priority: job.priority.map(|priority| priority_word(priority).to_owned()),
        phases_completed: phases.iter().filter(through).map(|phase| phase.phase.clone()).collect(),
        phases,
        error: job.failure().map(|failure| CallbackError {
            code: failure.error.code.to_string(),
            message: format!("{}: {}", failure.run, failure.error.message),
            retryable: failure.error.retryable,
        }),
        estimate: None,
        events: job.events,
        names: names(pipeline, &job.key),
    }
}

fn priority_word(priority: engine::ids::Priority) -> &'static str {
    protocol::calls::PRIORITIES[priority as usize]
}

fn job_state(job: &Job) -> JobState {
    match &job.state {
        State::Ended { end: End::Complete, .. } => JobState::Complete,
        State::Ended { end: End::ValidationFailed(_), .. } => JobState::ValidationFailed,
        State::Ended { end: End::Error(_), .. } => JobState::Error,
        State::Ended { end: End::Cancelled { .. }, .. } => JobState::Cancelled,
        State::Paused { .. } => JobState::Paused,
        State::Running if public_state(job) == "waiting" => JobState::Waiting,
        State::Running | State::Failing(_) => JobState::Running,
    }
}

fn phase_status(core: &crate::core::Core, pipeline: &Pipeline, job: &Job, index: PhaseIndex) -> PhaseStatus {
    let state = job.phase(index);
    let running = running(core.attempts(), pipeline, job, index);
    let status = phase_state(job, state);
    let settled = state.status.is_settled();
    let ended_well = matches!(state.status, Status::Succeeded | Status::Skipped(_));
    let error = state.runs.iter().find_map(|run| match &run.state {
        RunState::Failed(error) => Some(error),
        _ => run.last_error.as_ref(),
    });
    PhaseStatus {
        phase: pipeline.phase(index).id.to_string(),
        status,
        success: settled.then_some(ended_well),
        started_at: state.started_at.map(moment),
        completed_at: state.ended_at.map(moment),
        stats: settled.then(|| values::stats(job, index).value()),
        progress: progress(state, &running),
        attempts: attempts(state),
        reason: None,
        error: error.map(|error| CallbackError {
            code: error.code.to_string(),
            message: error.message.to_string(),
            retryable: error.retryable,
        }),
        running,
    }
}

/// Those that are used up or at work: a service that was busy has used up none.
fn attempts(state: &Phase) -> u32 {
    state.runs.iter().map(|run| run.attempts).sum::<u32>() + state.live
}

fn phase_state(job: &Job, state: &Phase) -> PhaseState {
    match state.status {
        Status::Pending if job.has_ended() => PhaseState::Cancelled,
        Status::Pending => PhaseState::Pending,
        Status::AwaitingApproval { .. } => PhaseState::Waiting,
        Status::Succeeded => PhaseState::Complete,
        Status::Failed => PhaseState::Failed,
        Status::Skipped(_) => PhaseState::Skipped,
        Status::Active if job.has_ended() => PhaseState::Cancelled,
        Status::Active if state.live > 0 => PhaseState::Running,
        Status::Active if matches!(job.state, State::Paused { .. }) => PhaseState::Paused,
        Status::Active if state.runs.iter().any(|run| matches!(run.state, RunState::Ready { .. })) => {
            PhaseState::Queued
        }
        Status::Active => PhaseState::Waiting,
    }
}

/// Of a map its runs; else what the service says.
fn progress(state: &Phase, running: &[RunningAttempt]) -> Option<Progress> {
    if state.mapped {
        return Some(Progress {
            done: Some(u64::from(state.settled)),
            total: Some(state.runs.len() as u64),
            unit: Some("runs".to_owned()),
            message: running.iter().find_map(|attempt| attempt.progress.as_ref()?.message.clone()),
        });
    }
    running.first().and_then(|attempt| attempt.progress.clone())
}

fn running(attempts: &Attempts, pipeline: &Pipeline, job: &Job, index: PhaseIndex) -> Vec<RunningAttempt> {
    if job.phase(index).live == 0 {
        return Vec::new();
    }
    let live = job.open_runs().filter(|(at, _)| at.phase == index).filter_map(|(at, run)| match &run.state {
        RunState::Live(attempt) => Some((at, attempt)),
        _ => None,
    });
    live.map(|(at, attempt)| {
        let known = attempts.get(attempt.id);
        RunningAttempt {
            run: job.run_id(pipeline, at).to_string(),
            attempt: attempt.number,
            attempt_id: attempt.id.0,
            last_heard: known.as_ref().map(|known| moment(known.last_heard)),
            deadline: Some(moment(attempt.deadline)),
            progress: known.and_then(|known| known.progress).map(|progress| progress.said),
            suspect: attempt.suspect.is_some(),
        }
    })
    .collect()
}

/// A line of a list.
pub(super) fn summary(job: JobId, entry: &IndexEntry) -> JobSummary {
    let status = serde_json::from_value(entry.state.as_str().into()).unwrap_or(JobState::Running);
    JobSummary {
        job_id: job.0,
        pipeline: entry.pipeline.clone(),
        key: entry.key.clone(),
        status,
        started_at: moment(Timestamp(entry.created)),
        last_updated: moment(Timestamp(entry.updated)),
        estimate: None,
        events: 0,
    }
}

/// Where the next page begins, as text.
pub(super) fn cursor_text(cursor: &Cursor) -> String {
    format!("{}-{}", cursor.created, cursor.job)
}

/// Where a page begins.
pub(super) fn cursor(text: &str) -> Result<Cursor, Failure> {
    let read = || {
        let (created, job) = text.split_once('-')?;
        Some(Cursor { created: created.parse().ok()?, job: job.parse().ok()? })
    };
    read().ok_or_else(|| Problem::field("?cursor", "that is not a cursor of this list").into())
}
