//! Progress goes out in the background: the latest wins, a few a second at most, and the last one again as a sign of life.

use std::{sync::Arc, time::Duration};

use protocol::{Progress, TraceContext};
use tokio::sync::watch;

use crate::client::{is_over, problem_of, traced};

/// The phase's end: leaves the latest progress for the sender.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    latest: Arc<watch::Sender<Option<Progress>>>,
}

impl Reporter {
    pub(crate) fn new() -> Self {
        Self { latest: Arc::new(watch::Sender::new(None)) }
    }

    pub(crate) fn say(&self, done: u64, total: u64, unit: &str, message: &str) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let progress =
            Progress { done: Some(done), total: Some(total), unit: text(unit), message: text(message) };
        self.latest.send_replace(Some(progress));
    }

    pub(crate) fn latest(&self) -> Option<Progress> {
        self.latest.borrow().clone()
    }

    /// The sender's end.
    pub(crate) fn outbox(&self) -> Outbox {
        let mut latest = self.latest.subscribe();
        // What was said before somebody listened is news all the same.
        if latest.borrow().is_some() {
            latest.mark_changed();
        }
        Outbox { latest }
    }
}

/// The sender's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    latest: watch::Receiver<Option<Progress>>,
}

/// Where and how often to send.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) client: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) every: Duration,
    pub(crate) heartbeat: Duration,
}

impl Outbox {
    /// Sends until it is dropped. What cannot be sent is not kept: the next one says more. Returns true if the orchestrator says
    /// that the attempt is over, false if nobody wants to hear of it.
    pub(crate) async fn run(mut self, sending: Sending) -> bool {
        if sending.url.is_empty() {
            return false;
        }
        loop {
            let changed = tokio::time::timeout(sending.heartbeat, self.latest.changed()).await;
            if let Ok(Err(_)) = changed {
                return false;
            }
            let progress = self.latest.borrow_and_update().clone().unwrap_or_default();
            if send(&sending, &progress).await == Verdict::Over {
                return true;
            }
            tokio::time::sleep(sending.every).await;
        }
    }
}

/// Longest that one call may take: after that newer progress is worth more.
const ONE_TRY: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    GoOn,
    Over,
}

async fn send(sending: &Sending, progress: &Progress) -> Verdict {
    let request =
        sending.client.post(&sending.url).timeout(ONE_TRY).bearer_auth(&sending.token).json(progress);
    match traced(request, sending.trace).send().await {
        Ok(answer) if answer.status().is_success() => Verdict::GoOn,
        Ok(answer) => {
            let status = answer.status().as_u16();
            match problem_of(answer).await {
                Some(problem) if is_over(problem.code) => {
                    tracing::info!(%problem, "the orchestrator says that the attempt is over");
                    Verdict::Over
                }
                _ => {
                    tracing::debug!(status, "progress was refused");
                    Verdict::GoOn
                }
            }
        }
        Err(error) => {
            tracing::debug!(%error, "progress could not be sent");
            Verdict::GoOn
        }
    }
}
