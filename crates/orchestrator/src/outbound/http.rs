//! Calls to services over HTTP, on connections that are kept alive.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use engine::{
    command::{Command, Outcome, ProbeFinding, Refusal},
    ids::{AttemptId, Name},
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

use super::{Addresses, Hearing, Offer, Outbound, egress::Egress};
use crate::{callback, clock::World, config::ServiceConfig, signature};

/// How long one offer waits for its answer: a service takes an attempt, it does not do it, before it answers.
const OFFER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a service may take to give a checkpoint.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a service may take to say that it is well.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// Waits between offers of one attempt under one key. Together with the offers' own time about half a minute where the
/// service refuses connections, long enough for it to be restarted.
const OFFER_AGAIN: [Duration; 8] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(6),
    Duration::from_secs(8),
    Duration::from_secs(8),
];
/// Calls that may be under way, each with a connection of its own.
const AT_ONCE: usize = 2_048;
/// Largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024 + 1024;
/// What a busy service that names no time is given.
const BUSY: Duration = Duration::from_secs(1);

/// What outbound calls need to know.
#[derive(Debug)]
pub struct OutboundSettings {
    /// The services and where they are: nothing else is ever called.
    pub services: BTreeMap<Name, ServiceConfig>,
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
    turn: AtomicUsize,
    /// Bounds the calls under way: after a restart there may be an attempt to offer, or to ask about, for every live job.
    open: Semaphore,
    /// Nothing is offered any more.
    ending: AtomicBool,
}

/// An answer, read to its end so that the connection can be used again.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Bytes,
}

impl HttpOutbound {
    /// Sets up the connections; none is made yet.
    #[must_use]
    pub fn new(settings: OutboundSettings) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Egress::new(settings.services.iter()));
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
        Self {
            client,
            settings,
            turn: AtomicUsize::new(0),
            open: Semaphore::new(AT_ONCE),
            ending: AtomicBool::new(false),
        }
    }

    /// From now on nothing is offered, while callbacks and artifacts of what runs still come in. An attempt that is not offered
    /// any more stays granted in the journal, and the next orchestrator offers it under the same key.
    pub fn stop_offering(&self) {
        self.ending.store(true, Ordering::Release);
    }

    fn urls(&self, service: &Name) -> &[Arc<str>] {
        self.settings.services.get(service).map_or(&[], |config| &config.urls)
    }

    async fn call(&self, request: Request<Full<Bytes>>, timeout: Duration) -> Result<Answer, String> {
        let _permit = self.open.acquire().await.map_err(|error| error.to_string())?;
        let call = async {
            let response = self.client.request(request).await.map_err(|error| chain(&error))?;
            read(response).await
        };
        tokio::time::timeout(timeout, call)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", timeout.as_secs())))
    }

    async fn ask(&self, method: Method, url: String, timeout: Duration) -> Result<Answer, String> {
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Full::new(Bytes::new())).map_err(|error| error.to_string())?;
        self.call(request, timeout).await
    }

    fn offer_request(&self, url: &str, offer: &Offer) -> Result<Request<Full<Bytes>>, String> {
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

    async fn offer_until_taken(&self, offer: Offer, hearing: &dyn Hearing) {
        let urls = self.urls(&offer.service);
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = String::from("the service is not declared in services.toml");
        for (number, wait) in std::iter::once(Duration::ZERO).chain(OFFER_AGAIN).enumerate() {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            if self.ending.load(Ordering::Acquire) {
                return;
            }
            if urls.is_empty() || !hearing.wants(offer.attempt) {
                break;
            }
            let url = &urls[(start + number) % urls.len()];
            let request = match self.offer_request(url, &offer) {
                Ok(request) => request,
                Err(error) => {
                    last = error;
                    break;
                }
            };
            hearing.sending(&offer, number > 0);
            match self.call(request, OFFER_TIMEOUT).await {
                Ok(answer)
                    if answer.status.is_server_error()
                        && answer.status != StatusCode::SERVICE_UNAVAILABLE =>
                {
                    last = format!("the service answered {}: {}", answer.status, excerpt(&answer.body));
                }
                Ok(answer) => return self.settled(&offer, url, answer, hearing),
                Err(error) => last = error,
            }
        }
        if hearing.wants(offer.attempt) {
            let error = RunError::retryable("service-unreachable", format!("{}: {last}", offer.service));
            hearing.refused(offer.job, offer.attempt, Refusal::Failed { error });
        }
    }

    /// The service has answered in a way that settles the offer.
    fn settled(&self, offer: &Offer, url: &Arc<str>, answer: Answer, hearing: &dyn Hearing) {
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

    /// What one instance knows of an attempt.
    async fn probe_one(&self, url: &str, attempt: AttemptId) -> Probed {
        let Ok(answer) = self.ask(Method::GET, format!("{url}/status/{attempt}"), PROBE_TIMEOUT).await else {
            return Probed::Finding(ProbeFinding::NoAnswer);
        };
        if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
            return Probed::Finding(ProbeFinding::NoAnswer);
        }
        match callback::parse_status(&answer.body) {
            Some(callback::ServiceStatus::Unknown) => Probed::Finding(ProbeFinding::Unknown),
            Some(callback::ServiceStatus::Running) => Probed::Finding(ProbeFinding::Working),
            Some(callback::ServiceStatus::Done(outcome)) => Probed::Done(outcome),
            None => Probed::Finding(ProbeFinding::NoAnswer),
        }
    }
}

enum Probed {
    Finding(ProbeFinding),
    Done(Outcome),
}

impl Outbound for HttpOutbound {
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        self.offer_until_taken(offer, hearing).boxed()
    }

    fn cancel<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, bool> {
        async move {
            let mut heard = false;
            for url in self.urls(service) {
                // Best effort: a service that does not hear of it finds its callback superseded.
                let told = self.ask(Method::POST, format!("{url}/cancel/{attempt}"), PROBE_TIMEOUT).await;
                match told {
                    Ok(answer) => heard |= answer.status.is_success(),
                    Err(error) => {
                        tracing::debug!(%service, %attempt, %error, "the service could not be told of a cancelled attempt");
                    }
                }
            }
            heard
        }
        .boxed()
    }

    fn pause<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        async move {
            for url in self.urls(service) {
                let asked = self.ask(Method::POST, format!("{url}/pause/{attempt}"), PAUSE_TIMEOUT).await;
                let answer = asked.ok().filter(|answer| answer.status.is_success());
                if let Some(checkpoint) = answer.and_then(|answer| callback::parse_checkpoint(&answer.body)) {
                    return Some(checkpoint);
                }
            }
            None
        }
        .boxed()
    }

    fn probe<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command> {
        async move {
            let mut finding = ProbeFinding::Unknown;
            for url in self.urls(service) {
                match self.probe_one(url, attempt).await {
                    Probed::Done(outcome) => return Command::Report { attempt, outcome },
                    Probed::Finding(ProbeFinding::Working) => {
                        return Command::Probed { attempt, finding: ProbeFinding::Working };
                    }
                    Probed::Finding(ProbeFinding::NoAnswer) => finding = ProbeFinding::NoAnswer,
                    Probed::Finding(ProbeFinding::Unknown) => {}
                }
            }
            Command::Probed { attempt, finding }
        }
        .boxed()
    }

    fn health<'a>(&'a self, service: &'a Name) -> BoxFuture<'a, Vec<(String, bool)>> {
        let ask = async |url: &Arc<str>| {
            let asked = self.ask(Method::GET, format!("{url}/health"), HEALTH_TIMEOUT).await;
            (url.to_string(), asked.is_ok_and(|answer| answer.status.is_success()))
        };
        async move { futures::future::join_all(self.urls(service).iter().map(ask)).await }.boxed()
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

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let detail = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|problem| {
        let field = |name: &str| problem.get(name)?.as_str().map(str::to_owned);
        field("detail").or_else(|| field("message")).or_else(|| field("error")).or_else(|| field("title"))
    });
    detail.unwrap_or_else(|| text.chars().take(300).collect())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
