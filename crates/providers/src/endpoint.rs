//! An HTTP endpoint that speaks as OpenAI's does: one POST, and what its answers mean for a caller.
//!
//! Nothing is tried again here: a caller that retries knows how often it wants to pay.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;

use crate::{
    error::ProviderError,
    secret::{KeySource, Secret},
};

/// Most that an answer may have: minutes of sound, or a book.
const LIMIT: usize = 64 * 1024 * 1024;
/// Most of a server's words in a message of ours.
const WORDS: usize = 300;

/// Where an endpoint is and how it is entered.
#[derive(Debug)]
pub(crate) struct Endpoint {
    provider: String,
    base: String,
    key: KeySource,
    client: Result<Client, String>,
}

impl Endpoint {
    /// `base` is what comes before `/chat/completions` or `/audio/speech`, as a rule with `/v1`.
    pub(crate) fn new(provider: &str, base: &str, key: KeySource) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { provider: provider.to_owned(), base, key, client: client() }
    }

    /// Returns the provider's name as in its errors.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns whether it could be asked: an address, a key where one is named.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`].
    pub(crate) fn ready(&self) -> Result<(), ProviderError> {
        let parsed = reqwest::Url::parse(&self.base).ok();
        if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(self.misconfigured(format!("{:?} is no http or https address", self.base)));
        }
        // Addresses are written into logs and reports.
        if self.base.contains('@') {
            return Err(
                self.misconfigured("its address holds a password: use key_env or key_file".to_owned())
            );
        }
        self.client()?;
        self.key.read(&self.provider).map(drop)
    }

    /// Posts a JSON body to `path` and returns the whole answer with its media type.
    ///
    /// # Errors
    /// What a status, a broken connection or `timeout` means: see [`ProviderError`].
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<(Option<String>, Vec<u8>), ProviderError> {
        self.send(self.to(path)?.json(body), timeout).await
    }

    /// The same with a form, for files.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub(crate) async fn post_form(
        &self,
        path: &str,
        form: reqwest::multipart::Form,
        timeout: Duration,
    ) -> Result<(Option<String>, Vec<u8>), ProviderError> {
        self.send(self.to(path)?.multipart(form), timeout).await
    }

    fn to(&self, path: &str) -> Result<reqwest::RequestBuilder, ProviderError> {
        self.ready()?;
        Ok(self.client()?.post(format!("{}{path}", self.base)))
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<(Option<String>, Vec<u8>), ProviderError> {
        let key = self.key.read(&self.provider)?;
        let mut request = request.timeout(timeout);
        if let Some(key) = &key {
            request = request.bearer_auth(key.reveal());
        }
        let failed = |error: reqwest::Error| self.failed(&error, timeout);
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let media = answer.headers().get(header::CONTENT_TYPE);
        let media = media.and_then(|media| media.to_str().ok()).map(str::to_owned);
        let bytes = self.whole(answer, timeout).await?;
        if status.is_success() {
            return Ok((media, bytes));
        }
        let (message, code) = said(&bytes, key.as_ref());
        Err(self.refused(status, retry_after, message, &code))
    }

    async fn whole(&self, mut answer: Response, timeout: Duration) -> Result<Vec<u8>, ProviderError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(&error, timeout))? {
            if bytes.len() + chunk.len() > LIMIT {
                let message = format!("the answer has more than {LIMIT} bytes");
                return Err(ProviderError::Rejected { provider: self.provider.clone(), message });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        self.client.as_ref().map_err(|message| self.misconfigured(message.clone()))
    }

    fn misconfigured(&self, message: String) -> ProviderError {
        ProviderError::Misconfigured { provider: self.provider.clone(), message }
    }

    fn failed(&self, error: &reqwest::Error, after: Duration) -> ProviderError {
        let provider = self.provider.clone();
        if error.is_timeout() {
            return ProviderError::TimedOut { provider, after };
        }
        // What is behind a broken connection stands in the cause; the request's own text may quote an address, never a key.
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("{} cannot be reached{cause}", self.base);
        ProviderError::Unavailable { provider, retry_after: None, message }
    }

    fn refused(
        &self,
        status: StatusCode,
        retry_after: Option<Duration>,
        message: String,
        code: &str,
    ) -> ProviderError {
        let provider = self.provider.clone();
        let message = if message.is_empty() { status.to_string() } else { message };
        match status.as_u16() {
            401 | 403 => ProviderError::Unauthorized { provider, status: status.as_u16(), message },
            // An empty account also answers 429, and waiting does not fill it.
            429 if code == "insufficient_quota" => {
                ProviderError::Unauthorized { provider, status: status.as_u16(), message }
            }
            // No such model, or no such path: as true of the next text as of this one.
            404 | 405 => ProviderError::Misconfigured { provider, message: format!("{status}: {message}") },
            429 => {
                let message = with_wait(message, retry_after);
                ProviderError::RateLimited { provider, retry_after, message }
            }
            408 | 500..=599 => {
                let message = with_wait(format!("{status}: {message}"), retry_after);
                ProviderError::Unavailable { provider, retry_after, message }
            }
            400 if code.contains("content_policy") || code.contains("content_filter") => {
                ProviderError::Refused { provider, message }
            }
            _ => ProviderError::Rejected { provider, message: format!("{status}: {message}") },
        }
    }
}

/// A client of its own, without redirects: a key must not be carried to another host.
fn client() -> Result<Client, String> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())
}

/// `Retry-After` in seconds. The form with a date would need a clock that agrees with the server's, and is passed over.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn with_wait(message: String, retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!("{message} (wants {} s of patience)", wait.as_secs()),
        None => message,
    }
}

/// What a server says of a refusal, shortened and without the key, and its code: `{"error": {"message", "code"}}`.
fn said(bytes: &[u8], key: Option<&Secret>) -> (String, String) {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let error = value.as_ref().and_then(|value| value.get("error"));
    let text = |name: &str| error?.get(name)?.as_str().map(str::to_owned);
    let plain = || String::from_utf8_lossy(bytes).trim().to_owned();
    let message = text("message").or_else(|| Some(error?.as_str()?.to_owned())).unwrap_or_else(plain);
    let message = key.map_or_else(|| message.clone(), |key| key.hidden_in(&message));
    let code = text("code").or_else(|| text("type")).unwrap_or_default();
    (message.chars().filter(|letter| !letter.is_control()).take(WORDS).collect(), code)
}
