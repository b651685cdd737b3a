//! `segue orchestrate`: runs the orchestrator, alone on a folder or taking turns with others on a database. Storage is chosen
//! here and nowhere else.

mod lead;
mod turns;

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use orchestrator::{config::Config, token::TokenKey};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::lead::{Ground, lead};
use crate::{
    config::{Setup, read_setup},
    logging,
    storage::{open_database, open_folder},
    supervise,
};

/// Runs until asked to stop.
pub(crate) async fn run(config: &Path) -> Result<ExitCode> {
    logging::start();
    let setup = read_setup(config)?;
    let shutdown = CancellationToken::new();
    supervise::cancel_on_signals(vec![shutdown.clone()]);
    let handover = shutdown.child_token();
    supervise::follow_parent(handover.clone(), shutdown.clone());
    orchestrate(setup, handover, shutdown).await?;
    tracing::info!("orchestrator has stopped");
    Ok(ExitCode::SUCCESS)
}

/// Runs the orchestrator until `shutdown`; from `handover` on it offers nothing new.
async fn orchestrate(setup: Setup, handover: CancellationToken, shutdown: CancellationToken) -> Result<()> {
    let config = &setup.config;
    refuse_open_doors(config)?;
    let data = &config.orchestrator.data;
    std::fs::create_dir_all(data).with_context(|| format!("{} can't be made", data.display()))?;
    let listener = bind(config).await?;
    if let Some(url) = &config.orchestrator.journal {
        let database = open_database(url, config.orchestrator.ca.as_deref()).await?;
        return turns::share(setup, database, listener.into_std()?, handover, shutdown).await;
    }
    let journal = Arc::new(open_folder(&data.join("journal"))?);
    let tokens = TokenKey::load_or_make(data).context("the tokens' secret can't be read or made")?;
    lead(&setup, Ground { journal, tokens, listener, among_others: None }, handover, shutdown).await
}

async fn bind(config: &Config) -> Result<TcpListener> {
    let listen = config.orchestrator.listen;
    let listener = TcpListener::bind(listen).await;
    listener.with_context(|| format!("{listen} can't be listened on; does another orchestrator run?"))
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
