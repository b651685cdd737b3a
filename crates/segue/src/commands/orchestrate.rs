//! `segue orchestrate`: wires the orchestrator's parts together and runs it. Storage is chosen here and nowhere else.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use journal::Journal;
use orchestrator::{
    artifacts::{ArtifactStore, S3Settings},
    audit::Audit,
    clock::{RealWorld, World},
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
    trace::{collector::CollectorSettings, follow::Follower},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Setup, read_setup},
    logging, supervise,
};

/// Largest artifact, in bytes.
const MAX_ARTIFACT: u64 = 4 * 1024 * 1024 * 1024;
/// How long requests under way may take once we are asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Runs until asked to stop.
pub(crate) async fn run(config: &Path) -> Result<ExitCode> {
    logging::start();
    let setup = read_setup(config)?;
    let shutdown = CancellationToken::new();
    supervise::cancel_on_signals(vec![shutdown.clone()]);
    let handover = shutdown.child_token();
    supervise::follow_parent(handover.clone(), shutdown.clone());
    orchestrate(setup, handover, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the orchestrator until `shutdown`; from `handover` on it offers nothing new.
async fn orchestrate(setup: Setup, handover: CancellationToken, shutdown: CancellationToken) -> Result<()> {
    let config = &setup.config;
    refuse_open_doors(config)?;
    let data = &config.orchestrator.data;
    std::fs::create_dir_all(data).with_context(|| format!("{} can't be made", data.display()))?;
    let journal = open_journal(config)?;
    let world: Arc<dyn World> = Arc::new(RealWorld);
    let tokens = TokenKey::load_or_make(data).context("the tokens' secret can't be read or made")?;
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
    let artifacts = Arc::new(open_artifacts(config).await?);
    let memo = Memo::open(&data.join("memo")).context("the folder of earlier results can't be made")?;
    let core = Core::new(Parts {
        journal,
        world,
        outbound,
        fleet,
        memo: memo.with_blobs(artifacts.clone()),
        pipelines: setup.pipelines.clone(),
    });
    let collector = CollectorSettings::read(&|name| std::env::var(name).ok())?;
    let app = app_of(config, core.clone(), artifacts, tokens)?;
    let listen = config.orchestrator.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen} can't be listened on; does another orchestrator run?"))?;
    let serving = tokio::spawn(serve::serve(listener, app, shutdown.clone()));
    serve::recover(&core).await.context("what was under way can't be brought back")?;
    let pipelines: Vec<&str> = setup.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    if let Some(collector) = collector {
        tracing::info!(?collector, "traces are exported");
        tokio::spawn(Follower::new(core.clone(), collector, data.join("traces.json")).run());
    }
    tracing::info!(%listen, pipelines = pipelines.join(" "), "orchestrator is ready");
    let mut serving = serving;
    let stopped = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.cancelled() => tokio::time::timeout(DRAIN, serving).await.ok(),
    };
    match stopped {
        Some(ended) => ended.context("the server broke down")?.context("the server failed")?,
        None => tracing::warn!("requests were still open after {} s; stopping all the same", DRAIN.as_secs()),
    }
    tracing::info!("orchestrator has stopped");
    Ok(())
}

/// What the handlers need.
fn app_of(config: &Config, core: Core, artifacts: Arc<ArtifactStore>, tokens: TokenKey) -> Result<App> {
    let orchestrator = &config.orchestrator;
    let data = &orchestrator.data;
    let schedules = Schedules::open(&data.join("schedules.json"));
    let rejected = RejectedCallbacks::open(&data.join("callbacks"));
    Ok(App {
        schedules: Arc::new(schedules.context("what schedules came to can't be read")?),
        artifacts,
        rejected: Arc::new(rejected.context("the folder of callbacks can't be used")?),
        rates: Arc::new(Rates::new(core.world().clone(), orchestrator.caller_rate)),
        audit: Audit::open(data, tokens.key_for("audit")).context("the audit log can't be opened")?,
        tls: orchestrator.tls.as_ref().map(TlsFiles::load).transpose()?,
        callback_secret: orchestrator.signing_secret.clone().filter(|_| orchestrator.signed_callbacks),
        tokens,
        access: Access::new(&orchestrator.tokens),
        retention: Arc::new(Retention::new(orchestrator.keep_ended)),
        stopping: CancellationToken::new(),
        core,
    })
}

fn refuse_open_doors(config: &Config) -> Result<()> {
    let orchestrator = &config.orchestrator;
    if !orchestrator.listen.ip().is_loopback() && orchestrator.tokens.is_empty() {
        bail!(
            "{} is not a loopback address, and no token is configured: set SEGUE_TOKEN, or listen on 127.0.0.1",
            orchestrator.listen
        );
    }
    Ok(())
}

async fn open_artifacts(config: &Config) -> Result<ArtifactStore> {
    let orchestrator = &config.orchestrator;
    match &orchestrator.artifacts {
        Some(address) if address.starts_with("s3://") => {
            let settings = S3Settings::parse(address, trust(orchestrator.ca.as_deref())?)?;
            Ok(ArtifactStore::in_bucket(&settings, MAX_ARTIFACT).await?)
        }
        folder => {
            let folder = folder.as_deref().unwrap_or("artifacts");
            let store = ArtifactStore::open(&orchestrator.data.join(folder), MAX_ARTIFACT);
            store.context("the artifacts' folder can't be used")
        }
    }
}

fn open_journal(config: &Config) -> Result<Arc<dyn Journal>> {
    if let Some(other) = &config.orchestrator.journal {
        bail!(
            "journal = \"{}…\": this version knows only the embedded journal",
            other.chars().take(12).collect::<String>()
        );
    }
    let folder = config.orchestrator.data.join("journal");
    crate::commands::journal::open(&folder)
}
