//! Services by name: what a crate of services hands to the executable that serves them.
//!
//! A crate lists its services once, in a [`Catalog`]. Whoever serves one gives [`ServiceSettings`] and gets a
//! [`ServiceBuilder`]; what a service wants from `[service.NAME.options]` is read by the service itself, and checked before
//! anything runs.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    phase::Phase,
    register::Registering,
    service::{BuildError, Service, ServiceBuilder},
};

/// What a service is given.
#[derive(Debug, Clone, Default)]
pub struct ServiceSettings {
    /// The service's own folder: records of attempts, caches, whatever it must not forget.
    pub data_dir: PathBuf,
    /// Most attempts at a time.
    pub capacity: usize,
    /// The signing secret of starts, where one is set.
    pub secret: Option<String>,
    /// `[service.NAME.options]`; `Null` where there is none.
    pub options: Value,
    /// Where the orchestrator is, for services that start jobs.
    pub orchestrator: String,
    /// What the orchestrator wants to see of callers, where it wants to see anything.
    pub token: Option<Token>,
    /// Where the declared services are, by name: for services that call each other.
    pub peers: BTreeMap<String, String>,
    /// How it makes itself known to the orchestrator, where it does.
    pub registering: Option<Registering>,
    /// How long running attempts may go on after it is told to stop, where something is said.
    pub drain: Option<Duration>,
}

/// A caller's token; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Keeps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the one header it belongs into.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why there is no such service.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No service has this name.
    #[error("there is no service '{name}'; there are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
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

/// Adds a service's phases, made from its options. Nothing is opened or started yet: that is a
/// [`Companion`](crate::service::Companion)'s.
pub type AddPhases = fn(ServiceBuilder, &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error>;

/// The services of one crate.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    /// Names as in `services.toml`, with who makes them.
    pub services: &'static [(&'static str, AddPhases)],
}

impl Catalog {
    /// Returns the names, in the order of the list.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.services.iter().map(|(name, _)| *name)
    }

    /// Makes a service, not yet built: for callers that change its timing or clock.
    ///
    /// # Errors
    /// Where the name or an option is unknown.
    pub fn builder(&self, name: &str, settings: &ServiceSettings) -> Result<ServiceBuilder, CatalogError> {
        let found = self.services.iter().find(|(known, _)| *known == name);
        let (name, add_phases) = found.ok_or_else(|| CatalogError::Unknown {
            name: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })?;
        let mut builder = Service::builder(*name)
            .capacity(settings.capacity)
            .data_dir(&settings.data_dir)
            .version(env!("CARGO_PKG_VERSION"));
        if let Some(secret) = &settings.secret {
            builder = builder.secret(secret);
        }
        if let Some(registering) = &settings.registering {
            builder = builder.registering(registering.clone());
        }
        if let Some(drain) = settings.drain {
            builder = builder.drain(drain);
        }
        add_phases(builder, settings)
            .map_err(|error| CatalogError::Options { name: (*name).to_owned(), why: error.to_string() })
    }

    /// Makes a service.
    ///
    /// # Errors
    /// Where the name or an option is unknown, or the folder cannot be used.
    pub fn service(&self, name: &str, settings: &ServiceSettings) -> Result<Service, CatalogError> {
        Ok(self.builder(name, settings)?.build()?)
    }

    /// Checks the options of a service without making it; a service that is not ours passes.
    ///
    /// # Errors
    /// [`CatalogError::Options`].
    pub fn check(&self, name: &str, options: &Value) -> Result<(), CatalogError> {
        if !self.names().any(|known| known == name) {
            return Ok(());
        }
        let settings =
            ServiceSettings { capacity: 1, options: options.clone(), ..ServiceSettings::default() };
        self.builder(name, &settings).map(drop)
    }
}

/// Reads a service's options; none at all are the defaults.
///
/// # Errors
/// An option that is not known, or one with a wrong value.
pub fn options<T: DeserializeOwned>(settings: &ServiceSettings) -> Result<T, serde_json::Error> {
    match &settings.options {
        Value::Null => T::deserialize(Value::Object(serde_json::Map::new())),
        given => T::deserialize(given),
    }
}

/// A service of one phase that has no options.
///
/// # Errors
/// Where there are options all the same.
pub fn plain<P: Phase>(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
    phase: P,
) -> Result<ServiceBuilder, serde_json::Error> {
    let NoOptions {} = options(settings)?;
    Ok(builder.phase(phase))
}

/// Of a service without options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}
