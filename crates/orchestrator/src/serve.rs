//! Runs everything: recovery, timers, the listener, and an orderly end.

use std::{io, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    core::{CommandError, Core},
    estimates::background::read_journal,
    http::{App, router},
    listen::{Answering, listen},
    retention::retain,
};

/// How often jobs that only wait leave memory, and far deadlines are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// Blobs are looked through every so many sweeps, where no job was dropped.
const COLLECT_EVERY: u64 = 60;

/// Serves until `shutdown`, then lets open requests end. May begin before [`recover`] is through: what is
/// asked meanwhile waits for it.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let timers = tokio::spawn({
        let core = app.core.clone();
        async move { core.run().await }
    });
    let stopping = app.stopping.clone();
    let stop = {
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            shutdown.cancelled().await;
            stopping.cancel();
        })
    };
    let app = Arc::new(app);
    let sweeper = tokio::spawn({
        let app = app.clone();
        async move { sweep(&app).await }
    });
    let schedules = tokio::spawn({
        let app = app.clone();
        async move { app.schedules.run(&app).await }
    });
    let earlier = tokio::spawn({
        let core = app.core.clone();
        async move { read_journal(&core).await }
    });
    let fenced = app.term.clone().map(|term| {
        let core = app.core.clone();
        tokio::spawn(async move {
            core.until_fenced().await;
            term.reign.end();
        })
    });
    let instances = tokio::spawn({
        let core = app.core.clone();
        async move { crate::instances::keep(&core).await }
    });
    let audit = app.audit.clone();
    let served = listen(listener, Answering { router: router(app.clone()), app }, shutdown).await;
    audit.flush().await;
    stop.abort();
    timers.abort();
    sweeper.abort();
    schedules.abort();
    earlier.abort();
    fenced.inspect(tokio::task::JoinHandle::abort);
    instances.abort();
    served
}

async fn sweep(app: &App) {
    let core = &app.core;
    let mut every = tokio::time::interval(SWEEP);
    for round in 0u64.. {
        every.tick().await;
        core.put_out_idle();
        if round.is_multiple_of(app.retention.every(SWEEP)) {
            // Not at once: a start has better things to do than to read every job.
            retain(app, round > 0 && round.is_multiple_of(COLLECT_EVERY)).await;
        }
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
