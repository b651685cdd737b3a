//! The other half of the orchestrator's side: starts and questions to the service that is checked.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use phase_kit::webhook::Secret;
use protocol::{AttemptStatus, CallbackTarget, ServiceHealth, StartRequest, headers};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, value::to_raw_value};
use uuid::Uuid;

use super::{
    super::start::read_json,
    listener::{Listener, Reply},
};
use crate::cli::check::Check;

/// How long the orchestrator waits for the answer to a start.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long it waits for the answer to a question.
const ASK_PATIENCE: Duration = Duration::from_secs(10);
/// Wait before a busy service is asked again, where it does not say.
const BUSY: Duration = Duration::from_secs(1);
/// Longest wait that a busy service may ask for.
const MOST_BUSY: Duration = Duration::from_secs(10);
/// Answers that say that something is not there. Small servers answer 400 or 501 to what they do not know.
const NOT_THERE: [u16; 4] = [400, 404, 405, 501];

/// Where there is no service.
const NOBODY: &str = "nobody listens there";

/// An answer of the service; the error says in words why there is none.
pub(super) type Said = Result<Answer, String>;

/// What it answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: bytes::Bytes,
}

impl Answer {
    pub(super) fn accepted(&self) -> bool {
        self.status == 202 || self.status == 200
    }

    pub(super) fn busy(&self) -> bool {
        self.status == 429 || self.status == 503
    }

    pub(super) fn not_there(&self) -> bool {
        NOT_THERE.contains(&self.status)
    }
}

/// Asks the service.
#[derive(Debug)]
pub(super) struct Probe {
    http: reqwest::Client,
    pub(super) service: String,
    pub(super) phase: String,
    secret: Option<Secret>,
    pub(super) patience: Duration,
    pub(super) listener: Listener,
    input: Value,
    item: Value,
    upstream: Value,
}

impl Probe {
    pub(super) async fn new(check: &Check) -> Result<Self> {
        let secret = check.secret.as_deref().map(Secret::parse).transpose();
        Ok(Self {
            http: phase_kit::http_client().context("no HTTP client")?,
            service: check.service.trim_end_matches('/').to_owned(),
            phase: check.phase.clone().unwrap_or_else(|| "check".to_owned()),
            secret: secret.context("--secret is not one")?,
            patience: check.takes,
            listener: Listener::start(check.listen, check.public_url.as_deref()).await?,
            input: read_json(&check.input, "--input")?,
            item: read_json(&check.item, "--item")?,
            upstream: read_json(&check.upstream, "--upstream")?,
        })
    }

    pub(super) fn signs(&self) -> bool {
        self.secret.is_some()
    }

    /// A start of a new attempt, whose callbacks are answered so.
    pub(super) fn attempt(&self, replies: &[Reply]) -> Result<StartRequest> {
        let (job_id, attempt_id) = (Uuid::now_v7(), Uuid::now_v7());
        let token = format!("check-{}", Uuid::now_v7().simple());
        self.listener.expect(attempt_id, &token, replies);
        let base = &self.listener.url;
        let raw = |value: &Value| to_raw_value(value).map(Arc::from);
        Ok(StartRequest {
            job_id,
            pipeline: "segue-check".to_owned(),
            key: "segue_check".to_owned(),
            phase: self.phase.clone(),
            run: self.phase.clone(),
            attempt: 1,
            attempt_id,
            priority: "medium".to_owned(),
            input: raw(&self.input)?,
            item: raw(&self.item)?,
            upstream: serde_json::from_value(self.upstream.clone())
                .context("--upstream must be { \"PHASE\": { \"output\": … } }")?,
            checkpoint: raw(&Value::Null)?,
            deadline: Timestamp::now().checked_add(self.patience * 4).ok(),
            callback: CallbackTarget {
                url: format!("{base}/{attempt_id}/phase-complete"),
                progress_url: format!("{base}/{attempt_id}/progress"),
                token,
            },
            artifacts_url: format!("{base}/artifacts/"),
        })
    }

    /// The start's body; `more`: with members that no version of the contract has.
    pub(super) fn body(start: &StartRequest, more: bool) -> Result<Value> {
        let mut body = serde_json::to_value(start).context("a start can't be written")?;
        body["courseCode"] = start.key.clone().into();
        if more {
            body["fromALaterVersion"] = serde_json::json!({ "of": ["the", "contract"] });
            body["callback"]["alsoNew"] = true.into();
        }
        Ok(body)
    }

    /// Offers an attempt once.
    pub(super) async fn offer(&self, start: &StartRequest, body: &Value) -> Said {
        let said =
            self.send_start(start.attempt_id, body.to_string().into_bytes(), headers::JSON, None).await;
        if said.as_ref().is_ok_and(Answer::accepted) {
            self.listener.with(start.attempt_id, |seen| seen.start_answered = true);
        }
        said
    }

    /// Offers an attempt until the service is no longer busy, as the orchestrator does.
    pub(super) async fn start(&self, start: &StartRequest) -> Result<Said> {
        let body = Self::body(start, false)?;
        Ok(self.patient(async || self.offer(start, &body).await).await)
    }

    pub(super) async fn patient(&self, offer: impl AsyncFn() -> Said) -> Said {
        let mut waited = Duration::ZERO;
        loop {
            let said = offer().await;
            match &said {
                Ok(answer) if answer.busy() && waited < self.patience => {
                    let wait = answer.retry_after.unwrap_or(BUSY).clamp(BUSY / 10, MOST_BUSY);
                    tokio::time::sleep(wait).await;
                    waited += wait;
                }
                _ => return said,
            }
        }
    }

    /// Any body as a start; `wrong_signature` instead of a right one.
    pub(super) async fn send_start(
        &self,
        attempt: Uuid,
        body: Vec<u8>,
        content_type: &str,
        wrong_signature: Option<&Secret>,
    ) -> Said {
        let mut request = self
            .http
            .post(format!("{}/start", self.service))
            .timeout(START_PATIENCE)
            .header(headers::IDEMPOTENCY_KEY, attempt.to_string())
            .header(headers::TRACEPARENT, trace(attempt))
            .header("content-type", content_type);
        if let Some(secret) = wrong_signature.or(self.secret.as_ref()) {
            let (id, seconds) = (attempt.to_string(), Timestamp::now().as_second());
            request = request
                .header(headers::WEBHOOK_SIGNATURE, secret.sign(&id, seconds, &body))
                .header(headers::WEBHOOK_ID, id)
                .header(headers::WEBHOOK_TIMESTAMP, seconds);
        }
        send(request.body(body), START_PATIENCE).await
    }

    /// Any question: `GET /health`, `POST /cancel/…`.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Said {
        let request = self.http.request(method, format!("{}{path}", self.service)).timeout(ASK_PATIENCE);
        send(request, ASK_PATIENCE).await
    }

    /// What `/status` says of an attempt; `None`: it is not offered, or not understood.
    pub(super) async fn status(&self, attempt: Uuid) -> Option<AttemptStatus> {
        let answer = self.ask(Method::GET, &format!("/status/{attempt}")).await.ok()?;
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)
    }

    /// Whether nobody listens any more. A service that is about to die may take a connection and never answer.
    pub(super) async fn is_gone(&self) -> bool {
        let gone = async {
            loop {
                match self.ask(Method::GET, "/health").await {
                    Ok(_) => return false,
                    Err(error) if error == NOBODY => return true,
                    Err(_) => tokio::time::sleep(super::LOOK_EVERY).await,
                }
            }
        };
        tokio::time::timeout(self.patience, gone).await.unwrap_or(false)
    }

    /// What `/health` says, where it says what the contract asks for.
    pub(super) async fn health(&self) -> Option<ServiceHealth> {
        let answer = self.ask(Method::GET, "/health").await.ok()?;
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)
    }
}

/// A trace of its own for each attempt.
fn trace(attempt: Uuid) -> String {
    let id = attempt.simple().to_string();
    format!("00-{id}-{}-01", &id[16..])
}

async fn send(request: RequestBuilder, patience: Duration) -> Said {
    let answer = request.send().await.map_err(|error| words(&error, patience))?;
    let status = answer.status().as_u16();
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.bytes().await.map_err(|error| words(&error, patience))?;
    Ok(Answer { status, retry_after: after.map(Duration::from_secs), body })
}

fn words(error: &reqwest::Error, patience: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", patience.as_secs());
    }
    if error.is_connect() {
        return NOBODY.to_owned();
    }
    "the connection ended without an answer".to_owned()
}
