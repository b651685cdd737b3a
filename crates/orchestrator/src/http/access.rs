//! Who may call, and what: callers by bearer token and role, attempts by their own tokens, browsers only from our own page.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use protocol::{Code, Problem};
use subtle::ConstantTimeEq;

use super::{App, Failure, Shared, rates::Peer};
use crate::config::{CallerToken, Role, token_hash};

/// The callers' tokens, as hashes.
#[derive(Clone)]
pub struct Access {
    tokens: Arc<[CallerToken]>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's name; none where none is asked for.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({} tokens)", self.tokens.len())
    }
}

impl Access {
    /// Takes the tokens; with none everybody may call, which is for loopback only.
    #[must_use]
    pub fn new(tokens: &[CallerToken]) -> Self {
        Self { tokens: tokens.into() }
    }

    /// Whether no token is needed at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Who calls; none where the token is missing or wrong. Every token is compared, so that time tells nothing.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        if self.is_open() {
            return Some(Caller { name: None, role: Role::Admin });
        }
        let hash = token_hash(bearer(headers)?);
        let mut found = None;
        for token in &*self.tokens {
            if bool::from(token.hash.ct_eq(&hash)) {
                found = Some(Caller { name: Some(token.name.clone()), role: token.role });
            }
        }
        found
    }

    /// Lets a caller through who has at least that role.
    ///
    /// # Errors
    /// `wrong-token`, `not-allowed`.
    pub(crate) fn require(&self, headers: &HeaderMap, needed: Role) -> Result<Caller, Failure> {
        let caller = self.caller(headers).ok_or_else(wrong_token)?;
        if caller.role < needed {
            let detail = format!("this needs the role '{needed}', the token has '{}'", caller.role);
            return Err(Problem::new(Code::NotAllowed, detail).into());
        }
        Ok(caller)
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether a request shows this token.
pub(super) fn is_token(token: &CallerToken, headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|shown| bool::from(token.hash.ct_eq(&token_hash(shown))))
}

pub(super) fn wrong_token() -> Failure {
    let hint = "send Authorization: Bearer TOKEN";
    Problem::new(Code::WrongToken, "the token is missing or wrong").hint(hint).into()
}

/// What a call needs: looking is for all, steering for operators, what concerns all jobs for admins.
pub(super) fn needed(method: &Method, path: &str) -> Role {
    match *method {
        _ if path.starts_with("/api/audit") => Role::Admin,
        Method::GET | Method::HEAD => Role::Read,
        _ if path.starts_with("/api/services/") || path.starts_with("/clone/orchestrator/") => Role::Admin,
        _ => Role::Operate,
    }
}

/// Lets only callers with a token of the needed role through, where tokens are configured, no faster than they may call, and
/// writes down what was commanded.
pub(super) async fn check(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let needed = needed(request.method(), request.uri().path());
    let peer = request.extensions().get::<Peer>().copied();
    let caller = match app.access.require(request.headers(), needed) {
        Ok(caller) => caller,
        Err(failure) => {
            let refused = super::audit::refused(&app, &request, peer, failure.0.code);
            app.audit.note(refused).await;
            return app.rates.count_wrong(peer, failure).into_response();
        }
    };
    if let Err(failure) = app.rates.take(caller.name.as_deref(), peer) {
        return failure.into_response();
    }
    super::audit::watch(&app, caller, peer, request, next).await
}

/// A browser brings the pages of strangers to our door: a request that says it comes from another page is refused. Where no
/// token is asked for, so is one that names us by a name that is not ours, for a stranger's name may lead to our address.
///
/// # Errors
/// `not-allowed`.
pub(crate) fn refuse_strange_pages(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    refuse_strangers(&app.access, &app.core.outbound().addresses().public_url, headers)
}

/// The same, where there is a standby only.
///
/// # Errors
/// `not-allowed`.
pub(crate) fn refuse_strangers(
    access: &Access,
    public_url: &str,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST);
    if let Some(origin) = text(header::ORIGIN) {
        let from = origin.split_once("://").map(|(_, authority)| authority);
        let from_us = from.is_some() && (from == host || from == Some(authority(public_url)));
        if !from_us {
            return Err(Problem::new(Code::NotAllowed, "a page of another origin may not call").into());
        }
    }
    match host {
        Some(host) if access.is_open() && !is_ours(public_url, host) => {
            let detail = format!("'{host}' is not a name of this orchestrator");
            let hint = "call it by its address or by the host of public_url, or configure a token";
            Err(Problem::new(Code::NotAllowed, detail).hint(hint).into())
        }
        _ => Ok(()),
    }
}

fn is_ours(public_url: &str, host: &str) -> bool {
    let name = name_of(host);
    if name.eq_ignore_ascii_case("localhost") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return true;
    }
    name.eq_ignore_ascii_case(name_of(authority(public_url)))
}

/// Host and port of `public_url`.
fn authority(public_url: &str) -> &str {
    let authority = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    authority.split('/').next().unwrap_or(authority)
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or(host),
    }
}
