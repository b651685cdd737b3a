//! `segue serve SERVICE`: runs one service of ours as a process of its own.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use engine::{ids::Name, pipeline::duration};
use orchestrator::{
    config::{ServiceConfig, SigningSecret},
    instances::LEASE,
};
use phase_kit::{
    Registering,
    catalog::{ServiceSettings, Token},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{catalogs, cli::Serve, config::read_config, logging, supervise};

pub(super) async fn run(config: &Path, token: Option<&str>, serve: &Serve) -> Result<ExitCode> {
    logging::start();
    let (config, _) = read_config(config)?;
    let name = Name::new(&serve.service).context("that is not the name of a service")?;
    let declared = config.services.get(&name);
    let listen = match (serve.listen, declared) {
        (Some(listen), _) => listen,
        (None, Some(declared)) if !declared.urls.is_empty() => address(&declared.urls[0])?,
        (None, Some(_)) => anyhow::bail!("services.toml gives '{name}' no url: say --listen"),
        (None, None) => anyhow::bail!("services.toml does not declare '{name}': say --listen"),
    };
    let data = serve.data.clone().unwrap_or_else(|| config.orchestrator.data.join("services"));
    let settings = ServiceSettings {
        data_dir: data.join(name.as_str()),
        capacity: declared.map_or(8, room),
        secret: config.orchestrator.signing_secret.as_ref().map(SigningSecret::to_text),
        options: declared.map(|service| service.options.clone()).unwrap_or_default(),
        orchestrator: config.orchestrator.public_url.clone(),
        token: token.map(Token::new),
        peers: config
            .services
            .iter()
            .filter_map(|(name, peer)| Some((name.to_string(), peer.urls.first()?.to_string())))
            .collect(),
        registering: serve.register.then(|| Registering {
            orchestrator: config.orchestrator.public_url.clone(),
            token: token.map(Token::new),
            id: serve.instance.clone(),
            url: serve.url.clone(),
            lease: LEASE,
        }),
        drain: serve.drain.as_deref().map(duration::parse).transpose().map_err(anyhow::Error::msg)?,
    };
    let service = catalogs::service(name.as_str(), &settings)?;
    if serve.dry_run {
        logging::say(&format!("{name} would listen on {listen}"));
        return Ok(ExitCode::SUCCESS);
    }
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("{listen} can't be listened on"))?;
    let shutdown = CancellationToken::new();
    supervise::cancel_on_signals(vec![shutdown.clone()]);
    supervise::follow_parent(shutdown.clone(), shutdown.clone());
    tracing::info!(service = %name, %listen, "service is ready");
    phase_kit::serve(listener, shutdown.cancelled_owned(), service).await.context("the service failed")?;
    Ok(ExitCode::SUCCESS)
}

/// Attempts that one instance takes at once.
fn room(service: &ServiceConfig) -> usize {
    service.instance_capacity.unwrap_or(service.limits.capacity) as usize
}

/// Host and port of a URL, as an address to listen on.
pub(super) fn address(url: &str) -> Result<SocketAddr> {
    let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    host.replace("localhost", "127.0.0.1")
        .parse()
        .with_context(|| format!("{url} names no address of this machine: say --listen IP:PORT"))
}
