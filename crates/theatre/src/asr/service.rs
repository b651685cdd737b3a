//! The service `asr`: its options, and the companion that opens the spool and answers calls. It does no phase.

use std::{future::Future, io, path::PathBuf, pin::Pin, sync::Arc, time::Instant};

use futures::FutureExt;
use jiff::Timestamp;
use phase_kit::{
    Companion,
    catalog::{ServiceSettings, options},
    service::ServiceBuilder,
};
use providers::{
    Recogniser,
    recognise::{OpenAiRecogniser, Sphinx, SphinxSettings, TranscriptionSettings, Whisper, WhisperSettings},
};
use serde::{Deserialize, de::Error};
use serde_json::{Map, Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ear::{Ear, StateService},
    http::{self, App},
    listen::Room,
    post::deliver,
    spool::Spool,
};
use crate::surgery::Library;

/// Where the state is, unless it is declared.
const STATE: &str = "http://127.0.0.1:3474";

/// `[service.asr.options]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AsrOptions {
    /// Which recogniser.
    pub engine: Engine,
    /// PocketSphinx.
    pub pocketsphinx: SphinxSettings,
    /// A transcription endpoint; for the engine `openai`.
    pub openai: Option<TranscriptionSettings>,
    /// Whisper on this machine; for the engine `whisper`.
    pub whisper: Option<WhisperSettings>,
    /// Whether steady noise is taken away before; unless it is said, for PocketSphinx only, which needs it.
    pub denoise: Option<bool>,
    /// A folder of further surgeries, as for `rules` and `state`.
    pub surgeries: Option<PathBuf>,
}

/// The recognisers there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PocketSphinx with the grammar of the surgery.
    #[default]
    PocketSphinx,
    /// The endpoint that the option `openai` sets up.
    OpenAi,
    /// The model that the option `whisper` sets up.
    Whisper,
    /// PocketSphinx, and in noise Whisper or the endpoint beside it.
    Both,
}

impl AsrOptions {
    /// Whether utterances are given to the recogniser with less noise.
    #[must_use]
    pub fn denoises(&self) -> bool {
        self.denoise.unwrap_or(matches!(self.engine, Engine::PocketSphinx | Engine::Both))
    }

    /// Returns who listens for the machines of these surgeries.
    ///
    /// # Errors
    /// Where a recogniser is not set up.
    pub fn ear(&self, library: &Library) -> Result<Ear, serde_json::Error> {
        let ear = |recogniser| Ear::new(recogniser, self.denoises(), library);
        let sphinx = || Arc::new(Sphinx::new(&self.pocketsphinx));
        Ok(match self.engine {
            Engine::PocketSphinx => ear(sphinx()),
            Engine::OpenAi => ear(self.endpoint()?),
            Engine::Whisper => ear(self.whisper()?),
            Engine::Both if self.whisper.is_some() => ear(sphinx()).with_second(self.whisper()?),
            Engine::Both => ear(sphinx()).with_second(self.endpoint()?),
        })
    }

    fn whisper(&self) -> Result<Arc<dyn Recogniser>, serde_json::Error> {
        let settings = self.whisper.as_ref().ok_or_else(|| self.wants("whisper"))?;
        Ok(Arc::new(Whisper::new(settings)))
    }

    fn endpoint(&self) -> Result<Arc<dyn Recogniser>, serde_json::Error> {
        let settings = self.openai.clone().ok_or_else(|| self.wants("openai"))?;
        Ok(Arc::new(OpenAiRecogniser::new(settings)))
    }

    fn wants(&self, option: &str) -> serde_json::Error {
        let or = if self.engine == Engine::Both { "the option whisper or " } else { "the option " };
        serde_json::Error::custom(format!("the engine {:?} needs {or}{option}", self.engine))
    }
}

/// Adds the service's companion.
///
/// # Errors
/// An option that is not known or not right, surgeries that are not right.
pub fn add(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    let options: AsrOptions = options(settings)?;
    let library = match &options.surgeries {
        Some(folder) => Library::with_folder(folder),
        None => Library::built_in(),
    };
    let library = library.map_err(serde_json::Error::custom)?;
    let state = StateService {
        url: settings.peers.get("state").map_or(STATE, String::as_str).trim_end_matches('/').to_owned(),
        token: settings.token.clone(),
        client: phase_kit::http_client().map_err(serde_json::Error::custom)?,
    };
    let ear = Arc::new(options.ear(&library)?);
    let spool = Arc::new(Spool::new(settings.data_dir.join("spool")));
    let app = App {
        room: Room { ear, spool, state },
        library,
        token: settings.token.clone(),
        clock: Arc::new(Timestamp::now),
        began: Instant::now(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    Ok(builder.companion(Arc::new(Ears { app: Arc::new(app) })))
}

/// What runs instead of phases.
#[derive(Debug)]
struct Ears {
    app: Arc<App>,
}

impl Companion for Ears {
    fn routes(self: Arc<Self>) -> axum::Router {
        http::routes(Arc::clone(&self.app))
    }

    fn health(&self) -> Map<String, Value> {
        Map::from_iter([
            ("recogniser".to_owned(), json!(self.app.room.ear.name())),
            ("waiting".to_owned(), json!(self.app.room.spool.len())),
        ])
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { self.app.room.spool.open() }.boxed()
    }

    /// Delivers. Told to stop, it ends the sessions first, so that what was being said still goes out.
    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        async move {
            let Room { ear, spool, state } = self.app.room.clone();
            let last = CancellationToken::new();
            let sessions = async {
                stop.cancelled().await;
                self.app.stop.cancel();
                self.app.tasks.close();
                self.app.tasks.wait().await;
                last.cancel();
            };
            tokio::join!(deliver(spool, state, ear, last.clone()), sessions);
        }
        .boxed()
    }
}
