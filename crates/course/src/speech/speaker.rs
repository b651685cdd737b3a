//! Makes sure that a sample exists: finds it in the store or says, masters, encodes and keeps it.
//!
//! Two things are limited for the whole service, whatever number of batches it works on: how many utterances an engine
//! has at a time, and how many clips are mastered at a time, one for each core. While one clip is encoded the next is
//! being said.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::clip::Clip;
use super::engine::{Engine, Patience, SayError, Utterance, say_patiently};
use super::format::{Mp3Encoder, Mp3Error};
use super::presentation::{Piece, pieces};
use super::produce::{self, Mastered, PROCESSING, thousandths};
use super::store::{Recipe, Record, Store};
use crate::manifest::batches::SpokenSample;
use crate::manifest::ids::cadence_of;
use crate::model::Role;

/// Whom a sample is made for.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// ISO 639-3.
    pub known: &'a str,
    /// ISO 639-3.
    pub target: &'a str,
    /// See [`Record::made_for`].
    pub made_for: &'a str,
}

/// A recording and whether it was there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What is known about it.
    pub record: Record,
    /// It was found and not made now.
    pub found: bool,
}

/// Why a sample was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    /// The engine did not say it.
    #[error(transparent)]
    Say(#[from] SayError),
    /// The text has nothing that can be said.
    #[error("there is no word in '{0}'")]
    NoWords(String),
    /// The sound could not be turned into a file.
    #[error("the recording could not be made into a file: {0}")]
    Master(String),
    /// MP3 could not be made.
    #[error(transparent)]
    Mp3(#[from] Mp3Error),
    /// The store cannot be read or written.
    #[error("the audio folder: {0}")]
    Store(#[from] std::io::Error),
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopping,
}

/// Limits and choices of a speaker.
#[derive(Debug, Clone, Copy)]
pub struct SpeakerSettings {
    /// Utterances at the same time.
    pub parallel: usize,
    /// Clips mastered at the same time.
    pub cores: usize,
    /// What happens after a transient error.
    pub patience: Patience,
    /// For MP3, the program that makes it; without one, Opus is made.
    pub mp3: Option<Mp3Encoder>,
}

/// Speaks samples; shared by all batches of a service.
#[derive(Debug)]
pub struct Speaker {
    engine: Arc<dyn Engine>,
    store: Arc<Store>,
    settings: SpeakerSettings,
    saying: Semaphore,
    mastering: Semaphore,
}

impl Speaker {
    /// Speaks with `engine` into `store`.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, store: Arc<Store>, settings: SpeakerSettings) -> Self {
        Self {
            engine,
            store,
            settings,
            saying: Semaphore::new(settings.parallel.max(1)),
            mastering: Semaphore::new(settings.cores.max(1)),
        }
    }

    /// Returns the engine's name and version.
    #[must_use]
    pub fn engine_name(&self) -> String {
        self.engine.name()
    }

    /// Returns the store that recordings are kept in.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Makes sure that a sample is recorded.
    ///
    /// # Errors
    /// See [`SpeakError`]; nothing is kept then.
    pub async fn speak(&self, sample: &SpokenSample, order: Order<'_>) -> Result<Recording, SpeakError> {
        let pieces = self.pieces(sample)?;
        let recipe = self.recipe(sample, &pieces, order)?;
        let found = self.find(sample, &recipe).await?;
        if let Some(record) = found {
            return Ok(Recording { record, found: true });
        }
        let said = self.say_all(&pieces, order).await?;
        let record = self.record(sample, recipe, said, order).await?;
        Ok(Recording { record, found: false })
    }

    fn pieces(&self, sample: &SpokenSample) -> Result<Vec<Piece>, SpeakError> {
        let pieces = match sample.role {
            Role::Presentation => pieces(&sample.text),
            role => vec![Piece { role, text: sample.text.clone(), pause_ms: 0 }],
        };
        let speakable = |piece: &Piece| piece.text.chars().any(char::is_alphanumeric);
        match pieces.iter().all(speakable) && !pieces.is_empty() {
            true => Ok(pieces),
            false => Err(SpeakError::NoWords(sample.text.clone())),
        }
    }

    fn recipe(
        &self,
        sample: &SpokenSample,
        pieces: &[Piece],
        order: Order<'_>,
    ) -> Result<Recipe, SpeakError> {
        let mut voices = Vec::new();
        for piece in pieces {
            let voice = self.engine.voice(language(piece.role, order), piece.role)?;
            if !voices.contains(&voice) {
                voices.push(voice);
            }
        }
        Ok(Recipe {
            text: sample.text.clone(),
            language: language(sample.role, order).to_owned(),
            role: sample.role,
            cadence: sample.cadence,
            engine: self.engine.name(),
            voices,
            processing: PROCESSING,
        })
    }

    async fn find(&self, sample: &SpokenSample, recipe: &Recipe) -> Result<Option<Record>, SpeakError> {
        let (store, id, recipe) = (Arc::clone(&self.store), sample.id.clone(), recipe.clone());
        blocking(move || Ok(store.find(&id, &recipe)?)).await
    }

    /// Says every piece, each different one once.
    async fn say_all(&self, pieces: &[Piece], order: Order<'_>) -> Result<Vec<(Piece, Clip)>, SpeakError> {
        let mut said: BTreeMap<(Role, &str), Clip> = BTreeMap::new();
        for piece in pieces {
            if said.contains_key(&(piece.role, piece.text.as_str())) {
                continue;
            }
            let utterance = Utterance {
                text: &piece.text,
                language: language(piece.role, order),
                role: piece.role,
                cadence: cadence_of(piece.role),
            };
            let _turn = self.saying.acquire().await.map_err(|_| SpeakError::Stopping)?;
            let clip = say_patiently(self.engine.as_ref(), utterance, self.settings.patience).await?;
            said.insert((piece.role, &piece.text), clip);
        }
        let clip = |piece: &Piece| said.get(&(piece.role, piece.text.as_str())).cloned();
        Ok(pieces.iter().filter_map(|piece| Some((piece.clone(), clip(piece)?))).collect())
    }

    async fn record(
        &self,
        sample: &SpokenSample,
        recipe: Recipe,
        said: Vec<(Piece, Clip)>,
        order: Order<'_>,
    ) -> Result<Record, SpeakError> {
        let _turn = self.mastering.acquire().await.map_err(|_| SpeakError::Stopping)?;
        let made_for = order.made_for.to_owned();
        let (store, id) = (Arc::clone(&self.store), sample.id.clone());
        if let Some(encoder) = self.settings.mp3 {
            let mastered = blocking(move || master(said)).await?;
            let audio = encoder.encode(&mastered.clip).await?;
            return blocking(move || keep(&store, &id, recipe, &mastered, &audio, made_for)).await;
        }
        blocking(move || {
            let mastered = master(said)?;
            let audio = produce::encode_opus(&mastered.clip, &id, &recipe.text, &recipe.language)
                .map_err(|error| SpeakError::Master(error.to_string()))?;
            keep(&store, &id, recipe, &mastered, &audio, made_for)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpeakError> + Send + 'static,
) -> Result<T, SpeakError> {
    tokio::task::spawn_blocking(work).await.map_err(not_finished)?
}

fn not_finished(error: tokio::task::JoinError) -> SpeakError {
    if error.is_panic() { SpeakError::Master(error.to_string()) } else { SpeakError::Stopping }
}

fn master(said: Vec<(Piece, Clip)>) -> Result<Mastered, SpeakError> {
    produce::master(said, |piece| cadence_of(piece.role))
        .map_err(|error| SpeakError::Master(error.to_string()))
}

fn keep(
    store: &Store,
    id: &str,
    recipe: Recipe,
    mastered: &Mastered,
    audio: &[u8],
    made_for: String,
) -> Result<Record, SpeakError> {
    let record = Record {
        recipe,
        seconds: thousandths(mastered.clip.seconds()),
        lufs: mastered.lufs,
        flags: mastered.flags.clone(),
        bytes: audio.len() as u64,
        blake3: blake3::hash(audio).to_hex().to_string(),
        made_for,
    };
    store.keep(id, audio, &record)?;
    Ok(record)
}

const fn language<'a>(role: Role, order: Order<'a>) -> &'a str {
    match role {
        Role::Target1 | Role::Target2 => order.target,
        Role::Source | Role::Presentation => order.known,
    }
}
