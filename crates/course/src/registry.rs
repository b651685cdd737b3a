//! The course's services by name: what `segue serve NAME` serves.

use std::path::PathBuf;

use phase_kit::Service;
use phase_kit::service::{BuildError, ServiceBuilder};
use providers::Finding;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::baskets::phase::BasketsPhase;
use crate::extraction::phase::ExtractionPhase;
use crate::grammar::phase::GrammarPhase;
use crate::introductions::IntroductionsPhase;
use crate::manifest::phase::Manifest;
use crate::speech::options::TtsOptions;
use crate::speech::phase::Finish;
use crate::translation::TranslationOptions;

/// What a service is given.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The service's own folder: records of attempts, caches, for `tts` the recordings.
    pub data_dir: PathBuf,
    /// Most attempts at a time.
    pub capacity: usize,
    /// The signing secret of starts, where one is set.
    pub secret: Option<String>,
    /// `[service.NAME.options]`; `Null` where there is none.
    pub options: Value,
}

/// Why there is no such service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No course service has this name.
    #[error("there is no course service '{name}'; there are {}", names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// An option that the service does not know, or one with a wrong value.
    #[error("[service.{name}.options]: {why}")]
    Options {
        /// The service.
        name: String,
        /// What is wrong, with the options there are.
        why: String,
    },
    /// The service could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Checks the options of a service without making it; what is no service of a course passes.
///
/// # Errors
/// [`ServiceError::Options`].
pub fn check(name: &str, options: &Value) -> Result<(), ServiceError> {
    if !names().any(|known| known == name) {
        return Ok(());
    }
    let options = options.clone();
    let settings = ServiceSettings { data_dir: PathBuf::new(), capacity: 1, secret: None, options };
    builder(name, &settings).map(drop)
}

/// Says which endpoints are set up by the options of services (`translation`, `tts`), and which options are wrong. What
/// programs are on this machine, [`providers::doctor`] says.
pub fn doctor<'a>(options: impl Fn(&str) -> Option<&'a Value>) -> Vec<Finding> {
    let found = |name: &str, read: fn(&ServiceSettings) -> Result<Finding, serde_json::Error>| {
        let options = options(name).cloned().unwrap_or_default();
        let settings = ServiceSettings { data_dir: PathBuf::new(), capacity: 1, secret: None, options };
        read(&settings).unwrap_or_else(|error| Finding {
            name: format!("options of {name}"),
            found: false,
            detail: "cannot be used".to_owned(),
            install: error.to_string(),
        })
    };
    vec![
        found("translation", |settings| {
            let options: TranslationOptions = self::options(settings)?;
            options.phase().map(|_| options.doctor())
        }),
        found("tts", |settings| {
            let options: TtsOptions = self::options(settings)?;
            options.check().map(|()| options.doctor())
        }),
    ]
}

/// Adds a service's phases, made from its options.
type AddPhases = fn(ServiceBuilder, &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error>;

/// Every service of a course, in the order of the pipeline.
const SERVICES: [(&str, AddPhases); 7] = [
    ("translation", translation),
    ("extraction", |builder, settings| plain(builder, settings, ExtractionPhase)),
    ("baskets", |builder, settings| plain(builder, settings, BasketsPhase)),
    ("grammar", |builder, settings| plain(builder, settings, GrammarPhase)),
    ("introductions", |builder, settings| plain(builder, settings, IntroductionsPhase)),
    ("manifest", |builder, settings| plain(builder, settings, Manifest)),
    ("tts", tts),
];

/// Returns the names of all course services, in the order of the pipeline.
pub fn names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(name, _)| *name)
}

/// Makes a service by its name in `services.toml`.
///
/// # Errors
/// Where the name or an option is unknown, or the folder cannot be used.
pub fn service(name: &str, settings: &ServiceSettings) -> Result<Service, ServiceError> {
    Ok(builder(name, settings)?.build()?)
}

/// The same, not yet built: for callers that change its timing or clock.
///
/// # Errors
/// Where the name or an option is unknown.
pub fn builder(name: &str, settings: &ServiceSettings) -> Result<ServiceBuilder, ServiceError> {
    let found = SERVICES.iter().find(|(known, _)| *known == name);
    let (name, add_phases) = found.ok_or_else(|| ServiceError::Unknown { name: name.to_owned() })?;
    let mut builder = Service::builder(*name)
        .capacity(settings.capacity)
        .data_dir(&settings.data_dir)
        .version(env!("CARGO_PKG_VERSION"));
    if let Some(secret) = &settings.secret {
        builder = builder.secret(secret);
    }
    add_phases(builder, settings)
        .map_err(|error| ServiceError::Options { name: (*name).to_owned(), why: error.to_string() })
}

/// Reads a service's options; none at all are the defaults.
fn options<T: DeserializeOwned>(settings: &ServiceSettings) -> Result<T, serde_json::Error> {
    match &settings.options {
        Value::Null => T::deserialize(Value::Object(serde_json::Map::new())),
        given => T::deserialize(given),
    }
}

/// Of a service without options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

/// A service of one phase that needs no options.
fn plain<P: phase_kit::Phase>(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
    phase: P,
) -> Result<ServiceBuilder, serde_json::Error> {
    let NoOptions {} = options(settings)?;
    Ok(builder.phase(phase))
}

fn translation(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    let options: TranslationOptions = options(settings)?;
    Ok(builder.phase(options.phase()?))
}

fn tts(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    let options: TtsOptions = options(settings)?;
    Ok(builder.phase(options.phase(&settings.data_dir)?).phase(Finish))
}
