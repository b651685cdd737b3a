//! Traces: a job as OpenTelemetry spans, from its caller through every phase to each call of a service.
//!
//! A job's trace is its caller's, where the start came with W3C context; else it has the job's own id, so that it can be
//! found by it. Ids of spans are derived from the ids of job and attempt: whoever makes the spans of a job again, after a restart
//! or from a recording, makes the same ones. Spans are made from the journal's events ([`fold`]), never on the way from a
//! callback to the next start; [`follow`] sends them to a collector.

pub mod collector;
pub mod fold;
pub mod follow;
pub mod otlp;
pub mod tree;

use engine::{
    ids::{AttemptId, JobId, Timestamp},
    job::Job,
};
use protocol::TraceContext;

/// Id of a span.
pub type SpanId = [u8; 8];

/// Derives a span's id from what it is of.
fn span_id(parts: &[&[u8]]) -> SpanId {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut id = [0; 8];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    // All zeroes mean none.
    if id == [0; 8] { [1; 8] } else { id }
}

/// The span of an attempt: that of the call to its service.
#[must_use]
pub fn attempt_span(attempt: AttemptId) -> SpanId {
    span_id(&[b"attempt", attempt.0.as_bytes()])
}

/// What a job was started under: its caller's context, where it had one.
#[must_use]
pub fn caller(traceparent: Option<&str>) -> Option<TraceContext> {
    traceparent.and_then(|text| text.parse().ok())
}

/// The trace of a job, and whether it is recorded: as its caller says, else always.
#[must_use]
pub fn trace_of(job: JobId, caller: Option<TraceContext>) -> ([u8; 16], bool) {
    caller.map_or((*job.0.as_bytes(), true), |caller| (caller.trace, caller.sampled))
}

/// What the start request of an attempt carries.
#[must_use]
pub fn context(job: &Job, attempt: AttemptId) -> TraceContext {
    let (trace, sampled) = trace_of(job.id, caller(job.traceparent.as_deref()));
    TraceContext { trace, span: attempt_span(attempt), sampled }
}

/// What kind of work a span stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Something within the orchestrator.
    Internal,
    /// What somebody asked us for.
    Server,
    /// What we asked a service for.
    Client,
}

/// How what a span stands for ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanStatus {
    /// Nothing to say.
    Unset,
    /// It went well.
    Ok,
    /// It did not, and why.
    Error(String),
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its trace.
    pub trace: [u8; 16],
    /// Its id.
    pub id: SpanId,
    /// The span that it is part of.
    pub parent: Option<SpanId>,
    /// What it is.
    pub name: String,
    /// Of which kind.
    pub kind: SpanKind,
    /// From when…
    pub start: Timestamp,
    /// …to when.
    pub end: Timestamp,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// What happened meanwhile.
    pub events: Vec<(Timestamp, String)>,
    /// How it ended.
    pub status: SpanStatus,
}
