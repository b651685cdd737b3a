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

/// How it went with some of them.
enum Went {
    On,
    /// None waits.
    Idle,
    Away(String),
}

impl JobSender {
    /// Starts jobs until it is dropped. Dropped in the midst of a call the change still waits, and its number makes the second
    /// start of the job one with the first.
    pub(super) async fn run(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let trouble = match self.some().await {
                Ok(Went::On) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Ok(Went::Idle) => {
                    self.wait().await;
                    continue;
                }
                Ok(Went::Away(trouble)) => trouble,
                Err(error) => chain(&error),
            };
            tracing::warn!(trouble, "no job can be started; changes wait");
            sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
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

    /// Starts the next jobs, one after the other; that they are started is put down for all of them at once, for a job that is
    /// started again is the same job.
    async fn some(&self) -> Result<Went, LedgerError> {
        let next = self.book.next(self.clock.now())?;
        if next.is_empty() {
            return Ok(Went::Idle);
        }
        let mut taken = Vec::new();
        let mut went = Went::On;
        for waiting in next {
            match self.start(&waiting).await {
                Answer::Taken => taken.push(waiting.change),
                Answer::Refused(trouble) => self.refused(&waiting, &trouble)?,
                Answer::Away(trouble) => {
                    went = Went::Away(trouble);
                    break;
                }
            }
        }
        self.book.started(&taken)?;
        sleep(Duration::from_secs_f64(taken.len() as f64 / self.rate)).await;
        Ok(went)
    }

    fn refused(&self, waiting: &Waiting, trouble: &str) -> Result<(), LedgerError> {
        let pause = FIRST_PAUSE.saturating_mul(1 << waiting.tries.min(16)).min(MOST_PAUSE);
        let at = self.clock.now() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        tracing::warn!(
            file = waiting.file.as_str(),
            trouble,
            "the job of a change was refused; it is tried again"
        );
        self.book.later(waiting.change, at, trouble)
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
