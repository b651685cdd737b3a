//! The theatre's calls: those of the original with their names, and what ours can do beside them. Each is also under
//! `/theatres/{name}/…`; without it `?theatre=NAME` says which one, and without both `main` is meant.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Query, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use phase_kit::{Refusal, catalog::Token};
use protocol::{Code, Problem};

use super::{
    command::Refused,
    page,
    theatres::{MAIN, NoTheatre, Theatres},
    writer::Clock,
};
use crate::surgery::Library;

mod audit;
mod commands;
mod live;
mod reads;

/// What every call may need.
#[derive(Debug)]
pub struct App {
    /// The theatres.
    pub theatres: Arc<Theatres>,
    /// The surgeries that can be chosen.
    pub library: Arc<Library>,
    /// What callers must show; none: nothing.
    pub token: Option<Token>,
    /// Where the other services are.
    pub peers: BTreeMap<String, String>,
    /// Where browsers reach the recogniser, if that is said.
    pub audio_url: Option<String>,
    /// The time.
    pub clock: Watch,
    /// When the service began.
    pub began: Timestamp,
}

/// A clock that can be shown by `Debug`.
#[derive(Clone)]
pub struct Watch(pub Clock);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

type Shared = State<Arc<App>>;
type Answer = Result<Response, Refusal>;

/// The routes, with the page.
pub fn routes(app: Arc<App>) -> Router {
    let guarded = calls()
        .nest("/theatres/{theatre}", calls())
        .route("/theatres", get(reads::theatres))
        .method_not_allowed_fallback(|| async {
            Refusal(Problem::new(Code::MethodNotAllowed, "another method is needed here"))
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), check));
    guarded.with_state(app).merge(page::routes())
}

fn calls() -> Router<Arc<App>> {
    Router::new()
        .route("/state", get(reads::state))
        .route("/surgeries", get(reads::surgeries))
        .route("/surgery", get(reads::surgery))
        .route("/machines", get(reads::machines))
        .route("/stats", get(reads::stats))
        .route("/history", get(audit::history))
        .route("/audit/verify", get(audit::verify))
        .route("/events", get(live::events))
        .route("/ws/state", get(live::socket))
        .route("/select_surgery", post(commands::select_surgery))
        .route("/transcript", post(commands::transcript))
        .route("/override", post(commands::set_override))
        .route("/override/release", post(commands::release))
        .route("/pending/{pending}/confirm", post(commands::confirm))
        .route("/pending/{pending}/drop", post(commands::drop_pending))
}

/// Lets nobody through without the token where there is one, and no page of a stranger at all.
async fn check(State(app): Shared, request: Request, next: Next) -> Response {
    if let Err(problem) = same_origin(request.headers()) {
        return Refusal(problem).into_response();
    }
    if let Some(token) = &app.token
        && !shows(request.headers(), token)
    {
        let problem = Problem::new(Code::WrongToken, "the token is missing or wrong")
            .hint("send Authorization: Bearer TOKEN");
        return Refusal(problem).into_response();
    }
    next.run(request).await
}

/// A browser says from which page a call comes.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    if host.is_some() && host == text(header::HOST) {
        return Ok(());
    }
    Err(Problem::new(Code::NotAllowed, "calls from the pages of others are not answered"))
}

/// Whether the token is shown: as bearer, or by a browser's WebSocket, which can send no header, as the protocol
/// `bearer.HEX`. Hashes are compared, in a time that says nothing.
pub(crate) fn shows(headers: &HeaderMap, token: &Token) -> bool {
    let wanted = blake3::hash(token.reveal().as_bytes());
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes().to_vec())
    });
    let protocols = text(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().split(',').map(str::trim);
    let by_protocol = protocols.filter_map(|one| from_hex(one.strip_prefix("bearer.")?));
    bearer.into_iter().chain(by_protocol).any(|shown| blake3::hash(&shown) == wanted)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Which theatre a call is about.
struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        if let Some(name) = segment(parts, state, "theatre").await {
            return Ok(Self(name));
        }
        let query = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri);
        let Query(mut query) =
            query.map_err(|_| Problem::field("?", "the query is not made of names and values"))?;
        Ok(Self(query.remove("theatre").unwrap_or_else(|| MAIN.to_owned())))
    }
}

/// What of the query is a number.
struct Numbers(BTreeMap<String, String>);

impl Numbers {
    fn get(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |text: &String| {
            let number = text.parse();
            number.map_err(|_| Problem::field(format!("?{name}"), format!("`{name}` is a whole number")))
        };
        self.0.get(name).map(read).transpose()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Numbers {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(query) = Query::try_from_uri(&parts.uri)
            .map_err(|_| Problem::field("?", "the query is not made of names and values"))?;
        Ok(Self(query))
    }
}

/// The number in `/pending/{pending}/…`.
struct PendingId(u64);

impl<S: Send + Sync> FromRequestParts<S> for PendingId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = segment(parts, state, "pending").await.unwrap_or_default();
        let unknown = || Problem::new(Code::UnknownPending, format!("'{text:.20}' is no number"));
        Ok(Self(text.parse().map_err(|_| unknown())?))
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S, wanted: &str) -> Option<String> {
    let segments = RawPathParams::from_request_parts(parts, state).await.ok()?;
    segments.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (code, pointer) = match &refused {
            Refused::EmptyText => (Code::EmptyText, "/text"),
            Refused::TooLong { field, .. } => {
                return Self::new(Code::PayloadTooLarge, refused.to_string()).pointer(format!("/{field}"));
            }
            Refused::NoSurgery => {
                let hint = "POST /select_surgery first";
                return Self::new(Code::NotNow, refused.to_string()).hint(hint);
            }
            Refused::UnknownMachine { .. } => (Code::UnknownMachine, "/machine_id"),
            Refused::UnknownAction(_) => (Code::UnknownAction, "/action"),
            Refused::OverrideTooLong(_) => (Code::OverrideTooLong, "/minutes"),
            Refused::NotOverridden(_) => (Code::NotNow, "/machine_id"),
            Refused::UnknownPending(_) => return Self::new(Code::UnknownPending, refused.to_string()),
            Refused::DiskFull(_) => return Self::new(Code::DiskFull, refused.to_string()),
            Refused::NotWritten(_) | Refused::Stopped(_) => {
                return Self::new(Code::JournalStopped, refused.to_string());
            }
        };
        Self::new(code, refused.to_string()).pointer(pointer)
    }
}

impl From<NoTheatre> for Problem {
    fn from(why: NoTheatre) -> Self {
        let text = why.to_string();
        match why {
            NoTheatre::InvalidName => Self::field("?theatre", text),
            NoTheatre::Unknown(_) => Self::new(Code::UnknownTheatre, text),
            NoTheatre::TooMany => Self::new(Code::TooManyRequests, text),
            NoTheatre::Damaged(_) => Self::new(Code::JournalDamaged, text),
            NoTheatre::Unusable(_) => Self::new(Code::JournalStopped, text),
        }
    }
}
