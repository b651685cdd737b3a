//! The start request of an attempt, borrowed from its job: payloads are embedded as they are, nothing is parsed or copied twice.
//! Its form is [`StartRequestRef`]'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine::{
    ids::Name,
    job::{Attempt, Job, RunRef},
    payload::Payload,
    pipeline::Pipeline,
    priority, values,
};
use protocol::{ArtifactInfo, CallbackTarget, StartRequestRef, UpstreamRef};
use serde_json::value::RawValue;

use super::Addresses;
use crate::{artifacts, clock::moment};

/// Room for a request with little input.
const REQUEST: usize = 1024;
/// Artifacts of one predecessor that a request names. One that stored more names none here: a course has tens of thousands of
/// recordings, and a request has to stay small.
const MOST_ARTIFACTS: usize = 256;

/// Writes the start request of an attempt.
#[must_use]
pub fn build(pipeline: &Pipeline, job: &Job, at: RunRef, attempt: &Attempt, to: &Addresses) -> Bytes {
    let run = job.run_id(pipeline, at);
    let name = run.to_string();
    let upstream = values::upstream(pipeline, job, at.phase);
    let upstream: Vec<(&str, UpstreamRef<'_>)> = upstream
        .iter()
        .map(|one| {
            let artifacts = artifacts_of(job, &one.phase);
            (one.phase.as_str(), UpstreamRef { output: one.output.raw(), stats: one.stats.raw(), artifacts })
        })
        .collect();
    let base = &to.public_url;
    let callback = CallbackTarget {
        url: format!("{base}/phase-complete"),
        progress_url: format!("{base}/api/attempts/{}/progress", attempt.id),
        token: to.tokens.token(job.id, attempt.id),
    };
    let key_field = pipeline.key_field.as_deref();
    let start = StartRequestRef {
        job_id: job.id.0,
        pipeline: pipeline.name.as_str(),
        key: &job.key,
        key_field,
        plain: &key_field.map_or_else(Vec::new, |_| plain_members(&job.input)),
        phase: run.phase.as_str(),
        run: &name,
        attempt: attempt.number,
        attempt_id: attempt.id.0,
        priority: priority::priority(pipeline, job, at.phase).as_str(),
        input: job.input.raw(),
        item: job.run(at).and_then(|run| run.item.as_ref()).map_or(RawValue::NULL, Payload::raw),
        upstream: &upstream,
        checkpoint: attempt.checkpoint.as_ref().map_or(RawValue::NULL, Payload::raw),
        deadline: Some(moment(attempt.deadline)),
        callback: &callback,
        artifacts_url: &format!("{base}/api/jobs/{}/artifacts/", job.id),
    };
    // Serializing to memory fails only on maps with keys that are not text; here all are.
    let mut bytes = Vec::with_capacity(REQUEST);
    serde_json::to_writer(&mut bytes, &start).map(|()| Bytes::from(bytes)).unwrap_or_default()
}

/// What a phase has stored, by name.
fn artifacts_of<'a>(job: &'a Job, phase: &Name) -> BTreeMap<&'a str, ArtifactInfo> {
    let stored = job.artifacts.iter();
    let of_phase =
        stored.filter(|(_, artifact)| artifact.run.as_ref().is_some_and(|run| run.phase == *phase));
    let named: BTreeMap<_, _> = of_phase
        .take(MOST_ARTIFACTS + 1)
        .map(|(name, artifact)| (&**name, artifacts::info(name, artifact)))
        .collect();
    if named.len() > MOST_ARTIFACTS { BTreeMap::new() } else { named }
}

/// The input's members that are no objects or lists.
fn plain_members(input: &Payload) -> Vec<(&str, &RawValue)> {
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(input.get()).unwrap_or_default();
    members.into_iter().filter(|(_, value)| !value.get().starts_with(['{', '['])).collect()
}
