//! The one place where an HTTP client is made: TLS by ring with the web's roots, nothing global, no redirects.

use std::time::Duration;

use protocol::{Code, Problem, TraceContext};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library has no usable protocol version.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refused its settings.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// Makes a client with kept-alive connections. Share it: each has its own pool. It gives up on silence, not on size: a large
/// artifact may take its time.
///
/// # Errors
/// If TLS or the client cannot be set up.
pub fn http_client() -> Result<reqwest::Client, ClientError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .tcp_nodelay(true)
        .no_proxy()
        .build()?;
    Ok(client)
}

/// A call of the orchestrator with where in which trace it belongs.
pub(crate) fn traced(
    request: reqwest::RequestBuilder,
    trace: Option<TraceContext>,
) -> reqwest::RequestBuilder {
    match trace {
        Some(context) => request.header(protocol::headers::TRACEPARENT, context.to_string()),
        None => request,
    }
}

/// The problem body of a refusal, if it is one of Segue's: a bare 404 of something in between must not pass for one.
pub(crate) async fn problem_of(answer: reqwest::Response) -> Option<Problem> {
    serde_json::from_slice(&answer.bytes().await.ok()?).ok()
}

/// Whether the orchestrator says that nobody waits for this attempt any more.
pub(crate) fn is_over(code: Code) -> bool {
    matches!(code, Code::Superseded | Code::ConflictingOutcome | Code::UnknownJob | Code::UnknownAttempt)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_is_made_without_a_global_provider() {
        super::http_client().expect("a client");
    }
}
