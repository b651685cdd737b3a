//! Any endpoint that speaks `POST /chat/completions` as OpenAI's does: llama.cpp, Ollama, vLLM, most clouds.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{ChatModel, ChatReply, ChatRequest};
use crate::{
    answer::{Answer, unless_cancelled},
    endpoint::Endpoint,
    error::ProviderError,
    secret::KeySource,
};

/// How a server is told the shape of its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// `response_format: {type: json_schema, …}`: OpenAI, Ollama, vLLM, llama-server.
    #[default]
    JsonSchema,
    /// `response_format: {type: json_object, schema: …}`: llama-cpp-python and others before it.
    JsonObject,
    /// Not at all; the instructions ask for JSON.
    Plain,
}

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSettings {
    /// The address before `/chat/completions`, such as `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The environment variable with the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file with the key.
    #[serde(default)]
    pub key_file: Option<std::path::PathBuf>,
    /// How the server is told the shape of its answer.
    #[serde(default)]
    pub answers: AnswerForm,
    /// Further fields of the request, for what one server needs.
    #[serde(default)]
    pub body: Map<String, Value>,
}

/// A model behind such an endpoint.
#[derive(Debug)]
pub struct OpenAiChat {
    endpoint: Endpoint,
    model: Arc<str>,
    answers: AnswerForm,
    body: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Completion {
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

impl OpenAiChat {
    /// A model by its settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: ChatSettings) -> Self {
        let ChatSettings { url, model, key_env, key_file, answers, body } = settings;
        let endpoint = Endpoint::new("chat", &url, KeySource { key_env, key_file });
        Self { endpoint, model: model.into(), answers, body }
    }

    fn request(&self, request: &ChatRequest) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": request.messages,
            "temperature": request.temperature,
        });
        // Newer models know only the second name.
        if !self.body.contains_key("max_completion_tokens") {
            body["max_tokens"] = request.max_tokens.into();
        }
        if let Some(wanted) = &request.schema {
            let (name, schema) = (&wanted.name, &wanted.schema);
            match self.answers {
                AnswerForm::JsonSchema => {
                    let shape = json!({ "name": name, "strict": true, "schema": schema });
                    body["response_format"] = json!({ "type": "json_schema", "json_schema": shape });
                }
                AnswerForm::JsonObject => {
                    body["response_format"] = json!({ "type": "json_object", "schema": schema });
                }
                AnswerForm::Plain => {}
            }
        }
        for (name, value) in &self.body {
            body[name] = value.clone();
        }
        body
    }

    fn reply(&self, bytes: &[u8]) -> Result<ChatReply, ProviderError> {
        let provider = || self.endpoint.provider().to_owned();
        let garbled = |message: String| ProviderError::Garbled { provider: provider(), message };
        let completion: Completion = serde_json::from_slice(bytes)
            .map_err(|error| garbled(format!("it is no chat completion: {error}")))?;
        let choice = completion.choices.into_iter().next();
        let choice = choice.ok_or_else(|| garbled("it has no choices".to_owned()))?;
        if let Some(message) = choice.message.refusal {
            return Err(ProviderError::Refused { provider: provider(), message });
        }
        let ended = choice.finish_reason.unwrap_or_default();
        if ended == "content_filter" {
            let message = "its content filter stopped the answer".to_owned();
            return Err(ProviderError::Refused { provider: provider(), message });
        }
        Ok(ChatReply {
            text: choice.message.content.unwrap_or_default(),
            model: completion.model.unwrap_or_else(|| self.name()),
            prompt_tokens: completion.usage.and_then(|usage| usage.prompt_tokens),
            completion_tokens: completion.usage.and_then(|usage| usage.completion_tokens),
            cut_off: ended == "length",
        })
    }
}

impl ChatModel for OpenAiChat {
    fn name(&self) -> String {
        self.model.to_string()
    }

    fn fingerprint(&self) -> String {
        let body = serde_json::to_string(&self.body).unwrap_or_default();
        format!("{} at {} {:?} {body}", self.model, self.endpoint.base(), self.answers)
    }

    fn ready(&self) -> Result<(), ProviderError> {
        self.endpoint.ready()
    }

    fn chat<'a>(&'a self, request: &'a ChatRequest, cancel: &'a CancellationToken) -> Answer<'a, ChatReply> {
        let work = async move {
            let body = self.request(request);
            let (_, bytes) = self.endpoint.post("/chat/completions", &body, request.timeout).await?;
            self.reply(&bytes)
        };
        Box::pin(unless_cancelled(cancel, work))
    }
}
