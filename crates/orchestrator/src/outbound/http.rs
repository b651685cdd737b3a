//! Calls to services over HTTP, on connections that are kept alive.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use engine::{
    command::{Command, Refusal},
    ids::{AttemptId, Name, Timestamp},
    job::RunError,
    payload::Payload,
};
use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Incoming, header};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use tokio::sync::Semaphore;

use super::{Addresses, Hearing, Offer, Outbound, chain, egress::Egress};
use crate::{callback, clock::World, core::Fleet, signature};

/// How long a question may take.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a service may take to say that it is well.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// Calls that may be under way, each with a connection of its own.
const AT_ONCE: usize = 2_048;
/// Largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024 + 1024;
/// What a busy service that names no time is given.
pub(super) const BUSY: Duration = Duration::from_secs(1);

/// What outbound calls need to know.
#[derive(Debug)]
pub struct OutboundSettings {
    /// The services and where they are: nothing else is ever called.
    pub fleet: Fleet,
    /// What start requests say about where to answer.
    pub addresses: Addresses,
    /// Signs start requests, as Standard Webhooks.
    pub signing_secret: Option<crate::config::SigningSecret>,
    /// Which authorities are trusted, where a service has `https`.
    pub trust: rustls::ClientConfig,
    /// For the signatures' times.
    pub world: Arc<dyn World>,
}

type HttpClient = Client<HttpsConnector<HttpConnector<Egress>>, Full<Bytes>>;

/// Calls to services over HTTP.
#[derive(Debug)]
pub struct HttpOutbound {
    client: HttpClient,
    settings: OutboundSettings,
    /// Bounds the calls under way: after a restart there may be an attempt to offer, or to ask about, for every live job.
    open: Semaphore,
    /// Nothing is offered any more.
    ending: AtomicBool,
}

/// An answer, read to its end so that the connection can be used again.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody has heard of it.
    #[error("{0}")]
    NotSent(String),
    /// Somebody may have.
    #[error("{0}")]
    Broken(String),
}

impl HttpOutbound {
    /// Sets up the connections; none is made yet.
    #[must_use]
    pub fn new(settings: OutboundSettings) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Egress::new(
            settings.fleet.members().map(|(name, member)| (name, &member.config)),
        ));
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(5)));
        tcp.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(settings.trust.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(4096)
            .build(https);
        Self { client, settings, open: Semaphore::new(AT_ONCE), ending: AtomicBool::new(false) }
    }

    /// From now on nothing is offered, while callbacks and artifacts of what runs still come in. An attempt that is not offered
    /// any more stays granted in the journal, and the next orchestrator offers it under the same key.
    pub fn stop_offering(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(super) fn fleet(&self) -> &Fleet {
        &self.settings.fleet
    }

    pub(super) fn now(&self) -> Timestamp {
        self.settings.world.now()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    pub(super) async fn call(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let permit = self.open.acquire().await;
        let _permit = permit.map_err(|error| CallError::NotSent(error.to_string()))?;
        let call = async {
            let response = self.client.request(request).await.map_err(|error| match error.is_connect() {
                true => CallError::NotSent(chain(&error)),
                false => CallError::Broken(chain(&error)),
            })?;
            read(response).await.map_err(CallError::Broken)
        };
        tokio::time::timeout(timeout, call)
            .await
            .unwrap_or_else(|_| Err(CallError::Broken(format!("no answer within {} s", timeout.as_secs()))))
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        url: String,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Full::new(Bytes::new()));
        let request = request.map_err(|error| CallError::NotSent(error.to_string()))?;
        self.call(request, timeout).await
    }

    pub(super) fn offer_request(&self, url: &str, offer: &Offer) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{url}/start"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", offer.attempt.to_string())
            .header(protocol::headers::TRACEPARENT, offer.trace.to_string());
        if let Some(secret) = &self.settings.signing_secret {
            let seconds = (self.settings.world.now().0 / 1000).to_string();
            let id = offer.attempt.to_string();
            request = request
                .header("webhook-signature", signature::sign(secret, &id, &seconds, &offer.body))
                .header("webhook-id", id)
                .header("webhook-timestamp", seconds);
        }
        request.body(Full::new(offer.body.clone())).map_err(|error| error.to_string())
    }

    /// The service has answered in a way that settles the offer.
    pub(super) fn settled(&self, offer: &Offer, url: &Arc<str>, answer: Answer, hearing: &dyn Hearing) {
        match answer.status {
            StatusCode::ACCEPTED => hearing.accepted(offer.job, offer.attempt, url.clone()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let retry_after = answer.retry_after.unwrap_or(BUSY);
                hearing.refused(offer.job, offer.attempt, Refusal::Busy { retry_after });
            }
            status if status.is_success() => match callback::parse_outcome(&answer.body) {
                Ok(outcome) => hearing.reported(offer.job, offer.attempt, outcome),
                Err(problem) => {
                    let message =
                        format!("the service answered {status} with a body that is no callback: {problem}");
                    let error = RunError::permanent("invalid-answer", message);
                    hearing.refused(offer.job, offer.attempt, Refusal::Failed { error });
                }
            },
            status => {
                let message = format!("the service answered {status}: {}", excerpt(&answer.body));
                let error = RunError::permanent("refused", message);
                hearing.refused(offer.job, offer.attempt, Refusal::Failed { error });
            }
        }
    }
}

impl Outbound for HttpOutbound {
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        self.offer_until_taken(offer, hearing).boxed()
    }

    fn cancel<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, bool> {
        self.cancel_there(service, attempt).boxed()
    }

    fn pause<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        self.pause_there(service, attempt).boxed()
    }

    fn probe<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command> {
        self.probe_there(service, attempt).boxed()
    }

    fn health<'a>(&'a self, service: &'a Name) -> BoxFuture<'a, Vec<(String, bool)>> {
        let ask = async |(url, _): (Arc<str>, bool)| {
            let asked = self.ask(Method::GET, format!("{url}/health"), HEALTH_TIMEOUT).await;
            (url.to_string(), asked.is_ok_and(|answer| answer.status.is_success()))
        };
        let member = self.fleet().member(service);
        let all = member.map(|member| member.instances(crate::instances::Instances::addresses));
        async move { futures::future::join_all(all.unwrap_or_default().into_iter().map(ask)).await }.boxed()
    }

    fn addresses(&self) -> Addresses {
        self.settings.addresses.clone()
    }
}

async fn read(response: hyper::Response<Incoming>) -> Result<Answer, String> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body = Limited::new(response.into_body(), MAX_ANSWER);
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status, retry_after, body })
}

pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let detail = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|problem| {
        let field = |name: &str| problem.get(name)?.as_str().map(str::to_owned);
        field("detail").or_else(|| field("message")).or_else(|| field("error")).or_else(|| field("title"))
    });
    detail.unwrap_or_else(|| text.chars().take(300).collect())
}
