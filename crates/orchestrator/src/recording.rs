//! The flight recorder: one job in one file, to be looked at and replayed where it did not happen.
//!
//! The file is JSON lines: a head, the pipeline's definition, every event, refused callbacks, artifacts (their content only where
//! it is asked for), and an end with the state as it was recorded, by which a torn file and a replay that differs are noticed. It
//! holds no token of Segue's, for the journal has none; what looks like somebody else's secret is blackened (`redact`).

pub mod offline;
mod picture;
mod redact;
pub mod replay;
mod words;

use std::sync::Arc;

use bytes::Bytes;
use engine::{event::Event, ids::JobId, job::Job, pipeline::Pipeline};
pub use picture::picture;
pub use redact::{Redaction, redact};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::decode;

/// The form's version: goes up where an older reader could not make sense of a file.
pub const VERSION: u32 = 1;

/// A recording, read and checked for being whole.
#[derive(Debug)]
pub struct Recording {
    /// What stands at its beginning.
    pub head: Head,
    /// The definition that the job kept.
    pub pipeline: Arc<Pipeline>,
    /// Every event of the job, oldest first.
    pub events: Vec<Event>,
    /// The same as they were written.
    pub stored: Vec<Bytes>,
    /// Artifacts' contents, by hash, where they were recorded.
    pub contents: Vec<(String, Vec<u8>)>,
    /// Callbacks of the job that were refused.
    pub rejected: Vec<Value>,
    /// The state as it was recorded.
    pub picture: Value,
}

/// The beginning of a recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The form's version.
    pub segue_recording: u32,
    /// Which Segue made it.
    pub segue: String,
    /// When.
    pub exported_at: jiff::Timestamp,
    /// The job.
    pub job_id: JobId,
    /// Its pipeline.
    pub pipeline: String,
    /// Its key.
    pub key: String,
    /// What was blackened.
    pub redacted: Redaction,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is something else.
    #[error("that is no recording of Segue's")]
    NotARecording,
    /// A later Segue made it.
    #[error("the recording has version {0}; this Segue reads up to {VERSION}")]
    Later(u32),
    /// A line can't be understood.
    #[error("line {line}: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Its end is missing, or says that there were more events.
    #[error("the recording is torn: {0}")]
    Torn(&'static str),
}

/// What a recording is made of.
#[derive(Debug)]
pub struct Recorded<'a> {
    /// When.
    pub now: jiff::Timestamp,
    /// The definition.
    pub pipeline: &'a Pipeline,
    /// The job after all events.
    pub job: &'a Job,
    /// Its events as stored.
    pub events: &'a [Bytes],
    /// Callbacks of it that were refused.
    pub rejected: &'a [Value],
    /// What is blackened.
    pub redaction: Redaction,
}

/// Writes a recording. Artifacts' contents may be put in by whoever has them: see [`content_line`].
#[must_use]
pub fn write(recorded: &Recorded<'_>) -> String {
    let Recorded { now, pipeline, job, events, rejected, redaction } = recorded;
    let head = Head {
        segue_recording: VERSION,
        segue: env!("CARGO_PKG_VERSION").to_owned(),
        exported_at: *now,
        job_id: job.id,
        pipeline: pipeline.name.to_string(),
        key: job.key.to_string(),
        redacted: *redaction,
    };
    let mut text = serde_json::to_string(&head).unwrap_or_default();
    text.push('\n');
    let mut line = |value: &Value| {
        text.push_str(&value.to_string());
        text.push('\n');
    };
    line(&json!({ "definition": &*pipeline.source }));
    for one in *rejected {
        line(&json!({ "rejected": redact(one.clone(), *redaction) }));
    }
    for stored in *events {
        text.push_str(&redact::event(stored, *redaction));
        text.push('\n');
    }
    let end =
        json!({ "end": { "events": events.len(), "picture": redact(picture(pipeline, job), *redaction) } });
    text.push_str(&end.to_string());
    text.push('\n');
    text
}

/// A line that holds an artifact's content; it may stand anywhere before the end.
#[must_use]
pub fn content_line(hash: &str, bytes: &[u8]) -> String {
    use base64::Engine as _;
    let content = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("{}\n", json!({ "content": { "hash": hash, "base64": content } }))
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`RecordingError`], also where its end is missing.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or(RecordingError::NotARecording)?;
        let version: Value = serde_json::from_str(first).map_err(|_| RecordingError::NotARecording)?;
        let version = version["segueRecording"].as_u64().and_then(|version| u32::try_from(version).ok());
        match version {
            None => return Err(RecordingError::NotARecording),
            Some(version) if version > VERSION => return Err(RecordingError::Later(version)),
            Some(_) => {}
        }
        let head: Head = serde_json::from_str(first)
            .map_err(|error| RecordingError::Line { line: 1, problem: error.to_string() })?;
        let mut parts = Parts::default();
        for (number, line) in lines {
            let problem = |problem| RecordingError::Line { line: number + 1, problem };
            if parts.end.is_some() {
                return Err(problem("something stands after the end".to_owned()));
            }
            parts.take(line).map_err(problem)?;
        }
        let end = parts.end.ok_or(RecordingError::Torn("its end is missing"))?;
        if end.events != parts.events.len() || parts.events.is_empty() {
            return Err(RecordingError::Torn("events are missing"));
        }
        Ok(Self {
            head,
            pipeline: Arc::new(parts.pipeline.ok_or(RecordingError::Torn("the definition is missing"))?),
            events: parts.events,
            stored: parts.stored,
            contents: parts.contents,
            rejected: parts.rejected,
            picture: end.picture,
        })
    }
}

#[derive(Default)]
struct Parts {
    pipeline: Option<Pipeline>,
    events: Vec<Event>,
    stored: Vec<Bytes>,
    contents: Vec<(String, Vec<u8>)>,
    rejected: Vec<Value>,
    end: Option<End>,
}

#[derive(Deserialize)]
struct End {
    events: usize,
    picture: Value,
}

/// A line after the first. Lines of a kind that is not known are passed over: later versions may have more to say.
#[derive(Deserialize)]
struct Line {
    definition: Option<String>,
    is: Option<serde::de::IgnoredAny>,
    rejected: Option<Value>,
    content: Option<Content>,
    end: Option<End>,
}

#[derive(Deserialize)]
struct Content {
    hash: String,
    base64: String,
}

impl Parts {
    fn take(&mut self, text: &str) -> Result<(), String> {
        use base64::Engine as _;
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if line.is.is_some() {
            self.events.push(decode(text.as_bytes())?);
            self.stored.push(Bytes::copy_from_slice(text.as_bytes()));
        }
        if let Some(definition) = line.definition {
            self.pipeline = Some(Pipeline::parse(&definition).map_err(|error| error.to_string())?);
        }
        if let Some(content) = line.content {
            let bytes = base64::engine::general_purpose::STANDARD.decode(content.base64);
            self.contents.push((content.hash, bytes.map_err(|error| error.to_string())?));
        }
        self.rejected.extend(line.rejected);
        if line.end.is_some() {
            self.end = line.end;
        }
        Ok(())
    }
}
