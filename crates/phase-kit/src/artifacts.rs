//! The job's artifacts over HTTP: named blobs, addressed by their hash.
//!
//! JSON is written in one canonical form (members sorted, two spaces, a newline at the end), so that equal values are equal
//! bytes in every run. A call is tried again for a while: an orchestrator that is being restarted must not cost an attempt.

use std::time::Duration;

use bytes::Bytes;
use protocol::{ArtifactInfo, Code, Problem, headers};
use reqwest::{Method, RequestBuilder, Response, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    client::{is_over, problem_of},
    phase::PhaseError,
};

/// Reads and stores artifacts of one job in the name of one attempt. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Artifacts {
    client: reqwest::Client,
    base: String,
    token: String,
    patience: Duration,
}

/// Why an artifact could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The job has none of this name.
    #[error("there is no artifact `{0}`")]
    NotFound(String),
    /// It is not JSON of the type asked for, or the value cannot be written as JSON.
    #[error("the artifact `{name}` does not fit")]
    NotJson {
        /// Which.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The attempt is over: stop.
    #[error("the attempt is over")]
    Over,
    /// The orchestrator says no.
    #[error("the orchestrator refused `{name}` with {status}: {detail}")]
    Refused {
        /// Which.
        name: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        detail: String,
    },
    /// The orchestrator was not reached for as long as patience lasted, or kept failing.
    #[error("the orchestrator could not be reached for `{name}`: {detail}")]
    Unreachable {
        /// Which.
        name: String,
        /// The last thing that went wrong.
        detail: String,
    },
}

impl From<ArtifactError> for PhaseError {
    fn from(error: ArtifactError) -> Self {
        let code = match &error {
            ArtifactError::NotFound(_) => "missing-artifact",
            ArtifactError::NotJson { source, .. } => {
                return Self::permanent("invalid-artifact", format!("{error}: {source}"));
            }
            ArtifactError::Over => return Self::Cancelled,
            ArtifactError::Refused { .. } => "artifact-refused",
            ArtifactError::Unreachable { .. } => {
                return Self::retry("orchestrator-unreachable", error.to_string());
            }
        };
        Self::permanent(code, error.to_string())
    }
}

impl Artifacts {
    /// A client for the artifacts under `base` (which ends in `/`), with the attempt's token.
    pub(crate) fn new(client: reqwest::Client, base: String, token: String, patience: Duration) -> Self {
        Self { client, base, token, patience }
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// If there is none, it does not fit, or the orchestrator cannot be reached.
    pub async fn get_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ArtifactError> {
        let bytes = self.get_bytes(name).await?;
        serde_json::from_slice(&bytes)
            .map_err(|source| ArtifactError::NotJson { name: name.to_owned(), source })
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// If there is none or the orchestrator cannot be reached.
    pub async fn get_bytes(&self, name: &str) -> Result<Bytes, ArtifactError> {
        self.call(name, || self.request(Method::GET, name)).await.map(|answer| answer.body)
    }

    /// Stores a value as canonical JSON.
    ///
    /// # Errors
    /// If it cannot be written as JSON, or the orchestrator refuses it or cannot be reached.
    pub async fn put_json<T: Serialize + ?Sized>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<ArtifactInfo, ArtifactError> {
        let bytes = canonical_json(value)
            .map_err(|source| ArtifactError::NotJson { name: name.to_owned(), source })?;
        self.put_bytes(name, headers::JSON, bytes.into()).await
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// If the orchestrator refuses them or cannot be reached.
    pub async fn put_bytes(
        &self,
        name: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<ArtifactInfo, ArtifactError> {
        let put = || self.request(Method::PUT, name).header(CONTENT_TYPE, media_type).body(bytes.clone());
        self.call(name, put).await?.json(name)
    }

    /// Gives a blob that the orchestrator has already a name in this job, without sending it. `hash` is BLAKE3, hexadecimal.
    /// Returns false if it has no such blob: then send it.
    ///
    /// # Errors
    /// If the orchestrator refuses or cannot be reached.
    pub async fn link(&self, name: &str, hash: &str) -> Result<bool, ArtifactError> {
        let put = || {
            self.request(Method::PUT, name)
                .header(CONTENT_TYPE, media_type_of(name))
                .header(headers::ARTIFACT_HASH, hash)
        };
        match self.call(name, put).await {
            Ok(_) => Ok(true),
            Err(ArtifactError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All artifacts of the job.
    ///
    /// # Errors
    /// If the orchestrator refuses or cannot be reached.
    pub async fn list(&self) -> Result<Vec<ArtifactInfo>, ArtifactError> {
        let url = self.base.trim_end_matches('/');
        let list = self.call("", || self.client.get(url).bearer_auth(&self.token)).await?;
        list.json::<protocol::ArtifactList>("").map(|list| list.artifacts)
    }

    fn request(&self, method: Method, name: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{}", self.base, escaped(name))).bearer_auth(&self.token)
    }

    /// Sends until there is an answer that is not a passing failure, or patience ends.
    async fn call(&self, name: &str, request: impl Fn() -> RequestBuilder) -> Result<Answer, ArtifactError> {
        let give_up = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(100);
        loop {
            let detail = match request().send().await {
                Ok(answer) if answer.status().is_success() => match answer.bytes().await {
                    Ok(body) => return Ok(Answer { body }),
                    Err(error) => error.without_url().to_string(),
                },
                Ok(answer) if is_passing(&answer) => format!("it answered {}", answer.status().as_u16()),
                Ok(answer) => return Err(refusal(name, answer).await),
                Err(error) if error.is_builder() => {
                    let detail = error.to_string();
                    return Err(ArtifactError::Refused { name: name.to_owned(), status: 0, detail });
                }
                Err(error) => error.without_url().to_string(),
            };
            if Instant::now() + pause >= give_up {
                return Err(ArtifactError::Unreachable { name: name.to_owned(), detail });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

struct Answer {
    body: Bytes,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ArtifactError> {
        serde_json::from_slice(&self.body)
            .map_err(|source| ArtifactError::NotJson { name: name.to_owned(), source })
    }
}

fn is_passing(answer: &Response) -> bool {
    let status = answer.status().as_u16();
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

async fn refusal(name: &str, answer: Response) -> ArtifactError {
    let status = answer.status().as_u16();
    match problem_of(answer).await {
        // Only the token of a live attempt is taken, so a wrong one means that this attempt is none any more.
        Some(Problem { code, .. }) if is_over(code) || code == Code::WrongToken => ArtifactError::Over,
        Some(Problem { code: Code::UnknownArtifact, .. }) => ArtifactError::NotFound(name.to_owned()),
        None if status == 404 => ArtifactError::NotFound(name.to_owned()),
        Some(problem) => {
            ArtifactError::Refused { name: name.to_owned(), status, detail: problem.to_string() }
        }
        None => {
            ArtifactError::Refused { name: name.to_owned(), status, detail: "no reason given".to_owned() }
        }
    }
}

/// The one form in which JSON artifacts are written.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    value.sort_all_objects();
    let mut bytes = serde_json::to_vec_pretty(&value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Percent-encodes all but what a path may hold; `/` stays, so that names can have folders.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte))
            }
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                escaped.push('%');
                escaped.push(char::from(HEX[usize::from(byte >> 4)]));
                escaped.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    escaped
}

fn media_type_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("") {
        "json" => headers::JSON,
        "mp3" => "audio/mpeg",
        "opus" | "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "md" => "text/markdown; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{canonical_json, escaped};

    #[test]
    fn equal_values_are_equal_bytes() {
        let value = |names: [&str; 3]| {
            names.map(|name| (name.to_owned(), 1.5)).into_iter().collect::<HashMap<_, _>>()
        };
        let one = canonical_json(&value(["c", "a", "b"])).expect("JSON");
        assert_eq!(one, canonical_json(&value(["b", "c", "a"])).expect("JSON"));
        assert_eq!(one, b"{\n  \"a\": 1.5,\n  \"b\": 1.5,\n  \"c\": 1.5\n}\n");
    }

    #[test]
    fn names_keep_their_folders_and_lose_nothing() {
        assert_eq!(escaped("audio/¿qué?.mp3"), "audio/%C2%BFqu%C3%A9%3F.mp3");
    }
}
