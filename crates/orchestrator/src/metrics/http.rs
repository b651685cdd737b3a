//! Requests by route template, method and class of status: a table that is made once and only counted up afterwards.

use std::collections::BTreeMap;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};

use super::{Counter, text::Family};
use crate::http::Shared;

/// The templates of all addresses: a test holds them to the router. What matches none is counted as `other`.
pub const ROUTES: [&str; 48] = [
    "/",
    "/api/attempts/{id}/progress",
    "/api/audit",
    "/api/callbacks",
    "/api/callbacks/{id}/apply",
    "/api/callbacks/{id}/drop",
    "/api/events",
    "/api/jobs",
    "/api/jobs/{id}",
    "/api/jobs/{id}/artifacts",
    "/api/jobs/{id}/artifacts/",
    "/api/jobs/{id}/artifacts/{*name}",
    "/api/jobs/{id}/cancel",
    "/api/jobs/{id}/events",
    "/api/jobs/{id}/pause",
    "/api/jobs/{id}/priority",
    "/api/jobs/{id}/recording",
    "/api/jobs/{id}/rerun",
    "/api/jobs/{id}/resume",
    "/api/jobs/{id}/retry",
    "/api/jobs/{id}/signals/{name}",
    "/api/jobs/{id}/why",
    "/api/pipelines",
    "/api/services",
    "/api/services/{name}/instances/{id}",
    "/api/services/{name}/start",
    "/api/services/{name}/stop",
    "/api/{route}",
    "/api/{route}/{key}",
    "/api/{route}/{key}/phase-outputs/{phase}/{file}",
    "/api/{route}/{key}/progress",
    "/api/{route}/{key}/start-phase",
    "/api/{route}/{key}/status",
    "/clone/orchestrator/start",
    "/clone/orchestrator/status",
    "/clone/orchestrator/stop",
    "/clone/task/queue",
    "/dashboard",
    "/dashboard/{*path}",
    "/errors/{code}",
    "/health",
    "/health/all",
    "/metrics",
    "/openapi.json",
    "/phase-complete",
    "/ready",
    "/ws",
    "other",
];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "other"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type OfRoute = [[Counter; CLASSES.len()]; METHODS.len()];

/// How many requests there were.
#[derive(Debug)]
pub struct Requests {
    routes: BTreeMap<&'static str, OfRoute>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { routes: ROUTES.iter().map(|route| (*route, OfRoute::default())).collect() }
    }
}

impl Requests {
    /// Counts an answered request.
    pub(crate) fn count(&self, method: &Method, route: Option<&str>, status: StatusCode) {
        let known = route.and_then(|route| self.routes.get(route)).or_else(|| self.routes.get("other"));
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        if let Some(known) = known {
            known[method][class].add_one();
        }
    }

    /// Writes what there was; what never happened is left out, for most combinations never do.
    pub(super) fn write(&self, family: &mut Family<'_>) {
        for (route, of_route) in &self.routes {
            for (method, of_method) in METHODS.iter().zip(of_route) {
                for (class, counter) in CLASSES.iter().zip(of_method) {
                    let count = counter.read();
                    if count > 0 {
                        family.sample(&[method, route, class], count);
                    }
                }
            }
        }
    }
}

/// Counts every request that the router answers.
pub(crate) async fn count_requests(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    app.core.metrics().requests().count(&method, route, response.status());
    response
}
