//! The start request, written straight from the job: payloads are embedded as they are, nothing is parsed or copied twice.
//!
//! The words are those of `protocol`; a test reads what is written here back with `protocol`'s types.

use bytes::Bytes;
use engine::{
    effect,
    ids::{Priority, RunId},
    job::{Attempt, Job, RunRef},
    payload::Payload,
    pipeline::Pipeline,
    values::{self, Upstream},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::Addresses;

/// Room for a request with little input.
const REQUEST: usize = 1024;

/// Writes the start request of an attempt.
#[must_use]
pub fn build(pipeline: &Pipeline, job: &Job, at: RunRef, attempt: &Attempt, to: &Addresses) -> Bytes {
    let run = job.run_id(pipeline, at);
    let start = Start { pipeline, job, at, attempt, to, run };
    // Serializing to memory fails only on maps with keys that are not text; here all are.
    let mut bytes = Vec::with_capacity(REQUEST);
    serde_json::to_writer(&mut bytes, &start).map(|()| Bytes::from(bytes)).unwrap_or_default()
}

struct Start<'a> {
    pipeline: &'a Pipeline,
    job: &'a Job,
    at: RunRef,
    attempt: &'a Attempt,
    to: &'a Addresses,
    run: RunId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Callback {
    url: String,
    progress_url: String,
    token: String,
}

impl Serialize for Start<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { pipeline, job, at, attempt, to, run } = self;
        let entry = job.run(*at);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("jobId", &job.id)?;
        map.serialize_entry("pipeline", &pipeline.name)?;
        map.serialize_entry("key", &job.key)?;
        if let Some(field) = &pipeline.key_field {
            map.serialize_entry(field, &job.key)?;
            for (name, value) in plain_fields(&job.input, field) {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("phase", &run.phase)?;
        map.serialize_entry("run", &run)?;
        map.serialize_entry("attempt", &attempt.number)?;
        map.serialize_entry("attemptId", &attempt.id)?;
        let priority: Priority = effect::priority(pipeline, job, at.phase);
        map.serialize_entry("priority", &priority)?;
        map.serialize_entry("input", &job.input)?;
        map.serialize_entry("item", &entry.and_then(|run| run.item.as_ref()))?;
        map.serialize_entry("upstream", &UpstreamMap(&values::upstream(pipeline, job, at.phase)))?;
        map.serialize_entry("checkpoint", &attempt.checkpoint)?;
        map.serialize_entry("deadline", &rfc3339(attempt.deadline.0))?;
        let base = &to.public_url;
        let callback = Callback {
            url: format!("{base}/phase-complete"),
            progress_url: format!("{base}/api/attempts/{}/progress", attempt.id),
            token: to.tokens.token(job.id, attempt.id),
        };
        map.serialize_entry("callback", &callback)?;
        map.serialize_entry("artifactsUrl", &format!("{base}/api/jobs/{}/artifacts/", job.id))?;
        map.end()
    }
}

struct UpstreamMap<'a>(&'a [Upstream]);

#[derive(Serialize)]
struct UpstreamEntry<'a> {
    output: &'a Payload,
    stats: &'a Payload,
}

impl Serialize for UpstreamMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|one| (one.phase.as_str(), UpstreamEntry { output: &one.output, stats: &one.stats })),
        )
    }
}

/// The input's fields that are no objects or lists, for servers written for the original, which look for them at the top.
fn plain_fields<'a>(input: &'a Payload, key_field: &'a str) -> Vec<(&'a str, &'a RawValue)> {
    const OURS: [&str; 15] = [
        "jobId",
        "pipeline",
        "key",
        "phase",
        "run",
        "attempt",
        "attemptId",
        "priority",
        "input",
        "item",
        "upstream",
        "checkpoint",
        "deadline",
        "callback",
        "artifactsUrl",
    ];
    let fields: std::collections::BTreeMap<&str, &RawValue> =
        serde_json::from_str(input.get()).unwrap_or_default();
    let plain = |value: &RawValue| !value.get().starts_with(['{', '[']);
    fields
        .into_iter()
        .filter(|(name, value)| !OURS.contains(name) && *name != key_field && plain(value))
        .collect()
}

/// A moment as RFC 3339, in UTC.
#[must_use]
pub fn rfc3339(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |at| at.to_string())
}
