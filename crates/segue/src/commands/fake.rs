//! `segue fake NAME`: stands in for a service, as well or as badly as it is told. The service itself is phase-kit's; here
//! are only its work, which is to wait, and the faults around it.

mod fate;
mod faults;
mod stand_in;

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::{Context, Result, bail};
use engine::ids::Name;
use futures::future::try_join_all;
use orchestrator::instances::LEASE;
use parking_lot::Mutex;
use phase_kit::{Registering, Service, catalog::Token};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{fate::Fates, faults::Faults, stand_in::StandIn};
use super::{serve::address, start::read_json};
use crate::{cli::fake::Fake, config::read_config, logging, supervise};

/// Seeds that nobody has chosen are small enough to be typed.
const SEEDS: u64 = 1_000_000;

pub(super) async fn run(config: &Path, token: Option<&str>, fake: &Fake) -> Result<ExitCode> {
    logging::start();
    let seed = fake.seed.unwrap_or_else(|| uuid::Uuid::now_v7().as_u64_pair().1 % SEEDS);
    let names = fake.names.iter().map(|text| placed(text, fake, config)).collect::<Result<Vec<_>>>()?;
    let mut different = HashSet::new();
    if let Some((name, _)) = names.iter().find(|(name, _)| !different.insert(name)) {
        bail!("'{name}' is named twice");
    }
    let accepted = Arc::new(AtomicU64::new(0));
    let mut listening = Vec::new();
    for (name, listen) in &names {
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("{listen} can't be listened on"))?;
        listening.push((service(name, token, fake, seed)?, listener));
    }
    let shutdown = CancellationToken::new();
    supervise::cancel_on_signals(vec![shutdown.clone()]);
    supervise::follow_parent(shutdown.clone(), shutdown.clone());
    let mut serving = Vec::new();
    for (service, listener) in listening {
        let listen = listener.local_addr().context("the listener has no address")?;
        let faults = Arc::new(Faults {
            fates: Fates::new(fake, seed),
            own_url: format!("http://{}", reached_at(listen)),
            crash_after: fake.crash_after,
            accepted: Arc::clone(&accepted),
            accept_lost: Mutex::default(),
        });
        tracing::info!(service = service.name(), %listen, seed, "stand-in is ready");
        let around = |routes| faults::around(routes, faults);
        serving.push(phase_kit::serve_within(listener, shutdown.clone().cancelled_owned(), service, around));
    }
    try_join_all(serving).await.context("a stand-in failed")?;
    Ok(ExitCode::SUCCESS)
}

fn service(name: &Name, token: Option<&str>, fake: &Fake, seed: u64) -> Result<Service> {
    let text = name.as_str();
    let stand_in = StandIn {
        name: text.into(),
        fates: Fates::new(fake, seed),
        output: json_for(text, &fake.output, "--output")?,
        stats: json_for(text, &fake.stats, "--stats")?.unwrap_or_default(),
        progress: fake.progress,
        http: phase_kit::http_client().context("no HTTP client")?,
    };
    let mut service = Service::builder(text).any_phase(stand_in).capacity(fake.capacity);
    if let Some(data) = &fake.data {
        service = service.data_dir(data.join(text));
    }
    if let Some(orchestrator) = &fake.register {
        service = service.registering(Registering {
            orchestrator: orchestrator.clone(),
            token: token.map(Token::new),
            id: None,
            url: None,
            lease: LEASE,
        });
    }
    service.build().context("the stand-in can't be made")
}

/// A name and where to listen: `a`, `a:4001`, `a=127.0.0.2:4001`.
fn placed(text: &str, fake: &Fake, config: &Path) -> Result<(Name, SocketAddr)> {
    let here = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (name, listen) = match (text.split_once('='), text.split_once(':')) {
        (Some((name, listen)), _) => (name, Some(listen.parse().context("expected NAME=IP:PORT")?)),
        (None, Some((name, port))) => (name, Some(here(port.parse().context("expected NAME:PORT")?))),
        (None, None) => (text, None),
    };
    let name = Name::new(name).with_context(|| format!("'{name}' is not the name of a service"))?;
    let told = fake.listen.or_else(|| fake.port.map(here));
    let listen = match (listen, told) {
        (Some(listen), None) => listen,
        (None, Some(told)) if fake.names.len() == 1 => told,
        (None, None) => declared(&name, config)?,
        _ => bail!("--port and --listen are for one name without an address; of several say NAME:PORT"),
    };
    Ok((name, listen))
}

fn declared(name: &Name, config: &Path) -> Result<SocketAddr> {
    let hint = || format!("where should '{name}' listen? Say {name}:PORT");
    if !config.exists() {
        bail!("{}: there is no {}", hint(), config.display());
    }
    let (config, _) = read_config(config)?;
    address(config.services.get(name).and_then(|service| service.urls.first()).with_context(hint)?)
}

/// What the last fitting option says: `JSON` and `@FILE` are for all names, `NAME=…` is for one.
fn json_for(name: &str, options: &[String], option: &str) -> Result<Option<Value>> {
    let one = |text: &str| match text.split_once('=') {
        Some((of, rest)) if Name::new(of).is_ok() => (of == name).then(|| rest.to_owned()),
        _ => Some(text.to_owned()),
    };
    options.iter().rev().find_map(|text| one(text)).map(|text| read_json(&text, option)).transpose()
}

/// An address that listens on all networks is reached on this machine's own.
fn reached_at(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    listen
}
