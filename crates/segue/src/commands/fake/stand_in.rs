//! The work of a stand-in: takes its time, says how far it is, pauses when asked, ends as drawn.

use std::{sync::Arc, time::Duration};

use phase_kit::{Context, Phase, PhaseError, Success};
use protocol::{Callback, CallbackError, CallbackStatus};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fate::{Delivery, Ending, Fates};

/// Of the failures that it makes up.
const CODE: &str = "fake-failure";
/// So many progress reports an attempt at most makes.
const REPORTS: u32 = 100;
/// At least so long between two of them.
const LEAST_PAUSE: Duration = Duration::from_millis(250);

/// Does any phase by waiting.
#[derive(Debug)]
pub(super) struct StandIn {
    pub(super) name: Arc<str>,
    pub(super) fates: Fates,
    /// None: it names itself and the run.
    pub(super) output: Option<Value>,
    pub(super) stats: Value,
    pub(super) progress: bool,
    pub(super) http: reqwest::Client,
}

impl Phase for StandIn {
    const NAME: &'static str = "*";
    type Input = Value;
    type Output = Value;

    async fn run(&self, ctx: Context, _: Value) -> Result<Success<Value>, PhaseError> {
        let attempt = ctx.start().attempt_id;
        let takes = self.fates.takes(attempt);
        let before: Option<Value> = ctx.checkpoint()?;
        let worked = before.and_then(|checkpoint| checkpoint["workedMillis"].as_u64()).unwrap_or(0);
        self.work(&ctx, Duration::from_millis(worked), takes).await?;
        let outcome = self.outcome(&ctx);
        if self.fates.delivery(attempt) == Delivery::Twice {
            self.call_back(&ctx, &outcome).await;
        }
        outcome
    }
}

impl StandIn {
    fn outcome(&self, ctx: &Context) -> Result<Success<Value>, PhaseError> {
        match self.fates.ending(ctx.start().attempt_id) {
            Ending::Well => {
                let own = || json!({ "by": &*self.name, "run": ctx.start().run });
                Ok(Success::new(self.output.clone().unwrap_or_else(own)).stats(self.stats.clone()))
            }
            Ending::Retry => Err(PhaseError::retry(CODE, "segue fake was told to fail now and then")),
            Ending::Permanent => Err(PhaseError::permanent(CODE, "segue fake was told to fail for good")),
        }
    }

    /// The callback once more than it should come: phase-kit sends the same when the work has ended.
    async fn call_back(&self, ctx: &Context, outcome: &Result<Success<Value>, PhaseError>) {
        let start = ctx.start();
        let raw = |value: &Value| serde_json::value::to_raw_value(value).ok();
        let failed = |code: &String, message: &String, retryable| {
            Some(CallbackError { code: code.clone(), message: message.clone(), retryable })
        };
        let error = match outcome {
            Err(PhaseError::Permanent { code, message }) => failed(code, message, false),
            Err(PhaseError::Retry { code, message }) => failed(code, message, true),
            Err(PhaseError::Paused { .. } | PhaseError::Cancelled) | Ok(_) => None,
        };
        let callback = Callback {
            job_id: Some(start.job_id),
            attempt_id: Some(start.attempt_id),
            phase: Some(start.phase.clone()),
            success: outcome.is_ok(),
            status: if outcome.is_ok() { CallbackStatus::Complete } else { CallbackStatus::Failed },
            output: outcome.as_ref().ok().and_then(|success| raw(&success.output)),
            stats: outcome.as_ref().ok().filter(|one| !one.stats.is_null()).and_then(|one| raw(&one.stats)),
            error,
            ..Callback::default()
        };
        let request = self.http.post(&start.callback.url).bearer_auth(&start.callback.token).json(&callback);
        if let Err(error) = request.send().await {
            tracing::info!(%error, "the callback went out once only");
        }
    }

    /// Until so much work is done, of which some was done in an earlier attempt.
    async fn work(&self, ctx: &Context, worked: Duration, takes: Duration) -> Result<(), PhaseError> {
        let began = Instant::now();
        let every = (takes / REPORTS).max(LEAST_PAUSE);
        loop {
            let done = (worked + began.elapsed()).min(takes);
            if self.progress {
                ctx.progress(tenths(done), tenths(takes), "tenths of a second", "");
            }
            let left = takes.saturating_sub(done);
            if left.is_zero() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(if self.progress { left.min(every) } else { left }) => {}
                () = ctx.cancelled() => return Err(PhaseError::Cancelled),
                () = ctx.pausing() => {
                    let worked = u64::try_from((worked + began.elapsed()).as_millis()).unwrap_or(u64::MAX);
                    return Err(PhaseError::paused(&json!({ "workedMillis": worked })));
                }
            }
        }
    }
}

fn tenths(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / 100).unwrap_or(u64::MAX)
}
