//! What the log says of jobs, once it is durable: their life at `info`, what heals itself at `warn`, each attempt at `debug`.
//! Always the same sentences, and never what callers or services handed over.

use engine::{
    event::{Event, EventKind},
    job::Job,
    pipeline::Pipeline,
};
use serde_json::Value;

use crate::recording::{Redaction, redact};

/// Most characters of a service's own words in a line.
const MOST: usize = 300;

/// Writes the lines about events; `job` is the job after them.
pub(crate) fn tell(pipeline: &Pipeline, job: &Job, events: &[Event]) {
    for event in events {
        if !tell_job(pipeline, job, &event.kind) {
            tell_attempt(pipeline, job, &event.kind);
        }
    }
}

fn tell_job(pipeline: &Pipeline, job: &Job, kind: &EventKind) -> bool {
    let (id, pipeline, key) = (job.id, &pipeline.name, &*job.key);
    match kind {
        EventKind::JobStarted { .. } => tracing::info!(job = %id, %pipeline, key, "job started"),
        EventKind::JobCompleted => tracing::info!(job = %id, %pipeline, key, "job is complete"),
        EventKind::JobFailed => tracing::info!(job = %id, %pipeline, key, "job has failed"),
        EventKind::JobCancelled { by, .. } => {
            tracing::info!(job = %id, %pipeline, key, by = &**by, "job is cancelled");
        }
        EventKind::JobRetried { by } => {
            tracing::info!(job = %id, %pipeline, key, by = &**by, "what failed is tried again");
        }
        EventKind::JobRerun { by, from, .. } => {
            tracing::info!(job = %id, %pipeline, key, by = &**by, phase = %from, "a phase is done again");
        }
        _ => return false,
    }
    true
}

fn tell_attempt(pipeline: &Pipeline, job: &Job, kind: &EventKind) {
    let id = job.id;
    match kind {
        EventKind::AttemptStarted { run, attempt, number, .. } => {
            tracing::debug!(job = %id, %run, %attempt, number, "attempt started");
        }
        EventKind::AttemptSucceeded { run, attempt, .. } => {
            tracing::debug!(job = %id, %run, %attempt, "attempt succeeded");
        }
        EventKind::AttemptFailed { run, attempt, error, .. } => {
            let (code, error) = (&*error.code, shown(&error.message));
            tracing::warn!(job = %id, %run, %attempt, code, error, "attempt failed");
        }
        EventKind::AttemptSuspected { attempt } => {
            let Some((at, _)) = job.live_attempt(*attempt) else { return };
            tracing::warn!(job = %id, run = %job.run_id(pipeline, at), %attempt, "attempt is silent");
        }
        EventKind::AttemptHealed { attempt, .. } => {
            let Some((at, _)) = job.live_attempt(*attempt) else { return };
            tracing::info!(job = %id, run = %job.run_id(pipeline, at), %attempt, "attempt is not lost after all");
        }
        EventKind::GateClosed { phase, .. } => {
            tracing::warn!(job = %id, %phase, "the condition of a gate is false");
        }
        EventKind::SignalAwaited { run, signal, .. } => {
            tracing::debug!(job = %id, %run, %signal, "a decision is waited for");
        }
        _ => {}
    }
}

/// Somebody else's words: without what looks like a secret, and of a bounded length.
fn shown(text: &str) -> String {
    let plain = redact(Value::from(text), Redaction::Secrets);
    plain.as_str().unwrap_or_default().chars().take(MOST).collect()
}
