//! Any endpoint that speaks `POST /audio/speech` as OpenAI's does: Kokoro and Piper servers, clouds.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Speech, Voice, VoiceRole, Voices, Wav, chosen};
use crate::{answer::Answer, endpoint::Endpoint, error::ProviderError, secret::KeySource};

/// For one utterance.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechSettings {
    /// The address before `/audio/speech`, such as `http://127.0.0.1:8880/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The environment variable with the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file with the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Further fields of the request, for what one server needs.
    #[serde(default)]
    pub body: Map<String, Value>,
}

/// Voices behind such an endpoint.
#[derive(Debug)]
pub struct OpenAiSpeech {
    endpoint: Endpoint,
    model: String,
    body: Map<String, Value>,
    voices: Voices,
}

impl OpenAiSpeech {
    /// Voices by settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: SpeechSettings, voices: Voices) -> Self {
        let SpeechSettings { url, model, key_env, key_file, body } = settings;
        let endpoint = Endpoint::new("speech", &url, KeySource { key_env, key_file });
        Self { endpoint, model, body, voices }
    }

    /// Returns whether it could be asked, without asking it.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`].
    pub fn ready(&self) -> Result<(), ProviderError> {
        self.endpoint.ready()
    }

    async fn spoken(&self, text: &str, voice: &Voice, speed: f64) -> Result<Wav, ProviderError> {
        let mut body = json!({
            "model": self.model, "input": text, "voice": voice.name,
            "response_format": "wav", "speed": speed.clamp(0.25, 4.0),
        });
        for (name, value) in &self.body {
            body[name] = value.clone();
        }
        let (media, bytes) = self.endpoint.post("/audio/speech", &body, PATIENCE).await?;
        Wav::read(&bytes).map_err(|error| {
            let message = format!("{error} ({})", media.as_deref().unwrap_or("without a media type"));
            ProviderError::Garbled { provider: self.endpoint.provider().to_owned(), message }
        })
    }
}

impl Speech for OpenAiSpeech {
    /// With the address and settings: what a name stands for is the server's business.
    fn name(&self) -> String {
        let more = if self.body.is_empty() {
            String::new()
        } else {
            format!(" {}", Value::Object(self.body.clone()))
        };
        format!("{} at {}{more}", self.model, self.endpoint.base())
    }

    fn voice(&self, language: &str, role: VoiceRole) -> Result<Voice, ProviderError> {
        let name = chosen(&self.voices, language, role).unwrap_or(match role {
            VoiceRole::Target1 => "nova",
            VoiceRole::Target2 => "onyx",
            VoiceRole::Source | VoiceRole::Presentation => "alloy",
        });
        Ok(Voice { language: language.to_owned(), name: name.to_owned() })
    }

    fn speak<'a>(&'a self, text: &'a str, voice: &'a Voice, speed: f64) -> Answer<'a, Wav> {
        Box::pin(self.spoken(text, voice, speed))
    }
}
