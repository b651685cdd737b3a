//! What the author of a phase writes, and how its words become a callback.

use std::{future::Future, pin::Pin, sync::Arc};

use protocol::{Callback, CallbackError, CallbackStatus, headers::CALLBACK_LIMIT};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::context::Context;

/// A kind of work.
pub trait Phase: Send + Sync + 'static {
    /// The phase's id in the pipeline.
    const NAME: &'static str;
    /// What the job was started with: the start request's `input`. Use a struct with `#[serde(default)]` members for what you
    /// need of it, or [`Value`].
    type Input: DeserializeOwned + Send;
    /// The result. More than 1 MiB of it as JSON fails: store large things as artifacts.
    type Output: Serialize + Send;

    /// Does one attempt. It may be run again for the same attempt after a crash of the service, so its effects outside must
    /// bear that. Work that keeps a core busy belongs into `tokio::task::spawn_blocking`.
    fn run(
        &self,
        ctx: Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Success<Self::Output>, PhaseError>> + Send;
}

/// A result with figures about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Success<T> {
    /// For the phases after this one.
    pub output: T,
    /// For gates and people: an object of figures; `null`: none.
    pub stats: Value,
}

impl<T> Success<T> {
    /// A result without figures.
    pub fn new(output: T) -> Self {
        Self { output, stats: Value::Null }
    }

    /// Adds figures.
    #[must_use]
    pub fn stats(mut self, stats: Value) -> Self {
        self.stats = stats;
        self
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// Another attempt would fail the same way.
    #[error("{code}: {message}")]
    Permanent {
        /// Stable, for programs.
        code: String,
        /// For people.
        message: String,
    },
    /// Another attempt may help.
    #[error("{code}: {message}")]
    Retry {
        /// Stable, for programs.
        code: String,
        /// For people.
        message: String,
    },
    /// It was asked to pause and did; the next attempt gets the checkpoint.
    #[error("paused")]
    Paused {
        /// From where to go on.
        checkpoint: Value,
    },
    /// It was told to stop and did.
    #[error("cancelled")]
    Cancelled,
}

impl PhaseError {
    /// Another attempt would fail the same way.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Permanent { code: code.into(), message: message.into() }
    }

    /// Another attempt may help.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Retry { code: code.into(), message: message.into() }
    }

    /// Paused with a checkpoint of any type.
    pub fn paused(checkpoint: &impl Serialize) -> Self {
        match serde_json::to_value(checkpoint) {
            Ok(checkpoint) => Self::Paused { checkpoint },
            Err(error) => Self::permanent(
                "invalid-checkpoint",
                format!("the checkpoint cannot be written as JSON: {error}"),
            ),
        }
    }
}

type Ran<'a> = Pin<Box<dyn Future<Output = Callback> + Send + 'a>>;

/// A phase of any type, so that one service can hold several.
pub(crate) trait ErasedPhase: Send + Sync + 'static {
    fn run_erased(self: Arc<Self>, ctx: Context) -> Ran<'static>;
}

impl<P: Phase> ErasedPhase for P {
    fn run_erased(self: Arc<Self>, ctx: Context) -> Ran<'static> {
        Box::pin(async move {
            let input = match read_input::<P::Input>(ctx.start().input.get()) {
                Ok(input) => input,
                Err(error) => return failed(error),
            };
            match self.run(ctx, input).await {
                Ok(success) => succeeded(&success),
                Err(error) => failed(error),
            }
        })
    }
}

/// A job started without input gives `null`; a struct of optional members reads it as an empty object.
fn read_input<T: DeserializeOwned>(text: &str) -> Result<T, PhaseError> {
    let read = match serde_json::from_str(text) {
        Err(_) if text == "null" => serde_json::from_str("{}"),
        read => read,
    };
    read.map_err(|error| {
        PhaseError::permanent("invalid-input", format!("the job's input does not fit this phase: {error}"))
    })
}

fn succeeded<T: Serialize>(success: &Success<T>) -> Callback {
    let written = serde_json::value::to_raw_value(&success.output)
        .and_then(|output| Ok((output, serde_json::value::to_raw_value(&success.stats)?)));
    let (output, stats) = match written {
        Ok(written) => written,
        Err(error) => {
            let message = format!("the result cannot be written as JSON: {error}");
            return failed(PhaseError::permanent("invalid-output", message));
        }
    };
    let size = output.get().len() + stats.get().len();
    if size > CALLBACK_LIMIT - ROOM_FOR_NAMES {
        return failed(PhaseError::permanent(
            "result-too-large",
            format!(
                "the result has {size} bytes, a callback takes {CALLBACK_LIMIT}: store what is large with \
                 ctx.artifacts().put_json(name, …) and put the name into the result"
            ),
        ));
    }
    Callback {
        status: CallbackStatus::Complete,
        success: true,
        output: Some(output),
        stats: Some(stats).filter(|stats| stats.get() != "null"),
        ..Callback::default()
    }
}

/// Of the callback's limit, for ids, names and punctuation.
const ROOM_FOR_NAMES: usize = 2048;

pub(crate) fn failed(error: PhaseError) -> Callback {
    let callback = |status, error| Callback { status, success: false, error, ..Callback::default() };
    match error {
        PhaseError::Permanent { code, message } => callback(
            CallbackStatus::Failed,
            Some(CallbackError { code, message: shortened(message), retryable: false }),
        ),
        PhaseError::Retry { code, message } => callback(
            CallbackStatus::Failed,
            Some(CallbackError { code, message: shortened(message), retryable: true }),
        ),
        PhaseError::Cancelled => callback(CallbackStatus::Cancelled, None),
        PhaseError::Paused { checkpoint } => match RawValue::from_string(checkpoint.to_string()) {
            Ok(checkpoint) if checkpoint.get().len() <= CALLBACK_LIMIT - ROOM_FOR_NAMES => {
                Callback { checkpoint: Some(checkpoint), ..callback(CallbackStatus::Paused, None) }
            }
            _ => failed(PhaseError::permanent(
                "checkpoint-too-large",
                "the checkpoint is larger than a callback takes: store it as an artifact and give its name",
            )),
        },
    }
}

/// A message is for people; a page of it is enough, and a callback has a limit.
fn shortened(mut message: String) -> String {
    const MOST: usize = 16 * 1024;
    if message.len() > MOST {
        let end = message.floor_char_boundary(MOST);
        message.truncate(end);
        message.push('…');
    }
    message
}
