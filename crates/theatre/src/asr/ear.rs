//! Who recognises, with which grammar: that of the surgery which the theatre has chosen, so that the recogniser listens for
//! its machines.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use phase_kit::catalog::Token;
use providers::{CancellationToken, Heard, ProviderError, Recogniser, Sound};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{agree::agree, denoise::denoise, resample::RATE, stats::Stats};
use crate::{
    model::MachineId,
    surgery::{Layout, Library, Surgery, hint, jsgf},
};

/// How long the state may take to say which surgery it has.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a hint: Whisper takes 223 tokens of about four letters.
const HINT: usize = 700;

/// Where the state is.
#[derive(Debug, Clone)]
pub struct StateService {
    /// Its address.
    pub url: String,
    /// What it wants to see.
    pub token: Option<Token>,
    /// Who calls it.
    pub client: reqwest::Client,
}

impl StateService {
    /// A call of it, with the token.
    pub fn call(&self, method: reqwest::Method, path: &str, theatre: &str) -> reqwest::RequestBuilder {
        let call = self.client.request(method, format!("{}{path}", self.url)).query(&[("theatre", theatre)]);
        match &self.token {
            Some(token) => call.bearer_auth(token.reveal()),
            None => call,
        }
    }

    /// The surgery that a theatre has chosen; none: none yet, or it cannot be asked.
    pub async fn surgery(&self, theatre: &str) -> Option<String> {
        let call = self.call(reqwest::Method::GET, "/state", theatre).timeout(PATIENCE);
        let state: Value = match call.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => answer.json().await.ok()?,
            Err(error) => {
                tracing::debug!(theatre, %error, "the state does not say which surgery it has");
                return None;
            }
        };
        let surgery = state["metadata"]["surgery"].as_str()?;
        (!surgery.is_empty()).then(|| surgery.to_owned())
    }
}

/// What to listen for.
#[derive(Debug, Clone)]
pub struct Tuning {
    surgery: Arc<Surgery>,
    grammar: Arc<str>,
    hint: Arc<str>,
}

impl Tuning {
    fn sound(&self, samples: Arc<[i16]>, partial: bool) -> Sound {
        Sound { samples, grammar: Arc::clone(&self.grammar), hint: Arc::clone(&self.hint), partial }
    }
}

/// Listens, for everybody.
#[derive(Debug)]
pub struct Ear {
    recogniser: Arc<dyn Recogniser>,
    /// Asked where the first is given noise or rejects what was said: what both mean is taken.
    second: Option<Arc<dyn Recogniser>>,
    /// Whether it is given utterances with less noise.
    denoise: bool,
    tunings: BTreeMap<String, Tuning>,
    /// For a theatre that has not chosen a surgery: the machines of all of them.
    any: Tuning,
    /// One partial at a time, so that the other process is there for those who have ended their sentence.
    partials: Semaphore,
    /// What was counted.
    pub stats: Stats,
}

impl Ear {
    /// Listens with this recogniser for the machines of these surgeries; `denoise` takes steady noise away before.
    #[must_use]
    pub fn new(recogniser: Arc<dyn Recogniser>, denoise: bool, library: &Library) -> Self {
        let tunings = library.iter().map(|surgery| (surgery.name.clone(), tuning(surgery))).collect();
        let any = tuning(&Arc::new(all(library)));
        let (partials, stats) = (Semaphore::new(1), Stats::default());
        Self { recogniser, second: None, denoise, tunings, any, partials, stats }
    }

    /// Adds a recogniser of free speech to one with a grammar: see [`agree()`].
    #[must_use]
    pub fn with_second(self, second: Arc<dyn Recogniser>) -> Self {
        Self { second: Some(second), ..self }
    }

    /// What to listen for in a surgery.
    #[must_use]
    pub fn tuning(&self, surgery: Option<&str>) -> &Tuning {
        surgery.and_then(|name| self.tunings.get(name)).unwrap_or(&self.any)
    }

    /// The recogniser's name.
    #[must_use]
    pub fn name(&self) -> String {
        let second = self.second.iter().map(|second| format!(" and {}", second.name()));
        self.recogniser.name() + &second.collect::<String>()
    }

    /// Says what was said in an utterance.
    ///
    /// # Errors
    /// The recogniser's.
    pub async fn hear(&self, samples: Arc<[i16]>, tuning: &Tuning) -> Result<Heard, ProviderError> {
        let seconds = samples.len() as f64 / f64::from(RATE);
        let began = Instant::now();
        let heard = self.hear_by_all(samples, tuning).await;
        self.stats.heard(seconds, began.elapsed(), &heard);
        heard
    }

    async fn hear_by_all(&self, samples: Arc<[i16]>, tuning: &Tuning) -> Result<Heard, ProviderError> {
        let cancel = CancellationToken::new();
        let clearer = self.clearer(&samples).await;
        let is_clear = self.denoise && clearer.is_none();
        // The noise is left for the second, which was trained with some.
        let free = tuning.sound(Arc::clone(&samples), false);
        let sound = tuning.sound(clearer.unwrap_or(samples), false);
        let Some(second) = &self.second else { return self.recogniser.hear(&sound, &cancel).await };
        let (first, second) = if is_clear {
            let first = self.recogniser.hear(&sound, &cancel).await?;
            if !first.text.is_empty() {
                return Ok(first);
            }
            (first, second.hear(&free, &cancel).await?)
        } else {
            tokio::try_join!(self.recogniser.hear(&sound, &cancel), second.hear(&free, &cancel))?
        };
        Ok(agree(&tuning.surgery, &first, &second))
    }

    /// The same with less noise; none: it is clear, or noise is not taken away.
    async fn clearer(&self, samples: &Arc<[i16]>) -> Option<Arc<[i16]>> {
        if !self.denoise {
            return None;
        }
        let noisy = Arc::clone(samples);
        let less = tokio::task::spawn_blocking(move || denoise(&noisy)).await;
        less.inspect_err(|error| tracing::error!(%error, "an utterance is heard with its noise"))
            .ok()
            .flatten()
            .map(Arc::from)
    }

    /// As [`Ear::hear`], of a sentence that goes on; none where somebody else's is being listened to.
    pub async fn peek(&self, samples: Arc<[i16]>, tuning: &Tuning) -> Option<Heard> {
        let _one = self.partials.try_acquire().ok()?;
        let sound = tuning.sound(self.clearer(&samples).await.unwrap_or(samples), true);
        match self.recogniser.hear(&sound, &CancellationToken::new()).await {
            Ok(heard) => Some(heard),
            Err(error) => {
                tracing::debug!(%error, "no partial transcript");
                None
            }
        }
    }
}

fn tuning(surgery: &Arc<Surgery>) -> Tuning {
    Tuning { surgery: Arc::clone(surgery), grammar: jsgf(surgery).into(), hint: hint(surgery, HINT).into() }
}

/// A surgery with the machines of all, which serves for nothing but listening.
fn all(library: &Library) -> Surgery {
    let machines = library.iter().flat_map(|surgery| surgery.machines.values().cloned());
    let ids = (1..=99).filter_map(|number| MachineId::parse(&format!("M{number:02}")).ok());
    Surgery {
        name: "any".to_owned(),
        full_name: String::new(),
        environment: String::new(),
        phases: Vec::new(),
        machines: ids.zip(machines).collect(),
        layout: Layout::default(),
    }
}
