//! Writes down every command of a caller, and every call that was refused; shows the log to admins.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use protocol::{Code, Problem};
use serde::Deserialize;
use serde_json::json;

use super::{
    App, Failure, Shared,
    access::Caller,
    answers::json as answer,
    extract::{self, Query},
    rates::Peer,
};
use crate::{audit::Deed, clock::moment};

/// Most lines of an answer.
const MOST: usize = 10_000;

/// Lets a call through and writes it down, where it is a command.
pub(super) async fn watch(
    app: &App,
    caller: Caller,
    peer: Option<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let mut deed = deed(app, &request, peer);
    deed.who = caller.name.unwrap_or_else(|| "anyone".to_owned());
    let response = next.run(request).await;
    deed.status = response.status().as_u16();
    app.audit.note(deed).await;
    response
}

/// A call that was refused for its token.
pub(super) fn refused(app: &App, request: &Request, peer: Option<Peer>, code: Code) -> Deed {
    Deed { status: code.status(), ..deed(app, request, peer) }
}

fn deed(app: &App, request: &Request, peer: Option<Peer>) -> Deed {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    Deed {
        at: moment(app.core.world().now()),
        who: "stranger".to_owned(),
        on_behalf_of: on_behalf_of(request.headers()),
        from: peer.map(|peer| peer.0.to_string()),
        what: format!("{} {}", request.method(), path.chars().take(500).collect::<String>()),
        status: 0,
    }
}

/// Writes down what a caller stored or said of an instance, or tried to, by the answer's status. What attempts store stands in the journal.
pub(super) async fn stored(
    app: &App,
    who: String,
    headers: &HeaderMap,
    peer: Option<Peer>,
    what: String,
    status: u16,
) {
    let deed = Deed {
        at: moment(app.core.world().now()),
        who,
        on_behalf_of: on_behalf_of(headers),
        from: peer.map(|peer| peer.0.to_string()),
        what: what.chars().take(500).collect(),
        status,
    };
    app.audit.note(deed).await;
}

/// Whom a caller names as the one for whom he acts.
pub(super) fn on_behalf_of(headers: &HeaderMap) -> Option<String> {
    let named = headers.get("x-segue-user")?.to_str().ok()?;
    Some(named.chars().take(100).collect())
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    limit: Option<usize>,
}

/// `GET /api/audit?limit=`: the newest first, and whether the log is as it was written.
pub(super) async fn list_deeds(
    State(app): State<Shared>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let found = app.audit.read(extract::limit(query.limit, MOST)?).await.map_err(|error| {
        tracing::error!(%error, "the audit log can't be read");
        Problem::new(Code::Internal, "the audit log can't be read; the log says why")
    })?;
    let body = json!({ "intact": found.broken.is_none(), "broken": found.broken, "lines": found.lines });
    Ok(answer(StatusCode::OK, &body))
}
