//! PocketSphinx with a grammar: hears the sentences of a grammar and nothing else, fast, on any machine. It runs as a small
//! Python process (`commands.py`, which says how it tells an order from other talk).

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Heard, HeardSegment, Recogniser, Sound, process::Processes, share};
use crate::{
    answer::{Answer, unless_cancelled},
    error::ProviderError,
};

const SCRIPT: &str = concat!(include_str!("lines.py"), include_str!("commands.py"));
const INSTALL: &str = "apt-get install python3-pocketsphinx pocketsphinx-en-us";
/// Python of the distribution, which has its packages; the one on the path may be another.
const PYTHON: &str = "/usr/bin/python3";
/// How much better, for each hundredth of a second, the loop of all sounds may explain what was said than the grammar does.
/// With a small grammar and a clear voice, sentences of it lay above 0 and others below -10; the whole grammar of a surgery
/// comes closer to both. What this threshold does is measured by `speech_measure` of the crate `theatre`.
const THRESHOLD: f64 = -5.0;
/// How fast confidence falls around the threshold, where it is one half.
const SLOPE: f64 = 2.5;

/// How PocketSphinx is set up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SphinxSettings {
    /// The Python that has the module.
    pub python: String,
    /// The folder with `en-us/` and `cmudict-en-us.dict`.
    pub model: PathBuf,
    /// Below this score what was said is taken for other talk: see `docs/providers.md`.
    pub threshold: f64,
    /// Processes at the same time.
    pub parallel: usize,
    /// Seconds for one utterance.
    pub patience: f64,
}

impl Default for SphinxSettings {
    fn default() -> Self {
        Self {
            python: PYTHON.to_owned(),
            model: PathBuf::from("/usr/share/pocketsphinx/model/en-us"),
            threshold: THRESHOLD,
            parallel: 2,
            patience: 30.0,
        }
    }
}

/// PocketSphinx.
#[derive(Debug)]
pub struct Sphinx {
    processes: Processes,
    threshold: f64,
}

impl Sphinx {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(settings: &SphinxSettings) -> Self {
        let model = settings.model.display().to_string();
        let words = [settings.python.clone(), "-c".to_owned(), SCRIPT.to_owned(), model];
        let patience = Duration::from_secs_f64(settings.patience.clamp(1.0, 600.0));
        let processes = Processes::new("pocketsphinx", INSTALL, words.to_vec(), patience, settings.parallel);
        Self { processes, threshold: settings.threshold }
    }

    fn heard(&self, answer: &Value) -> Heard {
        let text = answer["text"].as_str().unwrap_or_default().trim().to_owned();
        if text.is_empty() {
            return Heard::default();
        }
        let score = answer["score"].as_f64();
        let Some(score) = score.filter(|score| *score >= self.threshold) else {
            return Heard { rejected: Some(text), ..Heard::default() };
        };
        let confidence = Some(share(1.0 / (1.0 + ((self.threshold - score) / SLOPE).exp())));
        let words = answer["words"].as_array().into_iter().flatten();
        let segments = words.filter_map(|word| {
            let (start, end) = (word[1].as_f64()?, word[2].as_f64()?);
            Some(HeardSegment { text: word[0].as_str()?.to_owned(), start, end, confidence })
        });
        Heard { text, confidence, segments: segments.collect(), rejected: None }
    }

    /// Starts its process, and returns once that could listen.
    ///
    /// # Errors
    /// A program, a module or a model that is not there.
    pub async fn ready(&self) -> Result<(), ProviderError> {
        self.processes.ready().await
    }
}

impl Recogniser for Sphinx {
    fn name(&self) -> String {
        "pocketsphinx with a grammar".to_owned()
    }

    fn hear<'a>(&'a self, sound: &'a Sound, cancel: &'a CancellationToken) -> Answer<'a, Heard> {
        Box::pin(unless_cancelled(cancel, async {
            let request = json!({ "grammar": &*sound.grammar, "partial": sound.partial });
            Ok(self.heard(&self.processes.ask(&request, &sound.samples).await?))
        }))
    }
}
