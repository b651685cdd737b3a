//! What services say, as outcomes: callbacks, answers of `/status` and of `/pause`, in today's form and in the original's.

use engine::{
    command::Outcome,
    ids::{AttemptId, JobId},
    job::RunError,
    payload::Payload,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where a callback is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON at all.
    #[error("{message}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// JSON, but a field is missing or of another type.
    #[error("{pointer}: {message}")]
    Field {
        /// JSON pointer to it.
        pointer: String,
        /// What is wrong.
        message: String,
    },
}

/// A callback, whichever form it came in.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Today's form.
    pub job: Option<JobId>,
    /// Today's form.
    pub attempt: Option<AttemptId>,
    /// The attempt's token, where it is in the body.
    pub token: Option<String>,
    /// A phase's id, alias or number: `introductions`, `phase6`, `6`, `"6"`, `5.5`.
    pub phase: Option<String>,
    /// The original's form: fields that may name the job, such as `courseCode`.
    pub keys: Vec<(String, String)>,
    /// What it says.
    pub outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    job_id: Option<JobId>,
    attempt_id: Option<AttemptId>,
    token: Option<String>,
    #[serde(borrow)]
    phase: Option<&'a RawValue>,
    success: Option<bool>,
    status: Option<String>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    stats: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    retryable: Option<bool>,
}

/// Reads a callback.
///
/// # Errors
/// [`Malformed`], with the place.
pub fn parse(body: &[u8]) -> Result<Callback, Malformed> {
    let wire: Wire<'_> = serde_json::from_slice(body).map_err(|error| explain(body, &error))?;
    let success = success(&wire)?;
    let outcome = if success {
        Outcome::Success { output: payload(wire.output, "null"), stats: payload(wire.stats, "{}") }
    } else {
        Outcome::Failure { error: failure(wire.error)? }
    };
    let phase = wire.phase.map(phase_name).transpose()?.flatten();
    let keys = if wire.attempt_id.is_none() { text_fields(body) } else { Vec::new() };
    Ok(Callback { job: wire.job_id, attempt: wire.attempt_id, token: wire.token, phase, keys, outcome })
}

/// The outcome alone, as in the answer 200 of a service that was done at once.
///
/// # Errors
/// [`Malformed`], with the place.
pub fn parse_outcome(body: &[u8]) -> Result<Outcome, Malformed> {
    parse(body).map(|callback| callback.outcome)
}

fn success(wire: &Wire<'_>) -> Result<bool, Malformed> {
    match (wire.success, wire.status.as_deref()) {
        (Some(success), _) => Ok(success),
        (None, Some("complete" | "completed" | "success")) => Ok(true),
        (None, Some("failed" | "error" | "validation_failed")) => Ok(false),
        (None, Some(other)) => Err(field("/status", format!("'{other}' says neither complete nor failed"))),
        (None, None) => Err(field("/success", "it must say whether it worked: true or false".to_owned())),
    }
}

fn failure(error: Option<&RawValue>) -> Result<RunError, Malformed> {
    let Some(raw) = error.filter(|raw| raw.get() != "null") else {
        return Ok(RunError::retryable("failed", "the service gave no reason"));
    };
    if let Ok(message) = serde_json::from_str::<String>(raw.get()) {
        return Ok(RunError::retryable("failed", message));
    }
    let error: WireError = serde_json::from_str(raw.get()).map_err(|error| field("/error", error.to_string()))?;
    let code = error.code.unwrap_or_else(|| "failed".to_owned());
    let message = error.message.unwrap_or_else(|| "the service gave no reason".to_owned());
    Ok(RunError { code: code.into(), message: message.into(), retryable: error.retryable.unwrap_or(true) })
}

fn phase_name(raw: &RawValue) -> Result<Option<String>, Malformed> {
    match serde_json::from_str(raw.get()) {
        Ok(serde_json::Value::String(name)) => Ok(Some(name)),
        // Written as it came: 5.5 and 6 are aliases, not numbers.
        Ok(serde_json::Value::Number(_)) => Ok(Some(raw.get().to_owned())),
        Ok(serde_json::Value::Null) => Ok(None),
        _ => Err(field("/phase", "a phase is named by a text or a number".to_owned())),
    }
}

fn text_fields(body: &[u8]) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(body) else { return Vec::new() };
    let text = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    fields.into_iter().filter_map(text).collect()
}

fn payload(raw: Option<&RawValue>, otherwise: &str) -> Payload {
    let text = raw.map_or(otherwise, RawValue::get);
    Payload::from_text(text.to_owned()).unwrap_or_default()
}

fn field(pointer: &str, message: String) -> Malformed {
    Malformed::Field { pointer: pointer.to_owned(), message }
}

/// Tells text that is not JSON from JSON that does not fit, and finds the field that does not.
fn explain(body: &[u8], error: &serde_json::Error) -> Malformed {
    let value: serde_json::Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let message = error.to_string();
            return Malformed::Json { line: error.line(), column: error.column(), message };
        }
    };
    let Some(fields) = value.as_object() else {
        return field("", "a callback is an object".to_owned());
    };
    let wrong = |name: &str| match (name, fields.get(name)) {
        (_, None | Some(serde_json::Value::Null)) => None,
        ("jobId" | "attemptId", Some(value)) => {
            let valid = value.as_str().is_some_and(|text| text.parse::<JobId>().is_ok());
            (!valid).then(|| "a UUID is expected".to_owned())
        }
        ("success", Some(value)) => (!value.is_boolean()).then(|| "true or false is expected".to_owned()),
        (_, Some(value)) => (!value.is_string()).then(|| "a text is expected".to_owned()),
    };
    for name in ["jobId", "attemptId", "token", "success", "status"] {
        if let Some(message) = wrong(name) {
            return field(&format!("/{name}"), message);
        }
    }
    field("", error.to_string())
}

/// What a service says of an attempt when it is asked.
#[derive(Debug)]
pub enum ServiceStatus {
    /// It knows nothing of it.
    Unknown,
    /// It is working.
    Running,
    /// It is done, and this is what its callback said.
    Done(Outcome),
}

/// Reads an answer of `/status/{attemptId}`.
#[must_use]
pub fn parse_status(body: &[u8]) -> Option<ServiceStatus> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        status: Option<String>,
        state: Option<String>,
        #[serde(borrow)]
        callback: Option<&'a RawValue>,
    }
    let wire: Wire<'_> = serde_json::from_slice(body).ok()?;
    match wire.status.or(wire.state)?.as_str() {
        "unknown" => Some(ServiceStatus::Unknown),
        "running" => Some(ServiceStatus::Running),
        "done" => parse_outcome(wire.callback?.get().as_bytes()).ok().map(ServiceStatus::Done),
        _ => None,
    }
}

/// Whether a 404 of `/status` speaks of the attempt (a JSON body) rather than of the path.
#[must_use]
pub fn says_unknown(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(4_000)]);
    serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|value| {
            let word = value.get("status").or_else(|| value.get("code"))?.as_str()?;
            Some(matches!(word, "unknown" | "unknown-attempt"))
        })
        .unwrap_or(false)
}

/// Reads an answer of `/pause/{attemptId}`.
#[must_use]
pub fn parse_checkpoint(body: &[u8]) -> Option<Payload> {
    #[derive(Deserialize)]
    struct Wire {
        checkpoint: Option<Box<RawValue>>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    wire.checkpoint.map(Payload::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_originals_phases_is_understood() {
        for (written, meant) in [("\"phase6\"", "phase6"), ("6", "6"), ("\"6\"", "6"), ("5.5", "5.5")] {
            let body = format!("{{\"phase\":{written},\"courseCode\":\"spa_for_eng\",\"status\":\"complete\"}}");
            let callback = parse(body.as_bytes()).unwrap();
            assert_eq!(callback.phase.as_deref(), Some(meant));
            assert!(callback.keys.contains(&("courseCode".to_owned(), "spa_for_eng".to_owned())));
            assert!(matches!(callback.outcome, Outcome::Success { .. }));
        }
    }

    #[test]
    fn what_does_not_fit_is_found() {
        let pointer = |body: &str| match parse(body.as_bytes()) {
            Err(Malformed::Field { pointer, .. }) => pointer,
            Err(Malformed::Json { line, column, .. }) => format!("{line}:{column}"),
            Ok(_) => "nothing wrong".to_owned(),
        };
        assert_eq!(pointer("{\"success\": tru}"), "1:16");
        assert_eq!(pointer("[]"), "");
        assert_eq!(pointer("{\"jobId\": 7, \"success\": true}"), "/jobId");
        assert_eq!(pointer("{\"success\": \"yes\"}"), "/success");
        assert_eq!(pointer("{\"phase\": [1], \"success\": true}"), "/phase");
        assert_eq!(pointer("{\"status\": \"hm\"}"), "/status");
        assert_eq!(pointer("{}"), "/success");
    }
}
