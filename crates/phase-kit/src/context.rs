//! What a phase sees of its attempt: the start request, its ways to report, and whether it should stop.

use std::{path::Path, path::PathBuf, sync::Arc};

use protocol::{StartRequest, TraceContext};
use serde::de::DeserializeOwned;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{artifacts::Artifacts, phase::PhaseError, reporter::Reporter};

/// One attempt, as its phase sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) start: Arc<StartRequest>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) reporter: Reporter,
    pub(crate) cancel: CancellationToken,
    pub(crate) pause: CancellationToken,
    pub(crate) artifacts: Artifacts,
    pub(crate) data_dir: Option<Arc<PathBuf>>,
}

impl Context {
    /// The whole start request.
    #[must_use]
    pub fn start(&self) -> &StartRequest {
        &self.start
    }

    /// Where in which trace the attempt belongs: pass it on, as the header `traceparent`, with the calls that the work makes. None
    /// where the caller sent none, and after a restart of the service.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The job's key (`spa_for_eng`).
    #[must_use]
    pub fn key(&self) -> &str {
        &self.start.key
    }

    /// The result of a direct predecessor.
    ///
    /// # Errors
    /// A permanent error that says what is missing or does not fit.
    pub fn upstream<T: DeserializeOwned>(&self, phase: &str) -> Result<T, PhaseError> {
        let upstream = self.start.upstream.get(phase).ok_or_else(|| {
            let there = self.start.upstream.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = format!(
                "`{}` needs the result of `{phase}`, and the start request has only: {there}. Is it in `after`?",
                self.start.phase
            );
            PhaseError::permanent("missing-upstream", message)
        })?;
        serde_json::from_str(upstream.output.get()).map_err(|error| {
            PhaseError::permanent(
                "invalid-upstream",
                format!("the result of `{phase}` does not fit: {error}"),
            )
        })
    }

    /// This run's item of a map.
    ///
    /// # Errors
    /// A permanent error if there is none or it does not fit.
    pub fn item<T: DeserializeOwned>(&self) -> Result<T, PhaseError> {
        serde_json::from_str(self.start.item.get()).map_err(|error| {
            PhaseError::permanent(
                "invalid-item",
                format!("the item of `{}` does not fit: {error}", self.start.run),
            )
        })
    }

    /// What an earlier, paused attempt left; `None` at the first.
    ///
    /// # Errors
    /// A permanent error if it does not fit.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, PhaseError> {
        serde_json::from_str(self.start.checkpoint.get()).map_err(|error| {
            PhaseError::permanent("invalid-checkpoint", format!("the checkpoint does not fit: {error}"))
        })
    }

    /// Says how far the work is. Cheap, call it as often as you like: a few a second go out, the latest wins. The attempt's
    /// lease is kept alive without it too.
    pub fn progress(&self, done: u64, total: u64, unit: &str, message: &str) {
        self.reporter.say(done, total, unit, message);
    }

    /// Ends when the attempt is to stop: cancelled, past its deadline, or superseded.
    pub fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.cancel.clone().cancelled_owned()
    }

    /// Whether the attempt is to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// For loops: an error once the attempt is to stop, so that `ctx.go_on()?` is enough between two pieces of work.
    ///
    /// # Errors
    /// [`PhaseError::Cancelled`].
    pub fn go_on(&self) -> Result<(), PhaseError> {
        if self.is_cancelled() { Err(PhaseError::Cancelled) } else { Ok(()) }
    }

    /// Whether somebody more urgent wants the slot: return [`PhaseError::paused`] with a checkpoint at the next good place.
    #[must_use]
    pub fn pause_requested(&self) -> bool {
        self.pause.is_cancelled()
    }

    /// Ends when a pause is asked for.
    pub fn pausing(&self) -> WaitForCancellationFutureOwned {
        self.pause.clone().cancelled_owned()
    }

    /// The job's artifacts.
    #[must_use]
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// The service's folder for caches, where it was given one.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref().map(PathBuf::as_path)
    }
}
