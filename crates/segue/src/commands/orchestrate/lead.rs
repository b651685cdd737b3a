//! Wires the parts of an orchestrator that does the work together and runs it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use journal::{Journal, shelf::Shelf};
use orchestrator::{
    artifacts::{ArtifactStore, S3Settings},
    audit::Audit,
    clock::{RealWorld, World},
    cluster::Term,
    config::{Config, TlsFiles, trust},
    core::{Core, Fleet, Parts},
    http::{Access, App, Rates},
    memo::Memo,
    outbound::{Addresses, HttpOutbound, OutboundSettings},
    rejected::RejectedCallbacks,
    retention::Retention,
    schedules::Schedules,
    serve,
    token::TokenKey,
    trace::{
        collector::CollectorSettings,
        follow::{Follower, Keeps},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Setup;

/// Largest artifact, in bytes.
const MAX_ARTIFACT: u64 = 4 * 1024 * 1024 * 1024;
/// How long requests under way may take once we are asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// What stands on the ground that was chosen: alone on a folder, or among others on a database.
pub(super) struct Ground {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) tokens: TokenKey,
    pub(super) listener: TcpListener,
    /// What all orchestrators have alike, and our term among them; none: we are alone, and have files.
    pub(super) among_others: Option<(Arc<dyn Shelf>, Arc<Term>)>,
}

/// Runs the orchestrator until `shutdown`; from `handover` on it offers nothing new.
pub(super) async fn lead(
    setup: &Setup,
    ground: Ground,
    handover: CancellationToken,
    shutdown: CancellationToken,
) -> Result<()> {
    let config = &setup.config;
    let data = &config.orchestrator.data;
    let Ground { journal, tokens, listener, among_others } = ground;
    let world: Arc<dyn World> = Arc::new(RealWorld);
    let fleet = Fleet::new(&config.services);
    let outbound = Arc::new(HttpOutbound::new(OutboundSettings {
        fleet: fleet.clone(),
        addresses: Addresses {
            public_url: config.orchestrator.public_url.as_str().into(),
            tokens: tokens.clone(),
        },
        signing_secret: config.orchestrator.signing_secret.clone(),
        trust: trust(config.orchestrator.ca.as_deref())?,
        world: world.clone(),
    }));
    tokio::spawn({
        let outbound = outbound.clone();
        async move {
            handover.cancelled().await;
            outbound.stop_offering();
        }
    });
    let (artifacts, memo) = stores(config).await?;
    let core = Core::new(Parts {
        journal,
        world,
        outbound,
        fleet,
        memo: memo.with_blobs(artifacts.clone()),
        pipelines: setup.pipelines.clone(),
    });
    let collector = CollectorSettings::read(&|name| std::env::var(name).ok())?;
    let schedules = match &among_others {
        Some((shelf, _)) => Schedules::on_shelf(shelf.clone()).await,
        None => Schedules::open(&data.join("schedules.json")),
    };
    let schedules = schedules.context("what schedules came to can't be read")?;
    let keeps = match &among_others {
        Some((shelf, _)) => Keeps::Shelf(shelf.clone()),
        None => Keeps::File(data.join("traces.json")),
    };
    let term = among_others.map(|(_, term)| term);
    let app = app_of(config, core.clone(), artifacts, tokens, (schedules, term))?;
    let mut serving = tokio::spawn(serve::serve(listener, app, shutdown.clone()));
    serve::recover(&core).await.context("what was under way can't be brought back")?;
    let pipelines: Vec<&str> = setup.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    if let Some(collector) = collector {
        tracing::info!(?collector, "traces are exported");
        tokio::spawn(Follower::new(core.clone(), collector, keeps).run());
    }
    let listen = config.orchestrator.listen;
    tracing::info!(%listen, pipelines = pipelines.join(" "), "orchestrator is ready");
    let stopped = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.cancelled() => tokio::time::timeout(DRAIN, serving).await.ok(),
    };
    match stopped {
        Some(ended) => ended.context("the server broke down")?.context("the server failed")?,
        None => tracing::warn!("requests were still open after {} s; stopping all the same", DRAIN.as_secs()),
    }
    Ok(())
}

/// Where blobs and earlier results are.
async fn stores(config: &Config) -> Result<(Arc<ArtifactStore>, Memo)> {
    let orchestrator = &config.orchestrator;
    let data = &orchestrator.data;
    let (artifacts, memo) = match &orchestrator.artifacts {
        Some(address) if address.starts_with("s3://") => {
            let settings = S3Settings::parse(address, trust(orchestrator.ca.as_deref())?)?;
            (ArtifactStore::in_bucket(&settings, MAX_ARTIFACT).await?, data.join("memo"))
        }
        Some(folder) => {
            let folder = data.join(folder);
            let store = ArtifactStore::open_shared(&folder, MAX_ARTIFACT);
            (store.context("the artifacts' folder can't be used")?, folder.join("memo"))
        }
        None => {
            let store = ArtifactStore::open(&data.join("artifacts"), MAX_ARTIFACT);
            (store.context("the artifacts' folder can't be used")?, data.join("memo"))
        }
    };
    let memo = Memo::open(&memo).context("the folder of earlier results can't be made")?;
    Ok((Arc::new(artifacts), memo))
}

/// What the handlers need.
fn app_of(
    config: &Config,
    core: Core,
    artifacts: Arc<ArtifactStore>,
    tokens: TokenKey,
    (schedules, term): (Schedules, Option<Arc<Term>>),
) -> Result<App> {
    let orchestrator = &config.orchestrator;
    let data = &orchestrator.data;
    let rejected = RejectedCallbacks::open(&data.join("callbacks"));
    Ok(App {
        schedules: Arc::new(schedules),
        artifacts,
        rejected: Arc::new(rejected.context("the folder of callbacks can't be used")?),
        rates: Arc::new(Rates::new(core.world().clone(), orchestrator.caller_rate)),
        audit: Audit::open(data, tokens.key_for("audit")).context("the audit log can't be opened")?,
        tls: orchestrator.tls.as_ref().map(TlsFiles::load).transpose()?,
        callback_secret: orchestrator.signing_secret.clone().filter(|_| orchestrator.signed_callbacks),
        tokens,
        access: Access::new(&orchestrator.tokens),
        retention: Arc::new(Retention::new(orchestrator.keep_ended)),
        term,
        stopping: CancellationToken::new(),
        core,
    })
}
