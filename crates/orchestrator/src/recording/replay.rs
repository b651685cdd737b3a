//! A recording replayed: the engine's own `apply` over its events, frame by frame, and its result held to what was recorded.

use engine::{
    apply,
    ids::Timestamp,
    job::Job,
    pipeline::Pipeline,
    why::{Cause, What, why},
};
use serde_json::Value;

use super::{Recording, picture, redact, words::words};
use crate::core::public_state;

/// What one event changed.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which event, from 0.
    pub seq: usize,
    /// When it happened.
    pub at: Timestamp,
    /// The event's name.
    pub name: &'static str,
    /// What happened, and why.
    pub words: String,
    /// What it changed: `translation: pending → active`.
    pub changes: Vec<String>,
    /// Why the job is not further on, after it.
    pub because: Vec<String>,
}

/// A recording whose events do not follow from each other.
#[derive(Debug, thiserror::Error)]
#[error("event {seq} does not fit: {problem}")]
pub struct Misfit {
    /// Which, from 0.
    pub seq: usize,
    /// Why.
    pub problem: String,
}

/// A replay.
#[derive(Debug)]
pub struct Replayed {
    /// One for each event.
    pub frames: Vec<Frame>,
    /// The job after them.
    pub job: Job,
    /// Where it differs from what was recorded; empty where it is the same.
    pub differences: Vec<String>,
}

/// Replays a recording.
///
/// # Errors
/// [`Misfit`] where an event can't follow on those before it.
pub fn replay(recording: &Recording) -> Result<Replayed, Misfit> {
    let pipeline = &recording.pipeline;
    let mut job: Option<Job> = None;
    let mut frames = Vec::with_capacity(recording.events.len());
    let mut before = Vec::new();
    for (seq, event) in recording.events.iter().enumerate() {
        let misfit = |error: apply::IllegalEvent| Misfit { seq, problem: error.to_string() };
        match &mut job {
            Some(job) => apply::apply(pipeline, job, event).map_err(misfit)?,
            None => job = Some(apply::create(pipeline, event).map_err(misfit)?),
        }
        let Some(job) = &job else { continue };
        let after = places(pipeline, job);
        let changes = after
            .iter()
            .zip(before.iter().map(Some).chain(std::iter::repeat(None)))
            .filter_map(|((what, now), then): (&(String, String), Option<&(String, String)>)| match then {
                Some((_, then)) if then == now => None,
                Some((_, then)) => Some(format!("{what}: {then} → {now}")),
                None => None,
            })
            .collect();
        before = after;
        let causes = why(pipeline, job, &|_, _| None);
        let mut because = Vec::new();
        causes.iter().for_each(|cause| movers(cause, &mut because));
        let (name, words) = (event.kind.name(), words(&event.kind));
        frames.push(Frame { seq, at: event.at, name, words, changes, because });
    }
    let job = job.ok_or_else(|| Misfit { seq: 0, problem: "there are no events".to_owned() })?;
    let mut differences = Vec::new();
    let now = redact(picture(pipeline, &job), recording.head.redacted);
    compare("", &recording.picture, &now, &mut differences);
    Ok(Replayed { frames, job, differences })
}

/// Where the job and each of its phases stands, in a word.
fn places(pipeline: &Pipeline, job: &Job) -> Vec<(String, String)> {
    let phases = pipeline.indexes().map(|index| {
        let state = job.phase(index);
        let mut status = format!("{:?}", state.status);
        if let Some(end) = status.find([' ', '{', '(']) {
            status.truncate(end);
        }
        let mut place = status.to_lowercase();
        if state.mapped {
            place.push_str(&format!(" {}/{}", state.settled, state.runs.len()));
        }
        if state.turn > 1 {
            place.push_str(&format!(" (turn {})", state.turn));
        }
        (pipeline.phase(index).id.to_string(), place)
    });
    std::iter::once(("job".to_owned(), public_state(job).to_owned())).chain(phases).collect()
}

/// What is under way or stuck, and not what merely waits for it.
fn movers(cause: &Cause, texts: &mut Vec<String>) {
    match &cause.what {
        What::Join { .. } | What::Loop { .. } => cause.because.iter().for_each(|cause| movers(cause, texts)),
        what => texts.push(what.to_string()),
    }
}

/// Where two values differ, by path. What only the replay has is a field that is newer than the recording.
fn compare(path: &str, recorded: &Value, now: &Value, differences: &mut Vec<String>) {
    match (recorded, now) {
        (Value::Object(recorded), Value::Object(now)) => {
            for (name, value) in recorded {
                let path = format!("{path}/{name}");
                compare(&path, value, now.get(name).unwrap_or(&Value::Null), differences);
            }
        }
        (Value::Array(recorded), Value::Array(now)) if recorded.len() == now.len() => {
            for (at, (recorded, now)) in recorded.iter().zip(now).enumerate() {
                compare(&format!("{path}/{at}"), recorded, now, differences);
            }
        }
        (recorded, now) if recorded == now => {}
        (recorded, now) => differences.push(format!("{path}: recorded {recorded}, replayed {now}")),
    }
}
