//! A service: its phases, its limits, its folder. Built once, then served.

use std::{
    collections::BTreeMap, fmt, future::Future, io, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    attempt::Attempts,
    client::{ClientError, http_client},
    phase::{ErasedPhase, Phase},
    record::Records,
    register::Registering,
    webhook::Secret,
};

/// How long things take. The defaults are right for all but tests.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// At least this long between two progress calls of an attempt: 250 ms.
    pub progress_every: Duration,
    /// The last progress is sent again after this much silence: 15 s.
    pub heartbeat: Duration,
    /// Wait after the first refused callback: 200 ms. It doubles.
    pub first_backoff: Duration,
    /// Longest wait between two tries of a callback: 30 s.
    pub most_backoff: Duration,
    /// So long after the attempt's deadline a callback is given up: a day.
    pub callback_patience: Duration,
    /// So long an artifact call is tried: 60 s.
    pub artifact_patience: Duration,
    /// So long a phase has to give a checkpoint: 20 s.
    pub pause_patience: Duration,
    /// So long a phase has to stop by itself once it is told to, before it is dropped: 5 s.
    pub cancel_grace: Duration,
    /// So long running attempts may go on after the service is told to stop: 8 s, which together with `cancel_grace` ends
    /// before `segue up` loses patience. What has a folder is gone on with by the next process.
    pub drain: Duration,
    /// So long the record of an attempt is kept after its end, so that the same start again is not run again: a day.
    pub keep_records: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self {
            progress_every: Duration::from_millis(250),
            heartbeat: Duration::from_secs(15),
            first_backoff: Duration::from_millis(200),
            most_backoff: Duration::from_secs(30),
            callback_patience: day,
            artifact_patience: Duration::from_secs(60),
            pause_patience: Duration::from_secs(20),
            cancel_grace: Duration::from_secs(5),
            drain: Duration::from_secs(8),
            keep_records: day,
        }
    }
}

/// What a service does beside its phases: calls of its own, a state that is opened first and closed last.
///
/// Made without side effects, so that a configuration can be checked without running anything.
pub trait Companion: Send + Sync + 'static {
    /// Calls of its own, beside those of every service (`/start`, `/status/…`, `/pause/…`, `/cancel/…`, `/abort`, `/health`).
    /// Asked for once, after [`Companion::open`].
    fn routes(self: Arc<Self>) -> axum::Router {
        axum::Router::new()
    }

    /// Members to add to what `/health` answers.
    fn health(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    /// Done before the first call is answered; an error ends the service.
    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>>;

    /// Runs while the service serves. `stop` is cancelled when the attempts have ended; the service ends when this does, or
    /// after [`Timing::cancel_grace`].
    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(stop.cancelled_owned())
    }
}

/// Why a service cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Neither a phase nor a companion was given.
    #[error("the service `{0}` has no phase")]
    NoPhase(String),
    /// Two phases have one name.
    #[error("two phases are called `{0}`")]
    PhaseTwice(String),
    /// The signing secret is not what Standard Webhooks want.
    #[error("the signing secret is not valid")]
    Secret(#[from] crate::webhook::InvalidSecret),
    /// The data folder cannot be used.
    #[error("the folder `{}` cannot be used", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A service, ready to be served.
pub struct Service {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) capacity: usize,
    pub(crate) secret: Option<Secret>,
    pub(crate) phases: BTreeMap<&'static str, Arc<dyn ErasedPhase>>,
    /// Does every phase that has none of its own.
    any_phase: Option<Arc<dyn ErasedPhase>>,
    pub(crate) companion: Option<Arc<dyn Companion>>,
    pub(crate) registering: Option<Registering>,
    pub(crate) data_dir: Option<Arc<PathBuf>>,
    pub(crate) timing: Timing,
    pub(crate) clock: Clock,
    pub(crate) client: reqwest::Client,
    pub(crate) records: Records,
    /// The folder is ours while this is open.
    pub(crate) folder_lock: parking_lot::Mutex<Option<std::fs::File>>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) attempts: Attempts,
    pub(crate) rng: parking_lot::Mutex<StdRng>,
}

/// Where the time comes from.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("phases", &self.phases.keys())
            .field("capacity", &self.capacity)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Starts building a service. `name` is the one in `services.toml`.
    pub fn builder(name: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder {
            name: name.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capacity: 64,
            secret: None,
            phases: Vec::new(),
            any_phase: None,
            companion: None,
            registering: None,
            data_dir: None,
            forgetful: false,
            timing: Timing::default(),
            clock: Arc::new(Timestamp::now),
            seed: None,
        }
    }

    /// Who does a phase.
    pub(crate) fn phase(&self, name: &str) -> Option<&Arc<dyn ErasedPhase>> {
        self.phases.get(name).or(self.any_phase.as_ref())
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Attempts at work.
    #[must_use]
    pub fn running(&self) -> usize {
        self.capacity - self.slots.available_permits().min(self.capacity)
    }
}

/// Builds a [`Service`].
pub struct ServiceBuilder {
    name: String,
    version: String,
    capacity: usize,
    secret: Option<String>,
    phases: Vec<(&'static str, Arc<dyn ErasedPhase>)>,
    any_phase: Option<Arc<dyn ErasedPhase>>,
    companion: Option<Arc<dyn Companion>>,
    registering: Option<Registering>,
    data_dir: Option<PathBuf>,
    forgetful: bool,
    timing: Timing,
    clock: Clock,
    seed: Option<u64>,
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServiceBuilder {
    /// Adds a phase. A service may do several.
    #[must_use]
    pub fn phase<P: Phase>(mut self, phase: P) -> Self {
        self.phases.push((P::NAME, Arc::new(phase)));
        self
    }

    /// Takes on every phase that has no type of its own, whatever its name: for stand-ins and for work whose phases are only
    /// known at run time. `P::NAME` is not looked at; [`Context::start`](crate::Context::start) has the phase.
    #[must_use]
    pub fn any_phase<P: Phase>(mut self, phase: P) -> Self {
        self.any_phase = Some(Arc::new(phase));
        self
    }

    /// What the service does beside its phases. One; a second replaces the first.
    #[must_use]
    pub fn companion(mut self, companion: Arc<dyn Companion>) -> Self {
        self.companion = Some(companion);
        self
    }

    /// Tells the orchestrator that it is there, keeps telling it while it serves, and drains before it ends.
    #[must_use]
    pub fn registering(mut self, registering: Registering) -> Self {
        self.registering = Some(registering);
        self
    }

    /// How long running attempts may go on after the service is told to stop; [`Timing::drain`] alone.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.timing.drain = drain;
        self
    }

    /// Most attempts at a time (64 unless told); more are answered 429.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// A folder of its own, for the records of attempts and the phases' caches. With it, accepted attempts and undelivered
    /// results survive the death of the process. While one process serves with it, no other can.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Its attempts take a moment and may be run twice, so nothing of them is written down though there is a folder: what a
    /// crash ends is offered again by the orchestrator. Saves two syncs of the disk per attempt, which is most of its time.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        self.forgetful = true;
        self
    }

    /// Starts must be signed with this secret (Standard Webhooks, `whsec_…`).
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// What `/health` says; the kit's own version unless told.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Other times than the defaults.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A seed for the jitter of the waits; the machine's randomness unless told.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Checks and builds.
    ///
    /// # Errors
    /// If there is no phase or one twice, the secret is not valid, or the folder cannot be used.
    pub fn build(self) -> Result<Service, BuildError> {
        let mut phases = BTreeMap::new();
        for (name, phase) in self.phases {
            if phases.insert(name, phase).is_some() {
                return Err(BuildError::PhaseTwice(name.to_owned()));
            }
        }
        if phases.is_empty() && self.any_phase.is_none() && self.companion.is_none() {
            return Err(BuildError::NoPhase(self.name));
        }
        let records = match self.data_dir.as_ref().filter(|_| !self.forgetful) {
            Some(path) => Records::in_folder(path.join("attempts"))
                .map_err(|source| BuildError::Folder { path: path.clone(), source })?,
            None => Records::in_memory(),
        };
        Ok(Service {
            name: self.name,
            version: self.version,
            capacity: self.capacity,
            secret: self.secret.as_deref().map(Secret::parse).transpose()?,
            phases,
            any_phase: self.any_phase,
            companion: self.companion,
            registering: self.registering,
            data_dir: self.data_dir.map(Arc::new),
            timing: self.timing,
            clock: self.clock,
            client: http_client()?,
            records,
            folder_lock: parking_lot::Mutex::new(None),
            slots: Arc::new(Semaphore::new(self.capacity)),
            attempts: Attempts::default(),
            rng: parking_lot::Mutex::new(match self.seed {
                Some(seed) => StdRng::seed_from_u64(seed),
                None => StdRng::from_rng(&mut rand::rng()),
            }),
        })
    }
}
