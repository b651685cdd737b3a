//! Runs everything: recovery, timers, the listener, and an orderly end.

use std::{
    io,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use journal::{Retained, RetentionPolicy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    artifacts::Collected,
    core::{CommandError, Core},
    http::{App, router},
    listen::{Answering, listen},
};

/// How often jobs that only wait leave memory, and far deadlines are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// Retention runs every so many sweeps.
const RETAIN_EVERY: u64 = 10;

/// Blobs are looked through every so many sweeps, where no job was dropped.
const COLLECT_EVERY: u64 = 60;
/// Most blobs removed at once.
const MOST_BLOBS: usize = 10_000;

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
    let audit = app.audit.clone();
    let served = listen(listener, Answering { router: router(app.clone()), app }, shutdown).await;
    audit.flush().await;
    stop.abort();
    timers.abort();
    sweeper.abort();
    schedules.abort();
    served
}

async fn sweep(app: &App) {
    let core = &app.core;
    let mut every = tokio::time::interval(SWEEP);
    for round in 0u64.. {
        every.tick().await;
        core.put_out_idle();
        if round.is_multiple_of(RETAIN_EVERY) {
            // Not at once: a start has better things to do than to read every job.
            retain(app, round > 0 && round.is_multiple_of(COLLECT_EVERY)).await;
        }
        if let Err(error) = core.sweep_deadlines().await {
            tracing::error!(%error, "far deadlines could not be looked for");
        }
    }
}

/// Drops jobs that ended long ago, and frees what only they needed: segments, blobs, earlier results. Blobs are looked
/// through where jobs were dropped, or `collect` says so: a job may also have replaced some of its own.
pub async fn retain(app: &App, collect: bool) {
    let now = app.core.world().now();
    let policy = RetentionPolicy { ended_for: app.keep_ended };
    let done = match app.core.journal().retain(now.0, policy).await {
        Ok(done) => done,
        Err(error) => return tracing::error!(%error, "old jobs could not be dropped"),
    };
    app.rejected.drop_older(now, app.keep_ended);
    if done.dropped + done.freed > 0 {
        let Retained { dropped, freed, moved } = done;
        tracing::info!(dropped, freed, moved, "old jobs are dropped");
    }
    if collect || done.dropped > 0 {
        match collect_blobs(app).await {
            Ok(gone) if gone.blobs > 0 => {
                tracing::info!(
                    blobs = gone.blobs,
                    bytes = gone.bytes,
                    "blobs that no job refers to are removed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "blobs that no job refers to could not be removed"),
        }
        let before = UNIX_EPOCH + Duration::from_millis(now.0).saturating_sub(app.keep_ended);
        if let Err(error) = app.core.memo().drop_older(before) {
            tracing::error!(%error, "old results could not be removed");
        }
    }
}

/// Why blobs were not looked through.
#[derive(Debug, thiserror::Error)]
enum CollectError {
    /// What jobs refer to could not be found out.
    #[error(transparent)]
    Jobs(#[from] CommandError),
    /// A folder or blob could not be read or removed.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

async fn collect_blobs(app: &App) -> Result<Collected, CollectError> {
    // The order matters: what is referred to from here on is left alone.
    let Some(collection) = app.artifacts.collect() else { return Ok(Collected::default()) };
    let used = app.core.artifacts_in_use().await?;
    Ok(tokio::task::block_in_place(|| collection.sweep(&used, MOST_BLOBS))?)
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
