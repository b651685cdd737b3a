//! The start request: everything that a service must know to do an attempt and to call back.
//!
//! Two forms of one document: [`StartRequestRef`] borrows everything and is written once per attempt on the orchestrator's hot
//! path; [`StartRequest`] owns everything and is what a service reads.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{fields::Fields, problem::Problem, views::ArtifactInfo};

/// A start as a service reads it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest {
    /// The job.
    pub job_id: Uuid,
    /// The name of its pipeline.
    pub pipeline: String,
    /// The job's key. The same text also stands under the pipeline's own name for it (`courseCode`), which is not read here.
    pub key: String,
    /// The phase to do.
    pub phase: String,
    /// Which occurrence of it: `baskets[3]`, `compare#2`.
    pub run: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// The try's id: the fence against late callbacks.
    pub attempt_id: Uuid,
    /// How urgent: urgent, high, medium, low or background.
    #[serde(default = "medium")]
    pub priority: String,
    /// What the job was started with.
    #[serde(default = "null")]
    pub input: Arc<RawValue>,
    /// Of a map: this run's item; otherwise `null`.
    #[serde(default = "null")]
    pub item: Arc<RawValue>,
    /// Results of the direct predecessors, by phase.
    #[serde(default)]
    pub upstream: BTreeMap<String, Upstream>,
    /// What an earlier, paused attempt of the run gave; otherwise `null`.
    #[serde(default = "null")]
    pub checkpoint: Arc<RawValue>,
    /// When the attempt is given up.
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    /// Where to report.
    pub callback: CallbackTarget,
    /// Where the job's artifacts are: append a name.
    #[serde(default)]
    pub artifacts_url: String,
}

impl StartRequest {
    /// Reads a start body.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let callback =
            Fields::parse_member(fields.required::<Box<RawValue>>("callback", OBJECT)?.as_ref(), "/callback")
                .and_then(|callback| {
                    Ok(CallbackTarget {
                        url: callback.required("url", "an address")?,
                        progress_url: callback.optional("progressUrl", "an address")?.unwrap_or_default(),
                        token: callback.optional("token", "a text")?.unwrap_or_default(),
                    })
                })?;
        let key: String = fields.optional("key", "a text")?.unwrap_or_default();
        Ok(Self {
            job_id: fields.required("jobId", "a UUID")?,
            pipeline: fields.optional("pipeline", "a text")?.unwrap_or_default(),
            key,
            phase: fields.required("phase", "the name of a phase")?,
            run: fields.optional("run", "a text")?.unwrap_or_default(),
            attempt: fields.optional("attempt", "a whole number from 1")?.unwrap_or(1),
            attempt_id: fields.required("attemptId", "a UUID")?,
            priority: fields.optional("priority", "a text")?.unwrap_or_else(medium),
            input: raw_or_null(&fields, "input"),
            item: raw_or_null(&fields, "item"),
            upstream: fields
                .optional("upstream", "an object of { output, stats, artifacts } by phase")?
                .unwrap_or_default(),
            checkpoint: raw_or_null(&fields, "checkpoint"),
            deadline: fields.optional("deadline", "a time such as 2026-01-01T00:00:00Z")?,
            callback,
            artifacts_url: fields.optional("artifactsUrl", "an address")?.unwrap_or_default(),
        })
    }
}

const OBJECT: &str = "an object with url, progressUrl and token";

fn raw_or_null(fields: &Fields<'_>, name: &str) -> Arc<RawValue> {
    fields.raw(name).map_or_else(null, |raw| raw.to_owned().into())
}

fn medium() -> String {
    "medium".to_owned()
}

fn null() -> Arc<RawValue> {
    RawValue::NULL.to_owned().into()
}

/// What a predecessor left.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// Its result; of a map the list of its runs' results.
    #[serde(default = "null")]
    pub output: Arc<RawValue>,
    /// Figures about it.
    #[serde(default = "null")]
    pub stats: Arc<RawValue>,
    /// What it stored, by name.
    #[serde(default)]
    pub artifacts: BTreeMap<String, ArtifactInfo>,
}

/// Where a service reports.
#[derive(Debug, Clone, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CallbackTarget {
    /// For the callback.
    pub url: String,
    /// For progress; empty: nobody wants it.
    #[serde(default)]
    pub progress_url: String,
    /// Goes with callback, progress and artifacts as bearer.
    #[serde(default)]
    pub token: String,
}

/// A start as the orchestrator writes it: nothing is copied but into the body.
#[derive(Debug, Clone)]
pub struct StartRequestRef<'a> {
    /// The job.
    pub job_id: Uuid,
    /// The name of its pipeline.
    pub pipeline: &'a str,
    /// The job's key.
    pub key: &'a str,
    /// The pipeline's own name for the key (`courseCode`), where it has one.
    pub key_field: Option<&'a str>,
    /// Members of the input that stand at the top too, for services that look for them there.
    pub plain: &'a [(&'a str, &'a RawValue)],
    /// The phase.
    pub phase: &'a str,
    /// The run.
    pub run: &'a str,
    /// The try, from 1.
    pub attempt: u32,
    /// The try's id.
    pub attempt_id: Uuid,
    /// How urgent.
    pub priority: &'a str,
    /// What the job was started with.
    pub input: &'a RawValue,
    /// The map's item.
    pub item: &'a RawValue,
    /// Results of the direct predecessors.
    pub upstream: &'a [(&'a str, UpstreamRef<'a>)],
    /// From where to go on.
    pub checkpoint: &'a RawValue,
    /// When the attempt is given up.
    pub deadline: Option<Timestamp>,
    /// Where to report.
    pub callback: &'a CallbackTarget,
    /// Where the job's artifacts are.
    pub artifacts_url: &'a str,
}

/// What a predecessor left, borrowed.
#[derive(Debug, Clone, Serialize)]
pub struct UpstreamRef<'a> {
    /// Its result.
    pub output: &'a RawValue,
    /// Figures about it.
    pub stats: &'a RawValue,
    /// What it stored, by name.
    pub artifacts: BTreeMap<&'a str, ArtifactInfo>,
}

impl Serialize for StartRequestRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("jobId", &self.job_id)?;
        map.serialize_entry("pipeline", self.pipeline)?;
        map.serialize_entry("key", self.key)?;
        if let Some(name) = self.key_field.filter(|name| !RESERVED.contains(name)) {
            map.serialize_entry(name, self.key)?;
        }
        for (name, value) in self.plain {
            if !RESERVED.contains(name) && self.key_field != Some(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("phase", self.phase)?;
        map.serialize_entry("run", self.run)?;
        map.serialize_entry("attempt", &self.attempt)?;
        map.serialize_entry("attemptId", &self.attempt_id)?;
        map.serialize_entry("priority", self.priority)?;
        map.serialize_entry("input", self.input)?;
        map.serialize_entry("item", self.item)?;
        map.serialize_entry("upstream", &ByPhase(self.upstream))?;
        map.serialize_entry("checkpoint", self.checkpoint)?;
        map.serialize_entry("deadline", &self.deadline)?;
        map.serialize_entry("callback", self.callback)?;
        map.serialize_entry("artifactsUrl", self.artifacts_url)?;
        map.end()
    }
}

/// Names that neither a pipeline's own name for its key nor a plain member can take: the member would stand there twice.
const RESERVED: [&str; 15] = [
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

struct ByPhase<'a>(&'a [(&'a str, UpstreamRef<'a>)]);

impl Serialize for ByPhase<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(phase, upstream)| (phase, upstream)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::{CallbackTarget, RESERVED, StartRequest, StartRequestRef, UpstreamRef};

    fn with_written<T>(key_field: Option<&str>, look: impl FnOnce(&str) -> T) -> T {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let (input, output) = (raw(r#"{"totalSeeds": 668}"#), raw(r#"[1,  2]"#));
        let callback = CallbackTarget {
            url: "http://a/phase-complete".into(),
            progress_url: "".into(),
            token: "t".into(),
        };
        let upstream = UpstreamRef { output: &output, stats: RawValue::NULL, artifacts: BTreeMap::new() };
        let start = StartRequestRef {
            job_id: Uuid::nil(),
            pipeline: "course",
            key: "spa_for_eng",
            key_field,
            plain: &[("totalSeeds", &input), ("phase", &input), ("courseCode", &input)],
            phase: "baskets",
            run: "baskets[3]",
            attempt: 2,
            attempt_id: Uuid::max(),
            priority: "high",
            input: &input,
            item: RawValue::NULL,
            upstream: &[("extraction", upstream)],
            checkpoint: RawValue::NULL,
            deadline: "2026-01-01T00:00:00Z".parse().ok(),
            callback: &callback,
            artifacts_url: "http://a/artifacts/",
        };
        look(&serde_json::to_string(&start).expect("JSON"))
    }

    #[test]
    fn what_the_orchestrator_writes_a_service_reads() {
        let start = with_written(Some("courseCode"), |text| {
            assert!(text.contains(r#""courseCode":"spa_for_eng""#), "{text}");
            assert!(text.contains(r#""input":{"totalSeeds": 668}"#), "payloads are not rewritten: {text}");
            StartRequest::parse(text.as_bytes()).expect("a start")
        });
        assert_eq!((&*start.run, start.attempt, start.attempt_id), ("baskets[3]", 2, Uuid::max()));
        assert_eq!(start.upstream["extraction"].output.get(), "[1,  2]");
        assert_eq!(start.deadline.expect("a deadline").to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_name_for_the_key_never_stands_there_twice() {
        for name in RESERVED {
            with_written(Some(name), |text| assert!(StartRequest::parse(text.as_bytes()).is_ok(), "{text}"));
        }
        with_written(None, |text| {
            let written: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).expect("an object");
            let plain = ["totalSeeds", "courseCode"];
            let known = |name: &str| RESERVED.contains(&name) || plain.contains(&name);
            assert!(written.keys().all(|name| known(name)), "{written:?}");
            assert!(plain.iter().all(|name| written.contains_key(*name)), "{written:?}");
        });
    }
}
