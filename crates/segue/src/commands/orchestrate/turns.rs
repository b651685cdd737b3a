//! One of several orchestrators on a database: takes turns with the others.

use std::{
    net::{self, SocketAddr, ToSocketAddrs, UdpSocket},
    sync::Arc,
};

use anyhow::{Context, Result};
use journal::{lease::Holder, shelf::Shelf};
use journal_postgres::Database;
use orchestrator::{
    cluster::{
        Membership, PATIENCE, StandbySettings,
        seat::Seat,
        terms::{Leading, Turns, take_turns},
    },
    config::{Config, OrchestratorConfig, TlsFiles, trust},
    http::Access,
    token::TokenKey,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lead::{Ground, lead};
use crate::config::Setup;

/// Takes turns until `shutdown`.
pub(super) async fn share(
    setup: Setup,
    database: Database,
    listener: net::TcpListener,
    handover: CancellationToken,
    shutdown: CancellationToken,
) -> Result<()> {
    let config = &setup.config.orchestrator;
    let shelf: Arc<dyn Shelf> = Arc::new(database.shelf());
    let tokens = TokenKey::shared(&*shelf, &config.data).await;
    let tokens = tokens.context("the tokens' secret can't be read or shared")?;
    let me = Holder { id: Uuid::now_v7(), url: own_url(config, &database) };
    tracing::info!(url = me.url, "other orchestrators reach this one there");
    let member = Membership::new(me, tokens.key_for("passed on"));
    let lease = database.lease().await.context("who leads can't be found out")?;
    let turns = Turns {
        seat: Seat::new(Arc::new(lease), config.lease, member),
        listener,
        standby: standby(&setup.config)?,
    };
    let setup = Arc::new(setup);
    let run = move |leading: Leading| {
        let (setup, tokens, handover) = (setup.clone(), tokens.clone(), handover.clone());
        let (database, shelf) = (database.clone(), shelf.clone());
        async move {
            let Leading { term, listener, ending } = leading;
            let journal = database.journal(term.reign.epoch).await.context("the journal can't be opened")?;
            let listener = TcpListener::from_std(listener)?;
            let ground =
                Ground { journal: Arc::new(journal), tokens, listener, among_others: Some((shelf, term)) };
            lead(&setup, ground, handover, ending).await
        }
    };
    take_turns(turns, run, shutdown).await.context("the listening socket can't be shared")
}

/// Where others reach us: as configured, else at the address from which we reach the database, else where callers do.
fn own_url(config: &OrchestratorConfig, database: &Database) -> String {
    let outward = || {
        let place = database.place();
        let first = place.split([',', '/']).next()?.to_socket_addrs().ok()?.next()?;
        // Nothing is sent: it only chooses the way.
        let socket = UdpSocket::bind(if first.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).ok()?;
        socket.connect(first).ok()?;
        let here = SocketAddr::new(socket.local_addr().ok()?.ip(), config.listen.port());
        // A certificate is for a name.
        config.tls.is_none().then(|| format!("http://{here}"))
    };
    config.own_url.clone().or_else(outward).unwrap_or_else(|| config.public_url.clone())
}

fn standby(config: &Config) -> Result<StandbySettings> {
    let config = &config.orchestrator;
    Ok(StandbySettings {
        access: Access::new(&config.tokens),
        public_url: config.public_url.as_str().into(),
        tls: config.tls.as_ref().map(TlsFiles::load).transpose()?,
        trust: trust(config.ca.as_deref())?,
        patience: PATIENCE,
    })
}
