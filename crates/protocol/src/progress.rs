//! What a service says while it works, and what it answers when asked about an attempt.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{callback::Callback, fields::Fields, problem::Problem};

/// How far an attempt is. It extends the lease of the attempt and does nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// So many are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Of so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Progress {
    /// Reads a progress body. An empty object is a plain sign of life.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            done: fields.optional("done", "a whole number")?,
            total: fields.optional("total", "a whole number")?,
            unit: fields.optional("unit", "a text")?,
            message: fields.optional("message", "a text")?,
        })
    }
}

/// What a service knows of an attempt: the answer of `GET /status/{attemptId}`.
#[derive(Debug, Clone)]
pub enum AttemptStatus {
    /// Nothing: it never accepted it, or has forgotten it.
    Unknown,
    /// At work.
    Running {
        /// The last progress, if there was any.
        progress: Option<Progress>,
    },
    /// Finished, with the body of its callback.
    Done {
        /// The callback.
        callback: Box<Callback>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusOnWire<C> {
    state: StateOnWire,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    callback: Option<C>,
}

fn none<T>() -> Option<T> {
    None
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StateOnWire {
    Unknown,
    Running,
    Done,
}

impl Serialize for AttemptStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Unknown => StatusOnWire { state: StateOnWire::Unknown, progress: None, callback: None },
            Self::Running { progress } => {
                StatusOnWire { state: StateOnWire::Running, progress: progress.clone(), callback: None }
            }
            Self::Done { callback } => {
                StatusOnWire { state: StateOnWire::Done, progress: None, callback: Some(&**callback) }
            }
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AttemptStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = StatusOnWire::<Callback>::deserialize(deserializer)?;
        match (wire.state, wire.callback) {
            (StateOnWire::Unknown, _) => Ok(Self::Unknown),
            (StateOnWire::Running, _) => Ok(Self::Running { progress: wire.progress }),
            (StateOnWire::Done, Some(callback)) => Ok(Self::Done { callback: Box::new(callback) }),
            (StateOnWire::Done, None) => Err(serde::de::Error::missing_field("callback")),
        }
    }
}

/// The answer of `POST /pause/{attemptId}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PauseAnswer {
    /// From where to go on.
    pub checkpoint: Box<RawValue>,
}

/// The answer of a service's `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// The service's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The phases that it does.
    #[serde(default)]
    pub phases: Vec<String>,
    /// Attempts at work.
    pub running: usize,
    /// Most attempts at a time.
    pub capacity: usize,
}

#[cfg(test)]
mod tests {
    use super::AttemptStatus;

    #[test]
    fn the_three_states_of_an_attempt_survive_the_wire() {
        for text in [
            r#"{"state":"unknown"}"#,
            r#"{"state":"running","progress":{"done":3,"total":9,"unit":"seeds"}}"#,
            r#"{"state":"done","callback":{"status":"complete","success":true,"output":{"a":1}}}"#,
        ] {
            let status: AttemptStatus = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_string(&status).expect("JSON"), text);
        }
    }
}
