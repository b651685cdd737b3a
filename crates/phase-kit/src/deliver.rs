//! Brings a callback to the orchestrator: again and again until it is taken, or until somebody says that nobody waits for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use protocol::{Callback, CallbackError, CallbackStatus, Code, Problem};

use crate::{
    attempt::Live,
    backoff::Backoff,
    client::{is_over, problem_of, traced},
    service::Service,
};

/// Longest that one try may take.
const ONE_TRY: Duration = Duration::from_secs(60);

/// What one try came to.
enum Answer {
    Taken,
    /// Nobody waits for it: superseded, another outcome, unknown, wrong token.
    Unwanted(String),
    /// The orchestrator will never take this body.
    Refused(String),
    /// Later, perhaps.
    Passing(String),
}

/// Returns when there is nothing more to do for this callback.
pub(crate) async fn deliver(service: &Service, live: &Live, callback: &Callback) {
    let start = &live.start;
    let (attempt, run) = (start.attempt_id, start.run.as_str());
    let timing = &service.timing;
    let backoff = Backoff { first: timing.first_backoff, most: timing.most_backoff };
    let give_up = SignedDuration::try_from(timing.callback_patience)
        .ok()
        .and_then(|patience| start.deadline.unwrap_or_else(|| (service.clock)()).checked_add(patience).ok())
        .unwrap_or(Timestamp::MAX);
    let mut replacement = None;
    for failures in 1.. {
        let detail = match send(service, live, replacement.as_ref().unwrap_or(callback)).await {
            Answer::Taken => {
                tracing::debug!(%attempt, run, failures, "callback taken");
                return;
            }
            Answer::Unwanted(why) => {
                tracing::warn!(%attempt, run, why, "nobody waits for this callback; it is not sent again");
                return;
            }
            Answer::Refused(why) if replacement.is_none() => {
                tracing::error!(%attempt, run, why, "the result was refused; reporting a failure instead");
                replacement = Some(refused(callback, &why));
                continue;
            }
            Answer::Refused(why) => {
                tracing::error!(%attempt, run, why, "even the failure was refused; it is not sent again");
                return;
            }
            Answer::Passing(detail) => detail,
        };
        if (service.clock)() >= give_up {
            tracing::error!(%attempt, run, detail, "the callback could not be delivered in time; it is not sent again");
            return;
        }
        let wait = backoff.after(failures, &mut *service.rng.lock());
        tracing::info!(%attempt, run, detail, wait = ?wait, "callback not taken, it will be sent again");
        tokio::time::sleep(wait).await;
    }
}

async fn send(service: &Service, live: &Live, callback: &Callback) -> Answer {
    let start = &live.start;
    let request = service.client.post(&start.callback.url).timeout(ONE_TRY);
    let request = traced(request.bearer_auth(&start.callback.token).json(callback), live.trace);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_builder() => {
            return Answer::Unwanted(format!("the callback's address is not valid: {error}"));
        }
        Err(error) => return Answer::Passing(error.without_url().to_string()),
    };
    let status = answer.status().as_u16();
    if answer.status().is_success() {
        return Answer::Taken;
    }
    match (status, problem_of(answer).await) {
        (_, Some(problem)) if is_over(problem.code) || problem.code == Code::WrongToken => {
            Answer::Unwanted(problem.to_string())
        }
        (401 | 404, _) => Answer::Unwanted(format!("the orchestrator answered {status}")),
        (400 | 413 | 422, Some(problem)) => Answer::Refused(words(&problem)),
        (_, problem) => Answer::Passing(
            problem.map_or_else(|| format!("the orchestrator answered {status}"), |problem| words(&problem)),
        ),
    }
}

fn words(problem: &Problem) -> String {
    problem.to_string()
}

/// A result that the orchestrator cannot take must still end the attempt.
fn refused(callback: &Callback, why: &str) -> Callback {
    Callback {
        job_id: callback.job_id,
        attempt_id: callback.attempt_id,
        phase: callback.phase.clone(),
        status: CallbackStatus::Failed,
        success: false,
        error: Some(CallbackError {
            code: "result-refused".to_owned(),
            message: format!("the orchestrator did not take the result: {why}"),
            retryable: false,
        }),
        ..Callback::default()
    }
}
