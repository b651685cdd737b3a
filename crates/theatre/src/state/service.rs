//! The service `state`: its options, its phases, and the companion that opens the theatres and answers their calls.

use std::{future::Future, io, path::PathBuf, pin::Pin, sync::Arc};

use futures::FutureExt;
use jiff::Timestamp;
use phase_kit::{
    Companion,
    catalog::{ServiceSettings, options},
    service::ServiceBuilder,
};
use serde::{Deserialize, de::Error};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    http::{self, App, Watch},
    phases::{ApplyModel, ApplyRules},
    starter::Starter,
    theatres::{MAIN, Theatres},
    view::DISCLAIMER,
    writer::Clock,
};
use crate::surgery::Library;

/// `[service.state.options]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateOptions {
    /// A folder of further surgeries. The service `rules` must know the same.
    surgeries: Option<PathBuf>,
    /// Where browsers reach the recogniser; without it on the page's own host, at the recogniser's port.
    audio_url: Option<String>,
}

/// Adds the service's phases and companion.
///
/// # Errors
/// An option that is not known, or surgeries that are not right.
pub fn add(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    with_clock(builder, settings, Arc::new(Timestamp::now))
}

/// As [`add`], with another clock than the machine's.
///
/// # Errors
/// As [`add`].
pub fn with_clock(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
    clock: Clock,
) -> Result<ServiceBuilder, serde_json::Error> {
    let StateOptions { surgeries, audio_url } = options(settings)?;
    if let Some(url) = audio_url.as_ref().filter(|url| !is_address(url)) {
        return Err(serde_json::Error::custom(format!("audio_url is no http or https address: {url:?}")));
    }
    let library = match &surgeries {
        Some(folder) => Library::with_folder(folder),
        None => Library::built_in(),
    };
    let library = Arc::new(library.map_err(serde_json::Error::custom)?);
    let starter = Starter {
        orchestrator: settings.orchestrator.clone(),
        token: settings.token.clone(),
        client: phase_kit::http_client().map_err(serde_json::Error::custom)?,
    };
    let folder = settings.data_dir.join("theatres");
    let theatres = Arc::new(Theatres::new(folder, Arc::clone(&clock), starter));
    let app = App {
        theatres: Arc::clone(&theatres),
        library,
        token: settings.token.clone(),
        peers: settings.peers.clone(),
        audio_url,
        began: clock(),
        clock: Watch(clock),
    };
    Ok(builder
        .forgetful()
        .phase(ApplyRules(Arc::clone(&theatres)))
        .phase(ApplyModel(theatres))
        .companion(Arc::new(Stage { app: Arc::new(app) })))
}

fn is_address(text: &str) -> bool {
    let parsed = reqwest::Url::parse(text).ok();
    parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// What runs beside the phases.
#[derive(Debug)]
struct Stage {
    app: Arc<App>,
}

impl Companion for Stage {
    fn routes(self: Arc<Self>) -> axum::Router {
        http::routes(Arc::clone(&self.app))
    }

    /// As the original's `/health`; of the main theatre.
    fn health(&self) -> Map<String, Value> {
        let main = self.app.theatres.find(MAIN);
        let loaded = main.as_ref().is_ok_and(|place| place.theatre.latest().borrow().chosen);
        Map::from_iter([
            ("status".to_owned(), json!(if main.is_ok() { "ok" } else { "degraded" })),
            ("timestamp".to_owned(), json!((self.app.clock.0)())),
            ("surgery_loaded".to_owned(), json!(loaded)),
            ("disclaimer".to_owned(), json!(DISCLAIMER)),
        ])
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { self.app.theatres.open() }.boxed()
    }

    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        async move {
            stop.cancelled().await;
            self.app.theatres.close().await;
        }
        .boxed()
    }
}
