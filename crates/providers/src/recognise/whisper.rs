//! Whisper on this machine, for free speech: `faster-whisper` as a Python process that lives on, with a model in a folder.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Heard, HeardSegment, Recogniser, Sound, process::Processes, share};
use crate::answer::{Answer, unless_cancelled};

const SCRIPT: &str = include_str!("whisper.py");
const INSTALL: &str = "python3 -m pip install faster-whisper numpy, and a model in a folder";

/// How Whisper is set up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhisperSettings {
    /// The folder of a CTranslate2 model (`model.bin` in it).
    pub model: PathBuf,
    /// The Python that has `faster-whisper`.
    #[serde(default = "python")]
    pub python: String,
    /// `en`, `es`…
    #[serde(default = "language")]
    pub language: String,
    /// Below this confidence what was said is taken for noise.
    #[serde(default = "least")]
    pub least: f64,
    /// Processes at the same time; each has the model in memory.
    #[serde(default = "one")]
    pub parallel: usize,
}

fn python() -> String {
    "python3".to_owned()
}

fn language() -> String {
    "en".to_owned()
}

fn least() -> f64 {
    0.3
}

fn one() -> usize {
    1
}

/// Whisper.
#[derive(Debug)]
pub struct Whisper {
    processes: Processes,
    language: String,
    least: f64,
}

impl Whisper {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(settings: &WhisperSettings) -> Self {
        let model = settings.model.display().to_string();
        let words = [settings.python.clone(), "-c".to_owned(), SCRIPT.to_owned(), model];
        let patience = Duration::from_secs(60);
        let processes = Processes::new("whisper", INSTALL, words.to_vec(), patience, settings.parallel);
        Self { processes, language: settings.language.clone(), least: settings.least }
    }
}

impl Recogniser for Whisper {
    fn name(&self) -> String {
        "whisper on this machine".to_owned()
    }

    fn hear<'a>(&'a self, sound: &'a Sound, cancel: &'a CancellationToken) -> Answer<'a, Heard> {
        Box::pin(unless_cancelled(cancel, async {
            let request = json!({ "language": self.language, "prompt": &*sound.hint });
            let answer = self.processes.ask(&request, &sound.samples).await?;
            let parts = answer["segments"].as_array().into_iter().flatten();
            let segments: Vec<HeardSegment> = parts
                .filter_map(|part| {
                    let confidence = part[3].as_f64().map(|log| share(log.exp()));
                    let text = part[0].as_str()?.trim().to_owned();
                    Some(HeardSegment { text, start: part[1].as_f64()?, end: part[2].as_f64()?, confidence })
                })
                .collect();
            let text = segments.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
            let confidence = segments.iter().filter_map(|part| part.confidence).reduce(f64::min);
            if confidence.is_some_and(|confidence| confidence < self.least) {
                return Ok(Heard { rejected: Some(text), ..Heard::default() });
            }
            Ok(Heard { text, confidence, segments, rejected: None })
        }))
    }
}
