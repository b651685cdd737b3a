//! Any endpoint that speaks `POST /audio/transcriptions` as OpenAI's does: Whisper servers, clouds.

use std::{path::PathBuf, time::Duration};

use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Heard, HeardSegment, RATE, Recogniser, Sound, share};
use crate::{
    answer::{Answer, unless_cancelled},
    endpoint::Endpoint,
    error::ProviderError,
    secret::KeySource,
};

/// For one utterance, which people wait for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptionSettings {
    /// The address before `/audio/transcriptions`, such as `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The environment variable with the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file with the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// `verbose_json` for times and confidence; `json` for a model that has only text.
    #[serde(default = "verbose")]
    pub format: String,
    /// The language, as the server names it; none: the server finds out.
    #[serde(default)]
    pub language: Option<String>,
}

fn verbose() -> String {
    "verbose_json".to_owned()
}

/// A recogniser behind such an endpoint.
#[derive(Debug)]
pub struct OpenAiRecogniser {
    endpoint: Endpoint,
    settings: TranscriptionSettings,
}

#[derive(Debug, Deserialize)]
struct Transcription {
    text: String,
    #[serde(default)]
    segments: Vec<Stretch>,
}

#[derive(Debug, Deserialize)]
struct Stretch {
    #[serde(default)]
    text: String,
    #[serde(default)]
    start: f64,
    #[serde(default)]
    end: f64,
    #[serde(default)]
    avg_logprob: Option<f64>,
}

impl OpenAiRecogniser {
    /// A recogniser by its settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: TranscriptionSettings) -> Self {
        let key = KeySource { key_env: settings.key_env.clone(), key_file: settings.key_file.clone() };
        Self { endpoint: Endpoint::new("transcription", &settings.url, key), settings }
    }

    /// Returns whether it could be asked, without asking it.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`].
    pub fn ready(&self) -> Result<(), ProviderError> {
        self.endpoint.ready()
    }

    async fn heard(&self, sound: &Sound) -> Result<Heard, ProviderError> {
        let file = Part::bytes(wav(&sound.samples)).file_name("utterance.wav");
        let file = file.mime_str("audio/wav").map_err(|error| self.garbled(error.to_string()))?;
        let mut form = Form::new()
            .part("file", file)
            .text("model", self.settings.model.clone())
            .text("response_format", self.settings.format.clone());
        if let Some(language) = &self.settings.language {
            form = form.text("language", language.clone());
        }
        if !sound.hint.is_empty() {
            form = form.text("prompt", sound.hint.to_string());
        }
        let (_, bytes) = self.endpoint.post_form("/audio/transcriptions", form, PATIENCE).await?;
        let answer: Transcription = serde_json::from_slice(&bytes)
            .map_err(|error| self.garbled(format!("it is no transcription: {error}")))?;
        Ok(heard(answer))
    }

    fn garbled(&self, message: String) -> ProviderError {
        ProviderError::Garbled { provider: self.endpoint.provider().to_owned(), message }
    }
}

fn heard(answer: Transcription) -> Heard {
    let segments: Vec<HeardSegment> = answer
        .segments
        .into_iter()
        .map(|part| HeardSegment {
            text: part.text.trim().to_owned(),
            start: part.start,
            end: part.end,
            confidence: part.avg_logprob.map(|log| share(log.exp())),
        })
        .collect();
    let lowest = segments.iter().filter_map(|part| part.confidence).reduce(f64::min);
    Heard { text: answer.text.trim().to_owned(), confidence: lowest, segments, rejected: None }
}

/// A WAV file of these samples.
fn wav(samples: &[i16]) -> Vec<u8> {
    let length = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(samples.len() * 2 + 44);
    bytes.extend(b"RIFF");
    bytes.extend(length.saturating_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((RATE * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

impl Recogniser for OpenAiRecogniser {
    fn name(&self) -> String {
        format!("{} at {}", self.settings.model, self.endpoint.base())
    }

    fn hear<'a>(&'a self, sound: &'a Sound, cancel: &'a CancellationToken) -> Answer<'a, Heard> {
        Box::pin(unless_cancelled(cancel, self.heard(sound)))
    }
}
