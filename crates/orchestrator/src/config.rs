//! `services.toml`: where services are, what they can take, and where the orchestrator listens.
//!
//! Read once at start, checked whole, and passed down; nothing reads the environment afterwards. What the environment
//! overrides comes in as a function, so that tests need none.

mod order;
mod read;
mod secrets;
mod tls;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use engine::{
    ids::Name,
    plan::{Rate, ServiceLimits},
};
pub use read::{ConfigError, read};
pub(crate) use secrets::hash as token_hash;
pub use secrets::{CallerToken, Role, SigningSecret};
pub use tls::{TlsError, TlsFiles, trust};

/// Everything in `services.toml`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The orchestrator itself.
    pub orchestrator: OrchestratorConfig,
    /// By name.
    pub services: BTreeMap<Name, ServiceConfig>,
}

/// The orchestrator itself.
#[derive(Debug, Clone)]
pub struct OrchestratorConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where services reach it: the base of callback URLs, without a slash at the end.
    pub public_url: String,
    /// Journal and artifacts.
    pub data: PathBuf,
    /// Another journal than the one in `data`.
    pub journal: Option<String>,
    /// Where the other orchestrators of the journal reach this one, without a slash at the end; none: at the address from which
    /// it reaches the database.
    pub own_url: Option<String>,
    /// How long the lead is leased for at once.
    pub lease: Duration,
    /// Another place for artifacts than the folder in `data`: `s3://bucket/prefix`, or a folder.
    pub artifacts: Option<String>,
    /// Bearer tokens of callers; empty: none is asked for, and only loopback is listened on.
    pub tokens: Vec<CallerToken>,
    /// The listener's certificate; none: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Authorities that services' certificates may come from, beside the public ones: PEM.
    pub ca: Option<PathBuf>,
    /// How fast one caller may call; none: as fast as he can.
    pub caller_rate: Option<Rate>,
    /// Signs start requests (Standard Webhooks).
    pub signing_secret: Option<SigningSecret>,
    /// Callbacks must be signed with the same secret.
    pub signed_callbacks: bool,
    /// How long jobs are kept after their end.
    pub keep_ended: Duration,
}

/// One service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// Its instances that are listed, each without a slash at the end; empty only where they register themselves.
    pub urls: Vec<Arc<str>>,
    /// Attempts at the same time of an instance that says nothing itself.
    pub instance_capacity: Option<u32>,
    /// Attempts at the same time, all instances together, where something is said.
    pub most: Option<u32>,
    /// Its instances may register themselves.
    pub register: bool,
    /// Each address that the names in `urls` lead to is an instance.
    pub resolve: bool,
    /// Who may register instances beside operators.
    pub token: Option<CallerToken>,
    /// What `segue up` starts.
    pub run: Option<String>,
    /// What it can take.
    pub limits: ServiceLimits,
    /// The networks that it is in: nothing else is called for it. Empty: any.
    pub networks: Vec<crate::outbound::Network>,
    /// Part of what decides whether an earlier result may be reused.
    pub version: String,
    /// Services that start before it and stop after it.
    pub needs: Vec<Name>,
    /// Pipelines that want it although none of their phases names it.
    pub pipelines: BTreeSet<String>,
    /// Options for the service itself, handed over as they are.
    pub options: serde_json::Value,
}

impl ServiceConfig {
    /// What it says of its instances.
    pub(crate) fn rules(&self) -> crate::instances::Rules {
        crate::instances::Rules {
            declared: self.limits.capacity,
            each: self.instance_capacity,
            most: self.most,
            register: self.register,
            resolve: self.resolve,
        }
    }
}
