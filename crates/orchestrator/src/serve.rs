//! Runs everything: recovery, timers, the listener, and an orderly end.

use std::{io, time::Duration};

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    core::{CommandError, Core},
    http::{App, router},
};

/// How often jobs that only wait leave memory, and far deadlines are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Serves until `shutdown`, then lets open requests end.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let core = app.core.clone();
    let timers = tokio::spawn({
        let core = core.clone();
        async move { core.run().await }
    });
    let sweeper = tokio::spawn(sweep(core));
    let stopping = app.stopping.clone();
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let served = axum::serve(listener, router(app))
        .with_graceful_shutdown(async move {
            shutdown.cancelled().await;
            stopping.cancel();
        })
        .await;
    timers.abort();
    sweeper.abort();
    served
}

async fn sweep(core: Core) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        core.put_out_idle();
        if let Err(error) = core.sweep_deadlines().await {
            tracing::error!(%error, "far deadlines could not be looked for");
        }
    }
}

/// Brings back what was under way, and says what was found.
///
/// # Errors
/// The journal's.
pub async fn recover(core: &Core) -> Result<(), CommandError> {
    let started = core.world().now();
    let found = core.recover().await?;
    let took = core.world().now().since(started);
    tracing::info!(
        jobs = found.jobs,
        attempts = found.attempts,
        unreadable = found.unreadable,
        millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "recovered"
    );
    Ok(())
}
