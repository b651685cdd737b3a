//! Starting a job for each change: in their order, at a bounded rate, again until the orchestrator has taken it.

use std::{sync::Arc, time::Duration};

use phase_kit::catalog::Token;
use reqwest::StatusCode;
use serde_json::json;
use tokio::{sync::Notify, time::sleep};

use super::book::{Book, Waiting};
use crate::{
    desk::{Clock, chain},
    ledger::LedgerError,
    paths::job_key,
};

/// First pause after trouble; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// Starts jobs.
#[derive(Debug)]
pub(super) struct JobSender {
    pub(super) book: Arc<Book>,
    pub(super) client: reqwest::Client,
    pub(super) orchestrator: String,
    pub(super) token: Option<Token>,
    pub(super) clock: Clock,
    /// Jobs a second.
    pub(super) rate: f64,
    /// Something new waits.
    pub(super) more: Arc<Notify>,
}

/// What came of a start.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Taken,
    /// This one is refused for now.
    Refused(String),
    /// None would be taken now.
    Away(String),
}

impl JobSender {
    /// Starts jobs until it is dropped. Dropped in the midst of a call the change still waits, and its number makes the second
    /// start of the job one with the first.
    pub(super) async fn run(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.once().await {
                Ok(Some(Answer::Away(trouble))) => {
                    tracing::warn!(trouble, "the orchestrator takes no job; changes wait");
                    sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                Ok(Some(_)) => {
                    pause = FIRST_PAUSE;
                    sleep(Duration::from_secs_f64(1.0 / self.rate)).await;
                }
                Ok(None) => self.wait().await,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the watcher's book cannot be used");
                    sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
            }
        }
    }

    async fn wait(&self) {
        let next = self.book.pending().ok().and_then(|(_, next)| next);
        let due = async {
            match next {
                Some(at) => {
                    sleep(Duration::from_millis(u64::try_from(at - self.clock.now()).unwrap_or(0).max(1)))
                        .await
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.more.notified() => {}
        }
    }

    /// Starts the next job, if there is one.
    async fn once(&self) -> Result<Option<Answer>, LedgerError> {
        let Some(waiting) = self.book.next(self.clock.now())? else { return Ok(None) };
        let answer = self.start(&waiting).await;
        match &answer {
            Answer::Taken => self.book.started(waiting.change)?,
            Answer::Refused(trouble) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << waiting.tries.min(16)).min(MOST_PAUSE);
                let at = self.clock.now() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                tracing::warn!(
                    file = waiting.file.as_str(),
                    trouble,
                    "the job of a change was refused; it is tried again"
                );
                self.book.later(waiting.change, at, trouble)?;
            }
            Answer::Away(_) => {}
        }
        Ok(Some(answer))
    }

    async fn start(&self, waiting: &Waiting) -> Answer {
        let Waiting { change, project, file, content_hash, .. } = waiting;
        let (file_key, hash) = (job_key(project, file), content_hash.get(..16).unwrap_or(content_hash));
        let body = json!({
            "pipeline": "autofix",
            "key": file_key,
            "input": { "project": project, "file": file, "contentHash": content_hash, "change": change },
            "idempotencyKey": format!("{file_key}:{hash}:{}.{change}", &self.book.id()),
        });
        let mut request = self.client.post(format!("{}/api/jobs", self.orchestrator)).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = match request.timeout(Duration::from_secs(10)).send().await {
            Ok(answer) => answer,
            Err(error) => return Answer::Away(error.without_url().to_string()),
        };
        let said = |status: StatusCode| format!("it answered {}", status.as_u16());
        match answer.status() {
            status if status.is_success() => Answer::Taken,
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) => {
                Answer::Away(said(status))
            }
            status if status.is_server_error() => Answer::Away(said(status)),
            status => {
                let body: serde_json::Value = answer.json().await.unwrap_or_default();
                Answer::Refused(format!("{}: {}", said(status), body["detail"].as_str().unwrap_or_default()))
            }
        }
    }
}
