//! Runs the phase of one attempt under its deadline: whatever it does (return, panic, ignore a cancel), it ends.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use protocol::Callback;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

use super::{Live, StopCause};
use crate::{
    artifacts::Artifacts,
    context::Context,
    phase::{PhaseError, failed},
    reporter::Sending,
    service::Service,
};

/// Returns how the attempt ended; `None` if the process goes before that.
pub(super) async fn execute(service: &Service, live: &Arc<Live>) -> Option<Callback> {
    let start = &live.start;
    let Some(phase) = service.phase(&start.phase) else {
        let message = format!("the service `{}` does not do `{}`", service.name, start.phase);
        return Some(named(live, failed(PhaseError::permanent("unknown-phase", message))));
    };
    tracing::info!(attempt = %start.attempt_id, run = %start.run, job = %start.job_id, key = %start.key, "attempt started");
    // What the phase logs says whose work it is.
    let trace = live.trace.map(|context| protocol::trace::hex(&context.trace));
    let span = tracing::info_span!("attempt", job = %start.job_id, run = %start.run, attempt = %start.attempt_id, trace);
    let mut work = tokio::spawn(Arc::clone(phase).run_erased(context(service, live)).instrument(span));
    let beats = tokio::spawn(beat(sending(service, live), Arc::clone(live)));
    let time_left = start.deadline.map_or(Duration::MAX, |deadline| until(deadline, (service.clock)()));
    let ended = tokio::select! {
        result = &mut work => Some(after_join(result)),
        () = live.cancel.cancelled() => Some(wind_down(service, &mut work).await),
        () = tokio::time::sleep(time_left) => {
            live.stop(StopCause::Deadline);
            Some(wind_down(service, &mut work).await)
        }
        () = service.attempts.abandon.cancelled() => {
            work.abort();
            None
        }
    };
    beats.abort();
    let callback = named(live, explained(live, ended?));
    tracing::info!(attempt = %start.attempt_id, run = %start.run, status = ?callback.status, "attempt ended");
    Some(callback)
}

fn context(service: &Service, live: &Live) -> Context {
    let start = &live.start;
    Context {
        start: Arc::clone(start),
        trace: live.trace,
        reporter: live.reporter.clone(),
        cancel: live.cancel.clone(),
        pause: live.pause.clone(),
        artifacts: Artifacts::new(
            service.client.clone(),
            start.artifacts_url.clone(),
            start.callback.token.clone(),
            service.timing.artifact_patience,
        ),
        data_dir: service.data_dir.clone(),
    }
}

fn sending(service: &Service, live: &Live) -> Sending {
    Sending {
        client: service.client.clone(),
        url: live.start.callback.progress_url.clone(),
        token: live.start.callback.token.clone(),
        trace: live.trace,
        every: service.timing.progress_every,
        heartbeat: service.timing.heartbeat,
    }
}

/// Progress and signs of life. If the orchestrator answers that the attempt is over, nobody should work on it.
async fn beat(sending: Sending, live: Arc<Live>) {
    if live.reporter.outbox().run(sending).await {
        live.stop(StopCause::Orchestrator);
    }
}

/// A cancelled phase may end by itself for a while; then it is dropped at its next await.
async fn wind_down(service: &Service, work: &mut JoinHandle<Callback>) -> Callback {
    match tokio::time::timeout(service.timing.cancel_grace, &mut *work).await {
        Ok(result) => after_join(result),
        Err(_) => {
            work.abort();
            failed(PhaseError::Cancelled)
        }
    }
}

fn after_join(result: Result<Callback, JoinError>) -> Callback {
    result.unwrap_or_else(|error| {
        let message = match error.try_into_panic() {
            Ok(panic) => panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned()),
            Err(_) => return failed(PhaseError::Cancelled),
        };
        failed(PhaseError::permanent("panicked", format!("the phase panicked: {message}")))
    })
}

/// "Cancelled" in the words of whoever caused it, where the orchestrator does not know the cause.
fn explained(live: &Live, callback: Callback) -> Callback {
    use protocol::CallbackStatus::Cancelled;
    match (live.cause(), callback.status) {
        (Some(StopCause::Deadline), Cancelled) => {
            failed(PhaseError::retry("deadline-exceeded", "the attempt was not finished at its deadline"))
        }
        (Some(StopCause::ShuttingDown), Cancelled) => failed(PhaseError::retry(
            "shutting-down",
            "the service was stopped before the attempt was finished",
        )),
        (Some(StopCause::Orchestrator), _) => failed(PhaseError::Cancelled),
        _ => callback,
    }
}

fn named(live: &Live, callback: Callback) -> Callback {
    Callback {
        job_id: Some(live.start.job_id),
        attempt_id: Some(live.start.attempt_id),
        phase: Some(live.start.phase.clone()),
        ..callback
    }
}

fn until(deadline: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(now)).unwrap_or(Duration::ZERO)
}
