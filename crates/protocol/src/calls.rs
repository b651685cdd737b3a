//! What callers send: start a phase, start a job, give a signal.

use serde_json::value::RawValue;

use crate::{callback::parse_phase, fields::Fields, problem::Problem, progress::Progress};

/// `POST /api/{route}/{key}/start-phase`: `{ "phase": 1, …input }`.
#[derive(Debug, Clone)]
pub struct StartPhase {
    /// The phase by id, alias or number (as text).
    pub phase: String,
    /// Everything else in the body, as one JSON object: the job's input.
    pub input: Box<RawValue>,
}

impl StartPhase {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let phase = parse_phase(&fields, "phase")?.ok_or_else(|| {
            Problem::field("/phase", "`phase` is missing: the name of a phase or its number")
                .hint("send {\"phase\": 1}")
        })?;
        let mut input = String::from("{");
        for (name, raw) in fields.iter().filter(|(name, _)| *name != "phase") {
            if input.len() > 1 {
                input.push(',');
            }
            input.push_str(&serde_json::Value::from(name).to_string());
            input.push(':');
            input.push_str(raw.get());
        }
        input.push('}');
        let input = RawValue::from_string(input).map_err(|error| Problem::field("", error.to_string()))?;
        Ok(Self { phase, input })
    }
}

/// `POST /api/{route}/{key}/progress`, in the original's form: `{ "phase": 3, "updates": { "seedsCompleted": 120, "seedsTotal":
/// 668 }, "logMessage": "…" }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportProgress {
    /// The phase by id, alias or number (as text).
    pub phase: String,
    /// How far it is.
    pub progress: Progress,
}

impl ReportProgress {
    /// Reads the body. Of `updates` the first members that end in `Completed` and `Total` count; what stands before is the
    /// unit. `done`, `total`, `unit` and `message` are taken as well.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let phase = parse_phase(&fields, "phase")?.ok_or_else(|| {
            Problem::field("/phase", "`phase` is missing: the name of a phase or its number")
        })?;
        let mut progress = Progress::parse(body)?;
        let message: Option<String> = fields.optional("logMessage", "a text")?;
        progress.message = message.or(progress.message);
        let updates: Option<serde_json::Map<String, serde_json::Value>> =
            fields.optional("updates", "an object")?;
        for (name, value) in updates.into_iter().flatten() {
            let (unit, place) = match (name.strip_suffix("Completed"), name.strip_suffix("Total")) {
                (Some(unit), _) => (unit, &mut progress.done),
                (_, Some(unit)) => (unit, &mut progress.total),
                _ => continue,
            };
            let Some(number) = value.as_u64() else {
                return Err(Problem::field(
                    format!("/updates/{name}"),
                    format!("`{name}` is a whole number"),
                ));
            };
            place.get_or_insert(number);
            progress.unit.get_or_insert_with(|| unit.to_owned());
        }
        Ok(Self { phase, progress })
    }
}

/// `POST /api/jobs`.
#[derive(Debug, Clone)]
pub struct StartJob {
    /// The pipeline's name.
    pub pipeline: String,
    /// The job's key; absent: the orchestrator takes the job's id.
    pub key: Option<String>,
    /// The input; absent: an empty object.
    pub input: Option<Box<RawValue>>,
    /// How urgent: one of [`PRIORITIES`].
    pub priority: Option<String>,
    /// So that the same start again is the same job.
    pub idempotency_key: Option<String>,
    /// How far it goes on by itself: one of [`MODES`].
    pub mode: Option<String>,
}

/// The words for how urgent something is, most urgent first.
pub const PRIORITIES: [&str; 5] = ["urgent", "high", "medium", "low", "background"];
/// The words for how far a job goes on by itself.
pub const MODES: [&str; 3] = ["full", "gated", "manual"];

impl StartJob {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            pipeline: fields.required("pipeline", "the name of a pipeline")?,
            key: fields.optional("key", "a text")?,
            input: fields.raw("input").map(ToOwned::to_owned),
            priority: one_of(&fields, "priority", &PRIORITIES)?,
            idempotency_key: fields.optional("idempotencyKey", "a text")?,
            mode: one_of(&fields, "mode", &MODES)?,
        })
    }
}

/// `POST /api/jobs/{id}/signals/{name}`.
#[derive(Debug, Clone)]
pub struct SendSignal {
    /// What was decided: the whole body.
    pub payload: Box<RawValue>,
    /// Who decided, from the member `by`.
    pub by: Option<String>,
}

impl SendSignal {
    /// Reads the body; an empty one is an empty object.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let body = if body.is_empty() { b"{}" } else { body };
        let fields = Fields::parse(body)?;
        let by = fields.optional("by", "a text")?;
        let payload = serde_json::from_slice(body).map_err(|error| Problem::field("", error.to_string()))?;
        Ok(Self { payload, by })
    }
}

/// `POST /api/jobs/{id}/priority`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPriority {
    /// One of [`PRIORITIES`].
    pub priority: String,
}

impl SetPriority {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let priority = one_of(&fields, "priority", &PRIORITIES)?;
        priority.map(|priority| Self { priority }).ok_or_else(|| {
            Problem::field("/priority", format!("`priority` is missing: one of {}", PRIORITIES.join(", ")))
        })
    }
}

fn one_of(fields: &Fields<'_>, name: &str, words: &[&str]) -> Result<Option<String>, Problem> {
    let expected = format!("one of {}", words.join(", "));
    let word: Option<String> = fields.optional(name, &expected)?;
    match word {
        Some(word) if !words.contains(&&*word) => Err(Problem::field(
            fields.pointer_to(name),
            format!("`{name}` must be {expected}, found \"{word}\""),
        )),
        word => Ok(word),
    }
}

#[cfg(test)]
mod tests {
    use super::{StartJob, StartPhase};

    #[test]
    fn the_originals_start_keeps_everything_but_the_phase_as_input() {
        let start = StartPhase::parse(br#"{"totalSeeds": 668, "phase": 1, "a\"b": null}"#).expect("a start");
        assert_eq!((&*start.phase, start.input.get()), ("1", r#"{"totalSeeds":668,"a\"b":null}"#));
        let problem = StartPhase::parse(br#"{"totalSeeds": 668}"#).expect_err("no phase");
        assert_eq!(problem.pointer.as_deref(), Some("/phase"));
    }

    #[test]
    fn a_word_outside_its_list_is_refused_by_name() {
        let problem = StartJob::parse(br#"{"pipeline":"course","priority":"asap"}"#).expect_err("asap");
        assert_eq!(problem.pointer.as_deref(), Some("/priority"));
        assert!(problem.detail.contains("urgent, high"), "{problem}");
    }
}
