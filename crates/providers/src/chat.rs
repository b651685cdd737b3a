//! Language models: the trait, and what is asked of one.

mod openai;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{answer::Answer, error::ProviderError};

pub use openai::{AnswerForm, ChatSettings, OpenAiChat};

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// Instructions.
    System,
    /// The caller.
    User,
    /// The model, earlier.
    Assistant,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// Instructions.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: ChatRole::System, content: content.into() }
    }

    /// What the caller says.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: ChatRole::User, content: content.into() }
    }
}

/// The shape that an answer must have.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSchema {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// A JSON schema.
    pub schema: Value,
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The talk so far.
    pub messages: Vec<ChatMessage>,
    /// The shape that the answer must have; none: free text.
    pub schema: Option<AnswerSchema>,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
    /// 0.0 for the likeliest answer.
    pub temperature: f64,
    /// When to give up on it.
    pub timeout: Duration,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatReply {
    /// The text; JSON where a schema was given, but check it: not every server holds a model to it.
    pub text: String,
    /// Which model answered, as the server names it.
    pub model: String,
    /// Tokens of the question, where the server counts them.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, where the server counts them.
    pub completion_tokens: Option<u64>,
    /// Whether it was cut off at `max_tokens`.
    pub cut_off: bool,
}

/// A language model that answers.
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// Returns the model's name as asked for.
    fn name(&self) -> String;

    /// Returns what its answers depend on besides the question: model, place, settings.
    fn fingerprint(&self) -> String;

    /// Returns whether it could be asked, without asking it.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`].
    fn ready(&self) -> Result<(), ProviderError>;

    /// Asks. Not repeated on errors: the caller knows how often it wants to pay.
    fn chat<'a>(&'a self, request: &'a ChatRequest, cancel: &'a CancellationToken) -> Answer<'a, ChatReply>;
}
