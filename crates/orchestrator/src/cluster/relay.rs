//! A call on its way to another orchestrator: what is sent, over which connection, and what is known when it fails.
//!
//! Bodies up to [`KEPT`] are held until the answer is there, so that they can be sent again; they go over connections that are
//! kept alive. What is larger is streamed, and so is what becomes a WebSocket: these have a connection of their own, made before
//! the body is touched.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Method, Request, Response, Uri, header, request},
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::ServiceExt;

use crate::outbound::chain;

/// Most bytes of a body that is held to be sent again.
pub(super) const KEPT: usize = 1024 * 1024;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long nothing may come of a body that is to be held.
const SILENCE: Duration = Duration::from_secs(30);

/// Headers that are about one connection only.
const OF_ONE_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What is sent.
pub(super) enum Load {
    /// As often as needed.
    Kept(Bytes),
    /// Once.
    Once(Body),
    /// Nothing; the connection becomes something else.
    Upgrade,
}

/// A call that is passed on.
pub(super) struct Onward {
    pub(super) method: Method,
    /// From the first slash on.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) load: Load,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// Nothing was sent.
    #[error("it can't be reached: {0}")]
    NotSent(String),
    /// It may have been done.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The body did not come whole from the caller.
    #[error("the body did not arrive whole: {0}")]
    Body(String),
}

/// Connections to other orchestrators.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    connector: HttpsConnector<HttpConnector>,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Relay {
    pub(super) fn new(trust: rustls::ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(trust)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Well before the other side closes it.
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(1024)
            .build(connector.clone());
        Self { connector, client }
    }

    /// Sends a call to the orchestrator at a URL.
    pub(super) async fn send(&self, to: &str, call: &mut Onward) -> Result<Response<Incoming>, Unanswered> {
        let to: Uri = format!("{to}{}", call.path)
            .parse()
            .map_err(|error: axum::http::uri::InvalidUri| Unanswered::NotSent(error.to_string()))?;
        let body = match &mut call.load {
            Load::Kept(bytes) => {
                let request = request(call.method.clone(), to, &call.headers, Body::from(bytes.clone()))?;
                return self.client.request(request).await.map_err(|error| match error.is_connect() {
                    true => Unanswered::NotSent(chain(&error)),
                    false => Unanswered::Lost(chain(&error)),
                });
            }
            Load::Once(body) => Some(body),
            Load::Upgrade => None,
        };
        let connected = self.connector.clone().oneshot(to.clone()).await;
        let stream = connected.map_err(|error| Unanswered::NotSent(error.to_string()))?;
        let made = hyper::client::conn::http1::handshake(stream).await;
        let (mut sender, connection) = made.map_err(|error| Unanswered::NotSent(chain(&error)))?;
        tokio::spawn(connection.with_upgrades());
        sender.ready().await.map_err(|error| Unanswered::NotSent(chain(&error)))?;
        let body = body.map(std::mem::take).unwrap_or_default();
        // Straight on a connection the address is the path alone.
        let path: Uri = call.path.parse().map_err(|_| Unanswered::NotSent("no path".to_owned()))?;
        let request = request(call.method.clone(), path, &call.headers, body)?;
        sender.send_request(request).await.map_err(|error| Unanswered::Lost(chain(&error)))
    }
}

fn request(method: Method, uri: Uri, headers: &HeaderMap, body: Body) -> Result<Request<Body>, Unanswered> {
    let made = Request::builder().method(method).uri(uri).body(body);
    let mut request = made.map_err(|error| Unanswered::NotSent(error.to_string()))?;
    *request.headers_mut() = headers.clone();
    Ok(request)
}

impl Onward {
    /// Takes over what a caller sends, holding it where it is small.
    ///
    /// # Errors
    /// [`Unanswered::Body`]
    pub(super) async fn of(head: &request::Parts, body: Incoming) -> Result<Self, Unanswered> {
        let upgrades = upgrades(&head.headers);
        let mut headers = head.headers.clone();
        strip(&mut headers);
        headers.remove(header::EXPECT);
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let load = match length {
            _ if upgrades => {
                for name in [header::CONNECTION, header::UPGRADE] {
                    headers.extend(head.headers.get(&name).map(|value| (name, value.clone())));
                }
                Load::Upgrade
            }
            Some(length) if length > KEPT as u64 => Load::Once(Body::new(body)),
            _ => hold(body).await?,
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { method: head.method.clone(), path, headers, load })
    }

    /// Whether it may be sent again although it may have been done: reading, replacing, and callbacks, of which the second one is
    /// known as such.
    pub(super) fn may_repeat(&self) -> bool {
        let safe = matches!(self.method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE);
        let told = self.path == "/phase-complete" || self.path.starts_with("/api/attempts/");
        (safe || told) && matches!(self.load, Load::Kept(_))
    }

    /// Whether it may be sent again where nothing was done.
    pub(super) fn is_held(&self) -> bool {
        !matches!(self.load, Load::Once(_))
    }
}

/// Holds a body of up to [`KEPT`] bytes; what turns out to be larger is streamed on from there.
async fn hold(body: Incoming) -> Result<Load, Unanswered> {
    let mut rest = body.into_data_stream();
    let mut held = BytesMut::new();
    loop {
        match tokio::time::timeout(SILENCE, rest.next()).await {
            Err(_) => return Err(Unanswered::Body(format!("nothing came for {} s", SILENCE.as_secs()))),
            Ok(None) => return Ok(Load::Kept(held.freeze())),
            Ok(Some(Err(error))) => return Err(Unanswered::Body(error.to_string())),
            Ok(Some(Ok(bytes))) => held.extend_from_slice(&bytes),
        }
        if held.len() > KEPT {
            let first = stream::iter([Ok(held.freeze())]);
            return Ok(Load::Once(Body::from_stream(first.chain(rest))));
        }
    }
}

fn upgrades(headers: &HeaderMap) -> bool {
    let named = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok());
    named.is_some_and(|named| named.to_ascii_lowercase().contains("upgrade"))
        && headers.contains_key(header::UPGRADE)
}

/// Takes out what is about one connection only.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').filter_map(|name| name.trim().parse().ok()))
        .collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
}
