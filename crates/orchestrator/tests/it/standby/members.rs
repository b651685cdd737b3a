//! Orchestrators in one process that share a journal, a lease and a shelf in memory, each on a port of its own.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{ids::JobId, pipeline::Pipeline};
use journal::{
    Answer, Batch, Counts, FeedItem, Health, Journal, JournalError, MemoryJournal, Page, Position, Query,
    Retained, RetentionPolicy, Snapshot, Stored,
    lease::{Holder, MemoryLease},
    shelf::MemoryShelf,
};
use orchestrator::{
    artifacts::ArtifactStore,
    audit::Audit,
    clock::RealWorld,
    cluster::{
        Membership, StandbySettings, Term,
        seat::Seat,
        terms::{Leading, Turns, take_turns},
    },
    config::{self, Config},
    core::{Core, Fleet, Parts},
    http::{Access, App, Rates},
    memo::Memo,
    outbound::{Addresses, HttpOutbound, OutboundSettings},
    rejected::RejectedCallbacks,
    retention::Retention,
    schedules::Schedules,
    serve,
    token::TokenKey,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::call;

/// How long the lead is leased for.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);
/// How long a call waits for somebody who leads.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// What the orchestrators share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) journal: MemoryJournal,
    pub(crate) lease: MemoryLease,
    pub(crate) shelf: MemoryShelf,
    folder: PathBuf,
    services: String,
    pipeline: String,
}

impl Common {
    pub(crate) fn new(folder: &Path, pipeline: &str, services: &str) -> Self {
        let began = Instant::now();
        Self {
            journal: MemoryJournal::default(),
            lease: MemoryLease::new(move || began.elapsed()),
            shelf: MemoryShelf::default(),
            folder: folder.to_owned(),
            services: services.to_owned(),
            pipeline: pipeline.to_owned(),
        }
    }
}

/// A journal that refuses whoever does not lead any more, as one in a database does.
struct Fenced {
    journal: MemoryJournal,
    lease: MemoryLease,
    epoch: u64,
}

impl Journal for Fenced {
    fn append(&self, batch: Batch) -> Answer<Position> {
        let current = self.lease.epoch();
        match current == self.epoch {
            true => self.journal.append(batch),
            false => {
                let epoch = self.epoch;
                Box::pin(async move { Err(JournalError::Fenced { epoch, current }) })
            }
        }
    }
    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.journal.snapshot(job, snapshot)
    }
    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.journal.load(job)
    }
    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.journal.load_many(jobs)
    }
    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, bytes::Bytes)>> {
        self.journal.history(job, from, limit)
    }
    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.journal.feed(after, limit)
    }
    fn list(&self, query: Query) -> Answer<Page> {
        self.journal.list(query)
    }
    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.journal.find_live(pipeline, key)
    }
    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.journal.live_jobs(after, limit)
    }
    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.journal.due(until, limit)
    }
    fn counts(&self) -> Answer<Counts> {
        self.journal.counts()
    }
    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        self.journal.put_definition(hash, text)
    }
    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.journal.definition(hash)
    }
    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.journal.retain(now, policy)
    }
    fn health(&self) -> Health {
        self.journal.health()
    }
}

/// One of them.
pub(crate) struct Member {
    pub(crate) url: String,
    pub(crate) stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
    ended: CancellationToken,
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Member {
    /// Starts one that shares `common`.
    pub(crate) async fn start(common: &Common, name: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = config::read(&common.services, &common.folder, &|_| None).unwrap();
        let data = common.folder.join(name);
        std::fs::create_dir_all(&data).unwrap();
        let tokens = TokenKey::shared(&common.shelf, &data).await.unwrap();
        let me = Holder { id: Uuid::now_v7(), url: url.clone() };
        let member = Membership::new(me, tokens.key_for("passed on"));
        let standby = StandbySettings {
            access: Access::new(&config.orchestrator.tokens),
            public_url: url.as_str().into(),
            tls: None,
            trust: config::trust(None).unwrap(),
            patience: PATIENCE,
        };
        let turns =
            Turns { seat: Seat::new(Arc::new(common.lease.clone()), LEASE, member), listener, standby };
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (common, public_url) = (common.clone(), url.clone());
        let lead = move |leading: Leading| {
            let Leading { term, listener, ending } = leading;
            let (common, config, tokens) = (common.clone(), config.clone(), tokens.clone());
            let (data, public_url) = (data.clone(), public_url.clone());
            async move {
                let app = app(&common, &config, (&data, &public_url), tokens, term).await;
                let listener =
                    tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
                let core = app.core.clone();
                let serving = tokio::spawn(serve::serve(listener, app, ending));
                serve::recover(&core).await.map_err(|error| error.to_string())?;
                serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
            }
        };
        let (stopping, done) = (stop.clone(), ended.clone().drop_guard());
        runtime.spawn(async move {
            take_turns(turns, lead, stopping).await.unwrap();
            drop(done);
        });
        Self { url, stop, runtime: Some(runtime), ended }
    }

    /// Starts one and waits until it leads.
    pub(crate) async fn leading(common: &Common, name: &str) -> Self {
        let member = Self::start(common, name).await;
        member.until_ready("leader").await;
        member
    }

    /// Starts one and waits until it knows who leads.
    pub(crate) async fn standing_by(common: &Common, name: &str) -> Self {
        let member = Self::start(common, name).await;
        member.until_ready("standby").await;
        member
    }

    pub(crate) async fn until_ready(&self, role: &str) -> Value {
        let wait = async {
            loop {
                let (_, ready) = self.get("/ready").await;
                if ready["role"] == *role {
                    return ready;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("ready within 30 s")
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.ended.cancelled())
            .await
            .expect("ends within 30 s");
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        call("GET", &format!("{}{path}", self.url), Vec::new(), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        call("POST", &format!("{}{path}", self.url), body.to_string().into_bytes(), None).await
    }
}

async fn app(
    common: &Common,
    config: &Config,
    (data, public_url): (&Path, &str),
    tokens: TokenKey,
    term: Arc<Term>,
) -> App {
    let world = Arc::new(RealWorld);
    let fleet = Fleet::new(&config.services);
    let outbound = HttpOutbound::new(OutboundSettings {
        fleet: fleet.clone(),
        addresses: Addresses { public_url: public_url.into(), tokens: tokens.clone() },
        signing_secret: None,
        trust: config::trust(None).unwrap(),
        world: world.clone(),
    });
    let artifacts = common.folder.join("artifacts");
    let artifacts = Arc::new(ArtifactStore::open_shared(&artifacts, 64 << 20).unwrap());
    let journal =
        Fenced { journal: common.journal.clone(), lease: common.lease.clone(), epoch: term.reign.epoch };
    let core = Core::new(Parts {
        journal: Arc::new(journal),
        world,
        outbound: Arc::new(outbound),
        fleet,
        memo: Memo::open(&common.folder.join("memo")).unwrap(),
        pipelines: vec![Arc::new(Pipeline::parse(&common.pipeline).unwrap())],
    });
    App {
        core: core.clone(),
        artifacts,
        schedules: Arc::new(Schedules::on_shelf(Arc::new(common.shelf.clone())).await.unwrap()),
        rejected: Arc::new(RejectedCallbacks::open(&data.join("callbacks")).unwrap()),
        rates: Arc::new(Rates::new(core.world().clone(), config.orchestrator.caller_rate)),
        audit: Audit::open(data, tokens.key_for("audit")).unwrap(),
        tls: None,
        callback_secret: None,
        tokens,
        access: Access::new(&config.orchestrator.tokens),
        retention: Arc::new(Retention::new(Duration::from_secs(3600))),
        term: Some(term),
        stopping: CancellationToken::new(),
    }
}
