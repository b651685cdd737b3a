//! Runs everything: recovery, timers, the listener, and an orderly end.

use std::{io, sync::Arc, time::Duration};

use journal::RetentionPolicy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    core::{CommandError, Core},
    http::{App, router},
    listen::{Answering, listen},
};

/// How often jobs that only wait leave memory, and far deadlines are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// Retention runs every so many sweeps.
const RETAIN_EVERY: u64 = 10;

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
    let sweeper = tokio::spawn(sweep(core, app.keep_ended));
    let stopping = app.stopping.clone();
    let stop = {
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            shutdown.cancelled().await;
            stopping.cancel();
        })
    };
    let app = Arc::new(app);
    let served = listen(listener, Answering { router: router(app.clone()), app }, shutdown).await;
    stop.abort();
    timers.abort();
    sweeper.abort();
    served
}

/// Every minute: jobs that only wait leave memory, far deadlines come in, and jobs that ended so long ago are dropped.
pub async fn sweep(core: Core, keep_ended: Duration) {
    let mut every = tokio::time::interval(SWEEP);
    for round in 0u64.. {
        every.tick().await;
        core.put_out_idle();
        if round.is_multiple_of(RETAIN_EVERY) {
            retain(&core, keep_ended).await;
        }
        if let Err(error) = core.sweep_deadlines().await {
            tracing::error!(%error, "far deadlines could not be looked for");
        }
    }
}

/// Drops jobs that ended long ago, and frees what only they needed.
async fn retain(core: &Core, keep_ended: Duration) {
    let policy = RetentionPolicy { ended_for: keep_ended };
    match core.journal().retain(core.world().now().0, policy).await {
        Ok(done) if done.dropped + done.freed > 0 => {
            tracing::info!(
                dropped = done.dropped,
                freed = done.freed,
                moved = done.moved,
                "old jobs are dropped"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "old jobs could not be dropped"),
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
