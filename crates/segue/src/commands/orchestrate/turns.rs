//! One of several orchestrators on a database: takes turns with the others.

use std::{net, sync::Arc};

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use journal::{
    Journal,
    lease::{Holder, Lease},
    shelf::Shelf,
};
use orchestrator::{
    cluster::{
        Membership, PATIENCE, StandbySettings,
        seat::Seat,
        terms::{Leading, Turns, take_turns},
    },
    config::{Config, TlsFiles, trust},
    http::Access,
    token::TokenKey,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lead::{Ground, lead};
use crate::config::Setup;

/// What several orchestrators have together.
pub(super) trait Shared: Send + Sync {
    fn lease(&self) -> Arc<dyn Lease>;
    fn shelf(&self) -> Arc<dyn Shelf>;
    /// The journal, to be written in an epoch of the lease.
    fn journal(&self, epoch: u64) -> BoxFuture<'static, Result<Arc<dyn Journal>>>;
}

/// Runs until `shutdown`.
pub(super) async fn share(
    setup: Setup,
    shared: Arc<dyn Shared>,
    listener: net::TcpListener,
    handover: CancellationToken,
    shutdown: CancellationToken,
) -> Result<()> {
    let config = &setup.config.orchestrator;
    let shelf = shared.shelf();
    let tokens = TokenKey::shared(&*shelf, &config.data).await;
    let tokens = tokens.context("the tokens' secret can't be read or shared")?;
    let me = Holder { id: Uuid::now_v7(), url: config.own_url.clone() };
    let member = Membership::new(me, tokens.key_for("passed on"));
    let turns = Turns {
        seat: Seat::new(shared.lease(), config.lease, member),
        listener,
        standby: standby(&setup.config)?,
    };
    let setup = Arc::new(setup);
    let run = move |leading: Leading| {
        let (setup, shared, tokens, handover) =
            (setup.clone(), shared.clone(), tokens.clone(), handover.clone());
        async move {
            let Leading { term, listener, ending } = leading;
            let journal = shared.journal(term.reign.epoch).await.context("the journal can't be opened")?;
            let listener = TcpListener::from_std(listener)?;
            let among_others = Some((shared.shelf(), term));
            lead(&setup, Ground { journal, tokens, listener, among_others }, handover, ending).await
        }
    };
    take_turns(turns, run, shutdown).await.context("the listening socket can't be shared")
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
