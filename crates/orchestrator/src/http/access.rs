//! Who may call: bearer tokens of callers, and tokens of attempts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use protocol::{Code, Problem};
use subtle::ConstantTimeEq;

use super::{Failure, Shared};

/// The callers' tokens, as hashes.
#[derive(Clone)]
pub struct Access {
    hashes: Arc<[[u8; 32]]>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({} tokens)", self.hashes.len())
    }
}

impl Access {
    /// Takes the tokens; with none everybody may call, which is for loopback only.
    #[must_use]
    pub fn new(tokens: &[String]) -> Self {
        Self { hashes: tokens.iter().map(|token| *blake3::hash(token.as_bytes()).as_bytes()).collect() }
    }

    /// Whether a token is needed at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this caller may call. Every token is compared, so that time tells nothing.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        if self.is_open() {
            return true;
        }
        let Some(token) = bearer(headers) else { return false };
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        let hits = self.hashes.iter().fold(0, |hits, known| hits | known.ct_eq(&hash).unwrap_u8());
        hits == 1
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

pub(super) fn wrong_token() -> Failure {
    let hint = "send Authorization: Bearer TOKEN";
    Problem::new(Code::WrongToken, "the token is missing or wrong").hint(hint).into()
}

/// Lets only callers with a token through, where tokens are configured.
pub(super) async fn check(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if app.access.admits(request.headers()) { next.run(request).await } else { wrong_token().into_response() }
}
