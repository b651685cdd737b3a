//! What a user can set for the service `tts`, from `[service.tts.options]` of `services.toml`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::engine::{Engine, Patience};
use super::espeak::{Espeak, Voices};
use super::format::Format;
use super::phase::Tts;
use super::speaker::{Speaker, SpeakerSettings};
use super::store::Store;

/// The options, each with a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TtsOptions {
    /// Which engine speaks.
    pub engine: EngineChoice,
    /// The engine's program, where it is one.
    pub program: String,
    /// Voices other than our choice, by language and role.
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
}

impl Default for TtsOptions {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Espeak,
            program: "espeak-ng".to_owned(),
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
    #[must_use]
    pub fn phase(self, data_dir: &Path) -> Tts {
        let engine: Arc<dyn Engine> = match self.engine {
            EngineChoice::Espeak => Arc::new(Espeak::new(&self.program, self.voices.clone())),
        };
        self.phase_with(engine, data_dir)
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
