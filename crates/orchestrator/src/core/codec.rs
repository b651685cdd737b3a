//! Events as the journal stores them, and what its index is told of a job.

use bytes::Bytes;
use engine::{
    apply,
    decide::state_name,
    event::Event,
    ids::Timestamp,
    job::{Job, JobState, PhaseStatus, RunState},
    pipeline::Pipeline,
};
use journal::IndexEntry;

use super::cell::Indexed;

/// After so many events the index gets a fresh picture even where nothing that is filtered by has changed.
const EVENTS_PER_PICTURE: u64 = 32;

/// Room for most events.
const EVENT: usize = 256;

/// An event as JSON.
pub(super) fn encode(event: &Event) -> Bytes {
    // Serializing to memory fails only on maps with keys that are not text; events have none.
    let mut bytes = Vec::with_capacity(EVENT);
    serde_json::to_writer(&mut bytes, event).map(|()| Bytes::from(bytes)).unwrap_or_default()
}

/// A job from its events.
pub(super) fn replay(pipeline: &Pipeline, events: impl IntoIterator<Item = Event>) -> Result<Job, String> {
    let mut events = events.into_iter();
    let first = events.next().ok_or("the journal holds no event of it")?;
    let mut job = apply::create(pipeline, &first).map_err(|error| error.to_string())?;
    go_on(pipeline, &mut job, events)?;
    Ok(job)
}

/// Brings a job on by the events that follow.
pub(super) fn go_on(
    pipeline: &Pipeline,
    job: &mut Job,
    events: impl IntoIterator<Item = Event>,
) -> Result<(), String> {
    for event in events {
        apply::apply(pipeline, job, &event).map_err(|error| format!("event {}: {error}", job.events + 1))?;
    }
    Ok(())
}

/// Events from the journal.
pub(super) fn decode_all(stored: &[Bytes]) -> Result<Vec<Event>, String> {
    stored.iter().map(|bytes| decode(bytes)).collect()
}

/// An event from the journal.
///
/// # Errors
/// What can't be read.
pub fn decode(bytes: &[u8]) -> Result<Event, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("an event can't be read: {error}"))
}

/// What would decide about a new index entry.
pub(super) fn indexed(job: &Job) -> Indexed {
    Indexed {
        state: public_state(job),
        deadline: job.next_deadline(),
        priority: job.priority.unwrap_or_default() as u8,
        events: job.events,
    }
}

/// Whether the index must be told: something that is filtered by has changed, a deadline has come nearer (one that moved
/// away only wakes the job once too often), or its picture has grown old.
pub(super) fn is_worth_indexing(known: Option<Indexed>, new: Indexed) -> bool {
    let Some(known) = known else { return true };
    let nearer = match (known.deadline, new.deadline) {
        (Some(known), Some(new)) => new < known,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    known.state != new.state
        || known.priority != new.priority
        || nearer
        || new.events >= known.events + EVENTS_PER_PICTURE
}

/// The whole current picture of a job, for lists.
pub(crate) fn index_entry(pipeline: &Pipeline, job: &Job) -> IndexEntry {
    let letters: String = job
        .phases
        .iter()
        .map(|phase| match phase.status {
            PhaseStatus::Pending => 'p',
            PhaseStatus::Active if phase.live > 0 => 'r',
            PhaseStatus::Active => 'w',
            PhaseStatus::AwaitingApproval { .. } => 'a',
            PhaseStatus::Succeeded => 's',
            PhaseStatus::Failed => 'f',
            PhaseStatus::Skipped(_) => 'k',
        })
        .collect();
    IndexEntry {
        pipeline: pipeline.name.to_string(),
        key: job.key.to_string(),
        state: public_state(job).to_owned(),
        live: !job.has_ended(),
        created: job.created_at.0,
        updated: job.updated_at.0,
        deadline: job.next_deadline().map(|Timestamp(at)| at),
        priority: job.priority.unwrap_or_default() as u8,
        summary: Bytes::from(letters),
    }
}

/// The job's state as callers see it: `waiting` is a running job of which nothing runs or will by itself.
#[must_use]
pub fn public_state(job: &Job) -> &'static str {
    match job.state {
        JobState::Running if is_waiting_for_people(job) => "waiting",
        JobState::Failing(_) => "running",
        JobState::Running | JobState::Paused { .. } | JobState::Ended { .. } => state_name(job),
    }
}

fn is_waiting_for_people(job: &Job) -> bool {
    let approvals =
        job.phases.iter().any(|phase| matches!(phase.status, PhaseStatus::AwaitingApproval { .. }));
    let mut open = job.open_runs().peekable();
    let any = open.peek().is_some();
    let all_wait = open.all(|(_, run)| matches!(run.state, RunState::Waiting { .. }));
    all_wait && (any || approvals)
}
