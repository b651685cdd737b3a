//! The callback: how an attempt ended, in the modern form and in the original's.
//!
//! The original's servers name the phase by a number or a nickname and the job by its course code, and know no attempt. Which
//! job `courseCode` names is the orchestrator's to find out: here it is a member like another, kept under its own name.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{fields::Fields, problem::Problem};

/// What a service reports.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The job; absent in the original's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Uuid>,
    /// The attempt; absent in the original's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<Uuid>,
    /// The phase by its id or by an alias (`phase6`, `6`, `5.5`, `introductions`), numbers as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How it ended.
    pub status: CallbackStatus,
    /// Whether it ended well: the same as `status == Complete`, for readers that look only at this.
    pub success: bool,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Box<RawValue>>,
    /// Figures about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Box<RawValue>>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<CallbackError>,
    /// Where a paused attempt can be taken up again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<RawValue>>,
    /// The attempt's token, where it does not come as a bearer. Never written: a stored callback must hold no secret.
    #[serde(skip)]
    pub token: Option<String>,
    /// Other members whose value is a text, such as the original's `courseCode`.
    #[serde(skip)]
    pub names: Vec<(String, String)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallbackStatus {
    /// With a result.
    #[default]
    Complete,
    /// Without.
    Failed,
    /// It gave up its slot and left a checkpoint.
    Paused,
    /// It was told to stop and did.
    Cancelled,
}

/// What went wrong, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackError {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether another attempt may help. Said by nobody: yes, and the phase's retry limit bounds it.
    pub retryable: bool,
}

/// The answer to an accepted or repeated callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackAnswer {
    /// It is the first and now durable.
    pub accepted: bool,
    /// The same was accepted before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
    /// What the original's servers look for: the callback has been heard.
    #[serde(default)]
    pub acknowledged: bool,
}

impl CallbackAnswer {
    /// The first callback of its attempt.
    pub const ACCEPTED: Self = Self { accepted: true, duplicate: false, acknowledged: true };
    /// The same again.
    pub const DUPLICATE: Self = Self { accepted: false, duplicate: true, acknowledged: true };
}

impl Callback {
    /// Reads a callback body of either form.
    ///
    /// # Errors
    /// 400 with line and column if it is not JSON, 422 with a JSON pointer if a field is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let error = fields.raw("error").map(|_| parse_error(&fields)).transpose()?;
        let (success, status) = parse_outcome(&fields, error.is_some())?;
        let raw = |name| fields.raw(name).map(ToOwned::to_owned);
        Ok(Self {
            job_id: fields.optional("jobId", "a UUID")?,
            attempt_id: fields.optional("attemptId", "a UUID")?,
            phase: parse_phase(&fields, "phase")?,
            status,
            success,
            output: raw("output"),
            stats: raw("stats"),
            error,
            checkpoint: raw("checkpoint"),
            token: fields.optional("token", "a text")?,
            names: fields
                .iter()
                .filter(|(name, _)| !KNOWN.contains(name))
                .filter_map(|(name, raw)| Some((name.to_owned(), serde_json::from_str(raw.get()).ok()?)))
                .collect(),
        })
    }

    /// The text of a member that is not one of the callback's own (`courseCode`).
    #[must_use]
    pub fn name(&self, member: &str) -> Option<&str> {
        self.names.iter().find(|(name, _)| name == member).map(|(_, text)| &**text)
    }
}

const KNOWN: [&str; 10] =
    ["jobId", "attemptId", "phase", "success", "status", "output", "stats", "error", "checkpoint", "token"];

impl<'de> Deserialize<'de> for Callback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get().as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// `"phase6"`, `6`, `"6"`, `5.5` or `"introductions"`, as text.
pub(crate) fn parse_phase(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Problem> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Phase {
        Whole(u64),
        Number(f64),
        Name(String),
    }
    let phase = fields.optional::<Phase>(name, "the name of a phase or its number")?;
    match phase {
        Some(Phase::Name(text)) if text.trim().is_empty() => {
            Err(fields.wrong(name, "the name of a phase or its number"))
        }
        Some(Phase::Name(text)) => Ok(Some(text)),
        Some(Phase::Whole(number)) => Ok(Some(number.to_string())),
        Some(Phase::Number(number)) => Ok(Some(number.to_string())),
        None => Ok(None),
    }
}

/// `success` decides; where it is absent the word in `status`; where that is absent too, whether there is an error.
fn parse_outcome(fields: &Fields<'_>, has_error: bool) -> Result<(bool, CallbackStatus), Problem> {
    let success: Option<bool> = fields.optional("success", "true or false")?;
    let word: Option<String> = fields.optional("status", "a text such as \"complete\" or \"failed\"")?;
    let status = match word.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("complete" | "completed" | "success" | "succeeded" | "done" | "ok") => {
            Some(CallbackStatus::Complete)
        }
        Some("failed" | "failure" | "error" | "validation_failed") => Some(CallbackStatus::Failed),
        Some("paused") => Some(CallbackStatus::Paused),
        Some("cancelled" | "canceled" | "aborted") => Some(CallbackStatus::Cancelled),
        _ => None,
    };
    let status = match (success, status) {
        (Some(true), None | Some(CallbackStatus::Complete)) => CallbackStatus::Complete,
        (Some(false), None) => CallbackStatus::Failed,
        (Some(true), Some(_)) => {
            return Err(Problem::field("/status", "`success` is true, but `status` says that it failed"));
        }
        (Some(false), Some(CallbackStatus::Complete)) => {
            return Err(Problem::field(
                "/status",
                "`success` is false, but `status` says that it is complete",
            ));
        }
        (_, Some(status)) => status,
        (None, None) if has_error => CallbackStatus::Failed,
        (None, None) if word.is_some() => {
            return Err(Problem::field("/status", "`status` is no word that says how it ended")
                .hint("say \"success\": true or false, or \"status\": \"complete\" or \"failed\""));
        }
        (None, None) => {
            return Err(Problem::field("/success", "`success` is missing: true or false"));
        }
    };
    if status == CallbackStatus::Complete && has_error {
        return Err(Problem::field("/error", "the attempt succeeded, but there is an `error`"));
    }
    Ok((status == CallbackStatus::Complete, status))
}

/// `{ code, message, retryable }`, or the original's plain text.
fn parse_error(fields: &Fields<'_>) -> Result<CallbackError, Problem> {
    let expected = "a text, or an object with code, message and retryable";
    let Some(raw) = fields.raw("error") else { return Err(fields.wrong("error", expected)) };
    if raw.get().starts_with('"') {
        let message = fields.required("error", expected)?;
        return Ok(CallbackError { code: "failed".to_owned(), message, retryable: true });
    }
    if !raw.get().starts_with('{') {
        return Err(fields.wrong("error", expected));
    }
    let error = Fields::parse_member(raw, "/error")?;
    Ok(CallbackError {
        code: error.optional("code", "a text")?.unwrap_or_else(|| "failed".to_owned()),
        message: error.optional("message", "a text")?.unwrap_or_default(),
        retryable: error.optional("retryable", "true or false")?.unwrap_or(true),
    })
}

#[cfg(test)]
mod tests {
    use super::{Callback, CallbackStatus};

    fn read(body: &str) -> Callback {
        Callback::parse(body.as_bytes()).unwrap_or_else(|problem| panic!("{body}: {problem}"))
    }

    #[test]
    fn the_originals_form_is_read_with_its_names_of_phases() {
        for (phase, text) in [
            ("\"phase6\"", "phase6"),
            ("6", "6"),
            ("\"6\"", "6"),
            ("5.5", "5.5"),
            ("6.0", "6"),
            ("\"introductions\"", "introductions"),
        ] {
            let callback = read(&format!(
                r#"{{"phase":{phase},"courseCode":"spa_for_eng","success":true,"status":"complete","stats":{{"seeds":668}}}}"#
            ));
            assert_eq!(callback.phase.as_deref(), Some(text));
            assert_eq!(callback.name("courseCode"), Some("spa_for_eng"));
            assert!(callback.success && callback.attempt_id.is_none());
            assert_eq!(callback.stats.expect("stats").get(), r#"{"seeds":668}"#);
        }
    }

    #[test]
    fn the_outcome_is_read_from_what_is_there() {
        for (body, status) in [
            (r#"{"status":"complete"}"#, CallbackStatus::Complete),
            (r#"{"success":false}"#, CallbackStatus::Failed),
            (r#"{"status":"failed","error":"no model"}"#, CallbackStatus::Failed),
            (r#"{"error":{"message":"no model"}}"#, CallbackStatus::Failed),
            (r#"{"success":false,"status":"paused","checkpoint":{"at":3}}"#, CallbackStatus::Paused),
            (r#"{"success":true,"status":"all 668 seeds"}"#, CallbackStatus::Complete),
        ] {
            assert_eq!(read(body).status, status, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_pointer() {
        for (body, pointer) in [
            (r#"{"attemptId":"7","success":true}"#, "/attemptId"),
            (r#"{"success":"yes"}"#, "/success"),
            ("{}", "/success"),
            (r#"{"status":"so so"}"#, "/status"),
            (r#"{"success":true,"status":"failed"}"#, "/status"),
            (r#"{"success":true,"phase":{}}"#, "/phase"),
            (r#"{"success":false,"error":{"retryable":"no"}}"#, "/error/retryable"),
            (r#"{"success":false,"error":7}"#, "/error"),
            (r#"{"success":true,"error":{"code":"x"}}"#, "/error"),
        ] {
            let problem = Callback::parse(body.as_bytes()).expect_err(body);
            assert_eq!((problem.status(), problem.pointer.as_deref()), (422, Some(pointer)), "{body}");
        }
    }

    #[test]
    fn a_written_callback_reads_back_and_holds_no_token() {
        let mut callback = read(r#"{"success":true,"output":{"a":[1, 2]},"token":"secret"}"#);
        assert_eq!(callback.token.as_deref(), Some("secret"));
        callback.attempt_id = Some(uuid::Uuid::nil());
        let text = serde_json::to_string(&callback).expect("JSON");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(serde_json::to_string(&read(&text)).expect("JSON"), text);
    }
}
