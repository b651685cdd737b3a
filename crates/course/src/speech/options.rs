//! What a user can set for the service `tts`, from `[service.tts.options]` of `services.toml`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use providers::{Espeak, Finding, OpenAiSpeech, Piper, PiperSettings, Speech, SpeechSettings, Voices};
use serde::Deserialize;
use serde::de::Error as _;

use super::engine::{Engine, Patience};
use super::format::Format;
use super::phase::Tts;
use super::provider::ProvidedEngine;
use super::speaker::{Speaker, SpeakerSettings};
use super::store::Store;
use crate::translation::options::endpoint_finding;

/// The options, each with a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TtsOptions {
    /// Which engine speaks.
    #[serde(alias = "speech")]
    pub engine: EngineChoice,
    /// espeak-ng's program.
    pub program: String,
    /// Where Piper's voices are; for the engine `piper`.
    pub piper: Option<PiperSettings>,
    /// The speech endpoint; for the engine `openai`.
    pub openai: Option<SpeechSettings>,
    /// Voices other than our choice, by language (or `*`) and role.
    pub voices: Voices,
    /// The format of the files, unless a job asks for another one.
    pub format: Format,
    /// Samples at the same time.
    pub parallel: usize,
    /// Tries of an utterance, after passing errors.
    pub tries: u32,
    /// Wait after the first, milliseconds; it doubles.
    pub backoff_ms: u64,
}

/// The engines there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum EngineChoice {
    /// The program espeak-ng.
    #[default]
    #[serde(rename = "espeak-ng")]
    Espeak,
    /// The program Piper, as the option `piper` sets it up.
    #[serde(rename = "piper")]
    Piper,
    /// The endpoint that the option `openai` sets up.
    #[serde(rename = "openai")]
    OpenAi,
}

impl Default for TtsOptions {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Espeak,
            program: "espeak-ng".to_owned(),
            piper: None,
            openai: None,
            voices: Voices::new(),
            format: Format::Opus,
            parallel: 8,
            tries: 3,
            backoff_ms: 1_000,
        }
    }
}

impl TtsOptions {
    /// Returns the phase `tts` with these options; its recordings are under `data_dir/audio`.
    ///
    /// # Errors
    /// Where the engine is not set up, or one is that does not speak.
    pub fn phase(self, data_dir: &Path) -> Result<Tts, serde_json::Error> {
        let speech = self.speech()?;
        Ok(self.phase_with(Arc::new(ProvidedEngine::new(speech)), data_dir))
    }

    /// Whether the engine is set up.
    ///
    /// # Errors
    /// As [`TtsOptions::phase`].
    pub fn check(&self) -> Result<(), serde_json::Error> {
        self.speech().map(drop)
    }

    fn speech(&self) -> Result<Arc<dyn Speech>, serde_json::Error> {
        let voices = self.voices.clone();
        match (self.engine, self.piper.clone(), self.openai.clone()) {
            (EngineChoice::Espeak, None, None) => Ok(Arc::new(Espeak::new(&self.program, voices))),
            (EngineChoice::Piper, Some(piper), None) => Ok(Arc::new(Piper::new(piper, voices))),
            (EngineChoice::OpenAi, None, Some(openai)) => Ok(Arc::new(OpenAiSpeech::new(openai, voices))),
            (EngineChoice::Piper, None, None) => {
                Err(serde_json::Error::custom("piper is not set up: piper = { folder = \"…\" }"))
            }
            (EngineChoice::OpenAi, None, None) => Err(serde_json::Error::custom(
                "openai is not set up: openai = { url = \"…\", model = \"…\", key_env = \"…\" }",
            )),
            _ => Err(serde_json::Error::custom("an engine is set up that the option `engine` does not name")),
        }
    }

    /// Says whether the speech endpoint is set up.
    #[must_use]
    pub fn doctor(&self) -> Finding {
        let example = "[service.tts.options] engine = \"openai\", openai = { url = \"…/v1\", model = \"…\" }";
        let found = self.openai.clone().map(|openai| {
            let detail = format!("{}, for speech", openai.model);
            (detail, OpenAiSpeech::new(openai, Voices::new()).ready())
        });
        endpoint_finding("speech endpoint", "for speech (optional)", found, example)
    }

    /// The same with an engine of the caller's.
    #[must_use]
    pub fn phase_with(self, engine: Arc<dyn Engine>, data_dir: &Path) -> Tts {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let patience = Patience { tries: self.tries, backoff: Duration::from_millis(self.backoff_ms) };
        let (parallel, format) = (self.parallel, self.format);
        let data_dir = data_dir.to_owned();
        let speaker = move |format, mp3| {
            let store = Arc::new(Store::new(&data_dir, format));
            Speaker::new(Arc::clone(&engine), store, SpeakerSettings { parallel, cores, patience, mp3 })
        };
        Tts::new(Box::new(speaker), format, parallel)
    }
}
