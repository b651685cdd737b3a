//! The collector of traces: where it is, by OpenTelemetry's own environment variables, and how spans get there.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{Span, otlp};

/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Where spans go.
#[derive(Clone)]
pub struct CollectorSettings {
    /// The address that takes traces.
    pub url: Uri,
    /// Sent with every request, such as the key of a hosted collector.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// In whose name.
    pub service: String,
}

impl std::fmt::Debug for CollectorSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The headers may hold a key.
        write!(f, "CollectorSettings({})", self.url)
    }
}

/// Settings that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct InvalidSettings {
    variable: &'static str,
    problem: String,
}

impl CollectorSettings {
    /// From the environment; none where it names no collector, or switches traces off.
    ///
    /// # Errors
    /// [`InvalidSettings`] where an address or header is none, or another form of the protocol is asked for.
    pub fn read(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, InvalidSettings> {
        let get = |name: &str| env(name).filter(|value| !value.is_empty());
        let is = |name: &str, value: &str| get(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
        let (own, base) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let whole = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let Some(url) = get(own).or_else(|| get(base).map(whole)) else { return Ok(None) };
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let invalid = |variable, problem: String| InvalidSettings { variable, problem };
        let url: Uri =
            url.parse().map_err(|error| invalid(base, format!("'{url}' is no address: {error}")))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            return Err(invalid(base, format!("'{url}' is no http or https address")));
        }
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            if get(name).is_some_and(|said| said != "http/json") {
                return Err(invalid("OTEL_EXPORTER_OTLP_PROTOCOL", "only http/json is spoken".to_owned()));
            }
        }
        let said = get("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| get("OTEL_EXPORTER_OTLP_HEADERS"));
        let header = |pair: &str| -> Option<(HeaderName, HeaderValue)> {
            let (name, value) = pair.split_once('=')?;
            let mut value: HeaderValue = value.trim().parse().ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        };
        let pairs = said.as_deref().unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty());
        let headers = pairs.map(header).collect::<Option<Vec<_>>>().ok_or_else(|| {
            invalid("OTEL_EXPORTER_OTLP_HEADERS", "it is written name=value,name=value".to_owned())
        })?;
        let service = get("OTEL_SERVICE_NAME").unwrap_or_else(|| "segue".to_owned());
        Ok(Some(Self { url, headers, service }))
    }
}

/// What became of spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// The collector has them, all but so many.
    Taken {
        /// How many it refused.
        rejected: u64,
    },
    /// It will never take them.
    Refused(String),
    /// It may take them later.
    Later(String, Option<Duration>),
}

/// A connection to the collector.
pub(super) struct Collector {
    settings: CollectorSettings,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Collector {
    pub(super) fn new(settings: CollectorSettings) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(TIMEOUT));
        tcp.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Self { settings, client }
    }

    /// Sends spans once.
    pub(super) async fn send(&self, spans: &[Span]) -> Sent {
        let body = otlp::request(&self.settings.service, spans).to_string();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.settings.url.clone())
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        let request = match request.body(Full::new(Bytes::from(body))) {
            Ok(request) => request,
            Err(error) => return Sent::Refused(error.to_string()),
        };
        let call = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| error.to_string())?;
            Ok((head, body.to_bytes()))
        };
        let answered = tokio::time::timeout(TIMEOUT, call).await;
        let (head, body) = match answered.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(answer) => answer,
            Err(error) => return Sent::Later(error, None),
        };
        match head.status {
            status if status.is_success() => {
                let answer: otlp::Answer = serde_json::from_slice(&body).unwrap_or_default();
                let (rejected, why) = answer.rejected();
                if rejected > 0 {
                    tracing::warn!(rejected, why, "the trace collector refused spans");
                }
                Sent::Taken { rejected }
            }
            // As the protocol says: these, and only these, may be tried again.
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Sent::Later(status.to_string(), after.map(Duration::from_secs))
            }
            status => Sent::Refused(status.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<CollectorSettings>, InvalidSettings> {
        let find =
            |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        CollectorSettings::read(&find)
    }

    #[test]
    fn the_environment_says_where_spans_go() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        let settings = read(&[base, ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret, b=2")]).unwrap().unwrap();
        assert_eq!(
            (settings.url.to_string().as_str(), settings.service.as_str()),
            ("http://127.0.0.1:4318/v1/traces", "segue")
        );
        assert_eq!(settings.headers.len(), 2);
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[base, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        assert!(read(&[base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).is_err());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1")]).is_err());
        assert!(read(&[base, ("OTEL_EXPORTER_OTLP_HEADERS", "nonsense")]).is_err());
    }
}
