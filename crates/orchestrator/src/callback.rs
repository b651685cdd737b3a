//! What services say, as the engine understands it: callbacks, answers of `/status` and of `/pause`.

use engine::{command::Outcome, job::RunError, payload::Payload};
use protocol::{AttemptStatus, Callback, CallbackStatus, PauseAnswer, Problem};
use serde_json::value::RawValue;

/// What a callback says of its attempt.
#[derive(Debug, Clone)]
pub enum Said {
    /// How it ended.
    Ended(Outcome),
    /// It gave up its slot and left a checkpoint.
    Paused(Payload),
}

/// Takes a callback's meaning out of it.
#[must_use]
pub fn said(callback: Callback) -> Said {
    let given = |raw: Option<Box<RawValue>>| raw.map_or_else(Payload::null, Payload::from_raw);
    match (callback.status, callback.checkpoint) {
        (CallbackStatus::Complete, _) => {
            let stats = callback.stats.map_or_else(empty_object, Payload::from_raw);
            Said::Ended(Outcome::Success { output: given(callback.output), stats })
        }
        (CallbackStatus::Paused, Some(checkpoint)) => Said::Paused(Payload::from_raw(checkpoint)),
        (CallbackStatus::Failed | CallbackStatus::Paused | CallbackStatus::Cancelled, _) => {
            let error = match callback.error {
                Some(error) => RunError {
                    code: error.code.into(),
                    message: error.message.into(),
                    retryable: error.retryable,
                },
                None => RunError::retryable("failed", "the service gave no reason"),
            };
            Said::Ended(Outcome::Failure { error })
        }
    }
}

fn empty_object() -> Payload {
    Payload::from_value(&serde_json::Value::Object(serde_json::Map::new()))
}

/// The answer 200 of a service that was done at once.
///
/// # Errors
/// Where it is no callback, or that of a paused attempt.
pub fn parse_outcome(body: &[u8]) -> Result<Outcome, Problem> {
    match said(Callback::parse(body)?) {
        Said::Ended(outcome) => Ok(outcome),
        Said::Paused(_) => Err(Problem::field("/status", "nobody had asked it to pause")),
    }
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

/// Reads an answer of `/status/{attemptId}`; none where it is no such answer.
#[must_use]
pub fn parse_status(body: &[u8]) -> Option<ServiceStatus> {
    match serde_json::from_slice(body).ok()? {
        AttemptStatus::Unknown => Some(ServiceStatus::Unknown),
        AttemptStatus::Running { .. } => Some(ServiceStatus::Running),
        AttemptStatus::Done { callback } => match said(*callback) {
            Said::Ended(outcome) => Some(ServiceStatus::Done(outcome)),
            Said::Paused(_) => Some(ServiceStatus::Running),
        },
    }
}

/// Reads an answer of `/pause/{attemptId}`; none where it is no such answer.
#[must_use]
pub fn parse_checkpoint(body: &[u8]) -> Option<Payload> {
    serde_json::from_slice::<PauseAnswer>(body).ok().map(|answer| Payload::from_raw(answer.checkpoint))
}
