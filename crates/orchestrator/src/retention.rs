//! What is kept after a job's end, and for how long.

use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

use journal::{Retained, RetentionPolicy};
use tokio::sync::Mutex;

use crate::{artifacts::Collected, core::CommandError, http::App};

/// Retention runs at least every so many sweeps.
const RETAIN_EVERY: u64 = 10;
/// Most blobs removed at once.
const MOST_BLOBS: usize = 10_000;

/// How long jobs are kept after their end.
#[derive(Debug)]
pub struct Retention {
    keep_ended: Duration,
    /// Who comes second waits, so that after [`retain`] what is too old is gone, whoever removed it.
    one_at_a_time: Mutex<()>,
}

impl Retention {
    /// Jobs are kept for `keep_ended` after their end.
    #[must_use]
    pub fn new(keep_ended: Duration) -> Self {
        Self { keep_ended, one_at_a_time: Mutex::default() }
    }

    /// Every how many sweeps it runs: as often as jobs are to be kept, so that none stays for many times that.
    #[must_use]
    pub fn every(&self, sweep: Duration) -> u64 {
        let sweeps = self.keep_ended.as_secs() / sweep.as_secs().max(1);
        sweeps.clamp(1, RETAIN_EVERY)
    }
}

/// Drops jobs that ended long ago, and frees what only they needed: segments, blobs, earlier results. Blobs are looked
/// through where jobs were dropped, or `collect` says so: a job may also have replaced some of its own.
pub async fn retain(app: &App, collect: bool) {
    let _one_at_a_time = app.retention.one_at_a_time.lock().await;
    let keep_ended = app.retention.keep_ended;
    let now = app.core.world().now();
    let done = match app.core.journal().retain(now.0, RetentionPolicy { ended_for: keep_ended }).await {
        Ok(done) => done,
        Err(error) => return tracing::error!(%error, "old jobs could not be dropped"),
    };
    app.rejected.drop_older(now, keep_ended);
    let Retained { dropped, freed, moved } = done;
    if dropped + freed > 0 {
        tracing::info!(dropped, freed, moved, "old jobs are dropped");
    }
    if !collect && dropped == 0 {
        return;
    }
    match collect_blobs(app).await {
        Ok(Collected { blobs: 0, .. }) => {}
        Ok(Collected { blobs, bytes }) => {
            tracing::info!(blobs, bytes, "blobs that no job refers to are removed");
        }
        Err(error) => tracing::error!(%error, "blobs that no job refers to could not be removed"),
    }
    let before = UNIX_EPOCH + Duration::from_millis(now.0).saturating_sub(keep_ended);
    if let Err(error) = app.core.memo().drop_older(before) {
        tracing::error!(%error, "old results could not be removed");
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
    Ok(collection.sweep(&used, MOST_BLOBS).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_short_time_is_looked_at_more_often() {
        let every = |seconds| Retention::new(Duration::from_secs(seconds)).every(Duration::from_secs(60));
        assert_eq!([every(30), every(180), every(30 * 24 * 3600)], [1, 3, 10]);
    }
}
