//! What speech needs of an engine: say a text, in a language, as a role, at a cadence. Which voice that is, is settled
//! here once for a service, so that the rest never sees a voice's name except to write it down.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::clip::Clip;
use crate::model::{Cadence, Role};

/// One thing to be said.
#[derive(Debug, Clone, Copy)]
pub struct Utterance<'a> {
    /// Plain text.
    pub text: &'a str,
    /// ISO 639-3.
    pub language: &'a str,
    /// Who says it.
    pub role: Role,
    /// How fast.
    pub cadence: Cadence,
}

/// Why something was not said. The kinds are what the phase does about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SayError {
    /// Too many requests, a fault of the server, no answer in time: worth another try.
    #[error("{0}")]
    Transient(String),
    /// The engine will not say this text, now or later: skipped and listed.
    #[error("{0}")]
    Refused(String),
    /// This one text could not be said: listed.
    #[error("{0}")]
    Failed(String),
    /// Nothing can be said at all, such as a wrong key or a missing program: the phase ends.
    #[error("{message}")]
    Hopeless {
        /// Stable name of the problem.
        code: String,
        /// For a person.
        message: String,
    },
}

/// What an engine answers.
pub type Said<'a> = Pin<Box<dyn Future<Output = Result<Clip, SayError>> + Send + 'a>>;

/// Something that speaks. A boxed future, because it is chosen by configuration and called through `dyn`.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Returns name and version, as they belong in a recipe: another version may sound different.
    fn name(&self) -> String;

    /// Returns the voice for a role, as it belongs in a recipe.
    ///
    /// # Errors
    /// [`SayError::Hopeless`] where the engine has no voice for the language.
    fn voice(&self, language: &str, role: Role) -> Result<String, SayError>;

    /// Says something.
    fn say<'a>(&'a self, utterance: Utterance<'a>) -> Said<'a>;
}

/// How often and how soon something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries in all.
    pub tries: u32,
    /// Wait after the first; doubled each time.
    pub backoff: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 3, backoff: Duration::from_secs(1) }
    }
}

/// Says something, again after [`SayError::Transient`] as often as `patience` allows.
///
/// # Errors
/// The last error.
pub async fn say_patiently(
    engine: &dyn Engine,
    utterance: Utterance<'_>,
    patience: Patience,
) -> Result<Clip, SayError> {
    let mut wait = patience.backoff;
    for _ in 1..patience.tries {
        match engine.say(utterance).await {
            Err(SayError::Transient(why)) => {
                tracing::debug!(%why, ?wait, "speech is tried again");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            other => return other,
        }
    }
    engine.say(utterance).await
}
