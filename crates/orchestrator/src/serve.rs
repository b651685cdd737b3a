//! Runs everything: recovery, timers, the listener, and an orderly end.

use std::{io, time::Duration};

use axum::{middleware::from_fn, serve::ListenerExt};
use journal::RetentionPolicy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    core::{CommandError, Core},
    http::{App, router},
    under_way::UnderWay,
};

/// How often jobs that only wait leave memory, and far deadlines are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// Retention runs every so many sweeps.
const RETAIN_EVERY: u64 = 10;

/// So long answers that are complete may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(200);

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
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let (under_way, asked) = (UnderWay::default(), shutdown.clone());
    let counted = under_way.clone();
    let router = router(app).layer(from_fn(move |request, next| counted.clone().count(request, next)));
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.cancelled().await;
        stopping.cancel();
    });
    let served = tokio::select! {
        served = server => served,
        () = async {
            asked.cancelled().await;
            under_way.none().await;
            tokio::time::sleep(LAST_WORDS).await;
        } => Ok(()),
    };
    timers.abort();
    sweeper.abort();
    served
}

async fn sweep(core: Core, keep_ended: Duration) {
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
