//! Whisper on this machine, for free speech: `faster-whisper` as a Python process that lives on, with a model in a folder.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Heard, HeardSegment, Recogniser, Sound, process::Processes, share};
use crate::{
    answer::{Answer, unless_cancelled},
    error::ProviderError,
};

const SCRIPT: &str = concat!(include_str!("lines.py"), include_str!("whisper.py"));
const INSTALL: &str = "scripts/setup --whisper, or pip install faster-whisper and a model in a folder";

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
    /// Ways that are followed at the same time; more take longer.
    #[serde(default = "one")]
    pub beam: usize,
    /// Threads of a process; 0: as many as the library likes.
    #[serde(default)]
    pub threads: usize,
    /// Processes at the same time; each has the model in memory. With one, sentences that go on are not listened to, for
    /// one that has ended would wait for them.
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
    0.5
}

fn one() -> usize {
    1
}

/// Whisper.
#[derive(Debug)]
pub struct Whisper {
    processes: Processes,
    language: String,
    beam: usize,
    least: f64,
    /// Whether there is a process to spare for a sentence that goes on.
    spare: bool,
}

impl Whisper {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(settings: &WhisperSettings) -> Self {
        let (model, threads) = (settings.model.display().to_string(), settings.threads.to_string());
        let words = [settings.python.clone(), "-c".to_owned(), SCRIPT.to_owned(), model, threads];
        let patience = Duration::from_secs(60);
        let processes = Processes::new("whisper", INSTALL, words.to_vec(), patience, settings.parallel);
        Self {
            processes,
            language: settings.language.clone(),
            beam: settings.beam.clamp(1, 10),
            least: settings.least,
            spare: settings.parallel > 1,
        }
    }

    /// Starts its process, and returns once that could listen.
    ///
    /// # Errors
    /// A program, a module or a model that is not there.
    pub async fn ready(&self) -> Result<(), ProviderError> {
        self.processes.ready().await
    }
}

impl Recogniser for Whisper {
    fn name(&self) -> String {
        "whisper on this machine".to_owned()
    }

    fn hear<'a>(&'a self, sound: &'a Sound, cancel: &'a CancellationToken) -> Answer<'a, Heard> {
        Box::pin(unless_cancelled(cancel, async {
            if sound.partial && !self.spare {
                return Ok(Heard::default());
            }
            let request = json!({ "language": self.language, "prompt": &*sound.hint, "beam": self.beam });
            Ok(heard(&self.processes.ask(&request, &sound.samples).await?, self.least))
        }))
    }
}

/// What the process found, unless it is less sure of a part than `least`: half an order may be another one.
fn heard(answer: &Value, least: f64) -> Heard {
    let parts = answer["segments"].as_array().into_iter().flatten();
    let segments: Vec<HeardSegment> = parts
        .filter_map(|part| {
            let text = part[0].as_str()?.trim().to_owned();
            // How likely its words are, if it is speech at all.
            let confidence = part[3].as_f64()?.exp() * (1.0 - part[4].as_f64()?);
            let (start, end) = (part[1].as_f64()?, part[2].as_f64()?);
            (!text.is_empty()).then_some(HeardSegment {
                text,
                start,
                end,
                confidence: Some(share(confidence)),
            })
        })
        .collect();
    let text = segments.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
    let confidence = segments.iter().filter_map(|part| part.confidence).reduce(f64::min);
    match confidence {
        None => Heard::default(),
        Some(sure) if sure < least => Heard { rejected: Some(text), ..Heard::default() },
        Some(_) => Heard { text, confidence, segments, rejected: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_believed_as_far_as_they_are_likely_and_speech() {
        let one =
            |log: f64, none: f64| json!({ "segments": [[" Turn on the suction.", 0.0, 1.5, log, none]] });
        let sure = heard(&one(-0.1, 0.01), 0.5);
        assert_eq!((sure.text.as_str(), sure.confidence), ("Turn on the suction.", Some(0.9)));
        assert_eq!((sure.segments[0].start, sure.segments[0].end), (0.0, 1.5));
        for noise in [one(-1.2, 0.01), one(-0.1, 0.8)] {
            let rejected = heard(&noise, 0.5);
            assert_eq!((rejected.text.as_str(), rejected.confidence), ("", None));
            assert_eq!(rejected.rejected.as_deref(), Some("Turn on the suction."));
        }
        let half =
            json!({ "segments": [["Turn on", 0.0, 1.0, -0.1, 0.0], ["the the", 1.0, 2.0, -2.0, 0.0]] });
        assert_eq!(heard(&half, 0.5).rejected.as_deref(), Some("Turn on the the"));
        for nothing in
            [json!({ "segments": [] }), json!({ "segments": [["", 0.0, 1.0, -0.1, 0.0]] }), json!({})]
        {
            assert_eq!(heard(&nothing, 0.5), Heard::default());
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named_before_anything_is_fetched() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = |python: &str| WhisperSettings {
            model: folder.path().to_owned(),
            python: python.to_owned(),
            language: language(),
            least: least(),
            beam: 1,
            threads: 0,
            parallel: 1,
        };
        let sound =
            |partial| Sound { samples: [0; 160].into(), grammar: "".into(), hint: "".into(), partial };
        let cancel = CancellationToken::new();
        for python in ["no-such-python", "python3"] {
            let whisper = Whisper::new(&settings(python));
            // With the module the model is missing, without it the module is.
            assert_eq!(whisper.hear(&sound(false), &cancel).await.unwrap_err().code(), "provider-missing");
            assert_eq!(whisper.hear(&sound(true), &cancel).await, Ok(Heard::default()), "none to spare");
        }
    }
}
