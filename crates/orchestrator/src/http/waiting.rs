//! Waiting for a job to be over, without asking again and again.

use std::time::Duration;

use engine::ids::JobId;
use tokio::sync::broadcast::error::RecvError;

use super::{App, Failure};
use crate::live::Happening;

/// Returns when the job is over or the time is; true where it is over.
pub(super) async fn until_over(app: &App, job: JobId, wait: Duration) -> Result<bool, Failure> {
    // Subscribed before the first look, so that an end between the two is not missed.
    let mut events = app.core.live().subscribe();
    let watch = async {
        loop {
            if app.core.look(job, |_, job| job.has_ended()).await? {
                return Ok(true);
            }
            loop {
                match events.recv().await {
                    Ok(Happening::Events(published)) if published.job == job => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(false),
                }
            }
        }
    };
    tokio::select! {
        over = watch => over,
        () = tokio::time::sleep(wait) => Ok(false),
        () = app.stopping.cancelled() => Ok(false),
    }
}
