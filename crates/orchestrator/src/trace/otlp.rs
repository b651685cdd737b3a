//! Spans in the JSON form of the OpenTelemetry protocol (OTLP/HTTP, `ExportTraceServiceRequest`): ids in hexadecimal, 64-bit
//! numbers as text, enums as numbers.

use protocol::trace::hex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attribute, Span, SpanKind, SpanStatus};

/// Milliseconds as the protocol has moments.
fn nanos(at: engine::ids::Timestamp) -> String {
    (u128::from(at.0) * 1_000_000).to_string()
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Number(number) => json!({ "intValue": number.to_string() }),
        Attribute::Flag(flag) => json!({ "boolValue": flag }),
    };
    json!({ "key": key, "value": value })
}

fn span(span: &Span) -> Value {
    let kind = match span.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
    };
    let attributes: Vec<Value> = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    let events: Vec<Value> =
        span.events.iter().map(|(at, name)| json!({ "timeUnixNano": nanos(*at), "name": name })).collect();
    let status = match &span.status {
        SpanStatus::Unset => json!({}),
        SpanStatus::Ok => json!({ "code": 1 }),
        SpanStatus::Error(message) => json!({ "code": 2, "message": message }),
    };
    let mut form = json!({
        "traceId": hex(&span.trace), "spanId": hex(&span.id), "name": span.name, "kind": kind,
        "startTimeUnixNano": nanos(span.start), "endTimeUnixNano": nanos(span.end),
        "attributes": attributes, "events": events, "status": status,
    });
    if let Some(parent) = span.parent {
        form["parentSpanId"] = hex(&parent).into();
    }
    form
}

/// A request that exports spans in the name of a service.
#[must_use]
pub fn request(service: &str, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [attribute("service.name", &service.into()), attribute("service.version", &version.into())];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "segue", "version": version }, "spans": spans }],
    }] })
}

/// What a collector answers with 200.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answer {
    partial_success: Partial,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partial {
    rejected_spans: Value,
    error_message: String,
}

impl Answer {
    /// How many spans it did not take (a 64-bit number, so text or number), and why.
    #[must_use]
    pub fn rejected(&self) -> (u64, &str) {
        let rejected = &self.partial_success.rejected_spans;
        let count = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or_default();
        (count, &self.partial_success.error_message)
    }
}
