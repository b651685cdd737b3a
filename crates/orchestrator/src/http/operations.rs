//! For operators: health, readiness, metrics, the API's description, the pages of problem codes.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{Code, Problem};
use serde_json::json;

use super::{
    Failure, Shared,
    answers::{journal_problem, json as answer},
    extract::Path,
};
use crate::metrics::{MEDIA_TYPE, scrape};

/// `GET /health`: the process is alive.
pub(crate) async fn health() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /health/all`: ours and that of every instance of every service; 503 where one does not answer. It makes calls, so it needs
/// a token where tokens are configured.
pub(super) async fn health_of_all(State(app): State<Shared>) -> Response {
    let outbound = app.core.outbound();
    let names: Vec<engine::ids::Name> = app.core.fleet().members().map(|(name, _)| name.clone()).collect();
    let asked = names.iter().map(|name| outbound.health(name));
    let mut services = serde_json::Map::new();
    let mut all_well = true;
    for (name, instances) in names.iter().zip(futures::future::join_all(asked).await) {
        let well = instances.iter().filter(|(_, well)| *well).count();
        all_well &= well == instances.len();
        services.insert(name.to_string(), json!({ "instances": instances.len(), "reachable": well }));
    }
    let (status, word) = match all_well {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    answer(status, &json!({ "status": word, "services": services }))
}

/// `GET /ready`: it takes work.
pub(super) async fn ready(State(app): State<Shared>) -> Result<Response, Failure> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(Code::ShuttingDown, "the orchestrator is stopping").into());
    }
    if let Some(reason) = app.core.journal().stopped() {
        return Err(Problem::new(Code::JournalStopped, reason).into());
    }
    if !app.core.has_recovered() {
        let detail = "what was under way before the start is still being read";
        return Err(Problem::new(Code::Recovering, detail).hint("calls are taken already; ask again").into());
    }
    let mut body = json!({ "status": "ready" });
    if let Some(term) = &app.term {
        body["role"] = "leader".into();
        body["leader"] = term.member.me.url.clone().into();
        body["epoch"] = term.reign.epoch.into();
        body["since"] = term.reign.since.to_string().into();
    }
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /metrics`, in Prometheus' text form.
pub(super) async fn metrics(State(app): State<Shared>) -> Result<Response, Failure> {
    let text = scrape(&app).await.map_err(|error| journal_problem(&error))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

/// `GET /openapi.json`.
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../openapi.json")).into_response()
}

/// `GET /errors/{code}`: the page that a problem's `type` points to.
pub(super) async fn get_error_page(Path(code): Path<String>) -> Response {
    error_page(&code)
}

/// The page of a code.
pub(crate) fn error_page(name: &str) -> Response {
    match Code::from_name(name) {
        Some(code) => ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], code.page()).into_response(),
        None => Failure(Problem::new(Code::NotFound, format!("there is no problem code '{name}'")))
            .into_response(),
    }
}

/// `GET /`.
pub(super) async fn index(State(app): State<Shared>) -> Response {
    let pipelines: Vec<String> = app.core.pipelines().keys().map(ToString::to_string).collect();
    answer(
        StatusCode::OK,
        &json!({ "name": "segue", "version": env!("CARGO_PKG_VERSION"), "pipelines": pipelines,
                 "api": "/openapi.json", "jobs": "/api/jobs", "services": "/api/services" }),
    )
}
