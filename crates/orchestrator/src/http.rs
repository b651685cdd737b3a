//! The HTTP API: the table of contents, and nothing else. Handlers translate between HTTP and [`crate::core`].

mod access;
mod answers;
mod artifacts;
mod attempts;
mod audit;
mod callbacks;
mod commands;
mod coordinator;
mod extract;
mod instances;
mod jobs;
mod operations;
mod originals;
mod pages;
mod rates;
mod recording;
mod routes;
mod services;
mod stream;
mod subscriber;
mod view;
mod waiting;

use std::sync::Arc;

pub use access::Access;
pub(crate) use access::{refuse_strange_pages, refuse_strangers};
pub use answers::Failure;
pub(crate) use answers::json as json_answer;
pub(crate) use attempts::phase_complete;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};
pub(crate) use operations::{error_page, health};
pub(crate) use rates::Peer;
pub use rates::Rates;
pub(crate) use routes::start_job;

use crate::{artifacts::ArtifactStore, core::Core, metrics::count_requests, token::TokenKey};

/// What handlers need.
#[derive(Clone, Debug)]
pub struct App {
    /// Everything that happens, happens here.
    pub core: Core,
    /// Blobs.
    pub artifacts: Arc<ArtifactStore>,
    /// Starts by the clock.
    pub schedules: Arc<crate::schedules::Schedules>,
    /// Callbacks that changed nothing.
    pub rejected: Arc<crate::rejected::RejectedCallbacks>,
    /// Attempts' tokens.
    pub tokens: TokenKey,
    /// Callers' tokens.
    pub access: Access,
    /// How fast callers may call.
    pub rates: Arc<Rates>,
    /// What callers commanded.
    pub audit: Arc<crate::audit::Audit>,
    /// The listener's certificate; none: plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Callbacks must be signed with it, where it is there.
    pub callback_secret: Option<crate::config::SigningSecret>,
    /// What becomes of jobs after their end.
    pub retention: Arc<crate::retention::Retention>,
    /// Among several orchestrators: the term in which this one leads. None where it is alone.
    pub term: Option<Arc<crate::cluster::Term>>,
    /// Set while the orchestrator stops: nothing new is taken.
    pub stopping: tokio_util::sync::CancellationToken,
}

/// What handlers share.
pub(crate) type Shared = Arc<App>;

/// All addresses.
pub(crate) fn router(app: Shared) -> Router {
    let from_services = Router::new()
        .route("/phase-complete", post(attempts::post_phase_complete))
        .route("/api/attempts/{id}/progress", post(attempts::report_progress))
        .route("/api/jobs/{id}/artifacts/{*name}", get(artifacts::get_artifact).put(artifacts::put_artifact))
        .route("/api/jobs/{id}/artifacts/", get(artifacts::list_artifacts))
        .route("/api/jobs/{id}/artifacts", get(artifacts::list_artifacts))
        .route(
            "/api/services/{name}/instances/{id}",
            put(instances::put_instance).delete(instances::delete_instance),
        );
    let from_callers = Router::new()
        // by a pipeline's own names
        .route("/api/{route}/{key}/start-phase", post(routes::start_phase))
        .route("/api/{route}/{key}/status", get(routes::status))
        .route("/api/{route}/{key}/progress", get(originals::get_progress).post(originals::post_progress))
        .route(
            "/api/{route}/{key}/phase-outputs/{phase}/{file}",
            get(originals::get_output).put(originals::put_output),
        )
        .route("/api/{route}/{key}", get(routes::status))
        .route("/api/{route}", get(originals::list_keys))
        // jobs
        .route("/api/jobs", post(jobs::start_job).get(jobs::list_jobs))
        .route("/api/jobs/{id}", get(jobs::get_job))
        .route("/api/jobs/{id}/events", get(stream::job_events))
        .route("/api/jobs/{id}/why", get(jobs::why_job))
        .route("/api/jobs/{id}/recording", get(recording::record_job))
        // commands
        .route("/api/jobs/{id}/cancel", post(commands::cancel_job))
        .route("/api/jobs/{id}/pause", post(commands::pause_job))
        .route("/api/jobs/{id}/resume", post(commands::resume_job))
        .route("/api/jobs/{id}/retry", post(commands::retry_job))
        .route("/api/jobs/{id}/rerun", post(commands::rerun_job))
        .route("/api/jobs/{id}/priority", post(commands::set_priority))
        .route("/api/jobs/{id}/signals/{name}", post(commands::signal_job))
        .route("/api/callbacks", get(callbacks::list_callbacks))
        .route("/api/callbacks/{id}/apply", post(callbacks::apply_callback))
        .route("/api/callbacks/{id}/drop", post(callbacks::drop_callback))
        .route("/api/audit", get(audit::list_deeds))
        // the original coordinator's own
        .route("/clone/orchestrator/status", get(coordinator::get_status))
        .route("/clone/orchestrator/start", post(coordinator::start))
        .route("/clone/orchestrator/stop", post(coordinator::stop))
        .route("/clone/task/queue", post(coordinator::queue))
        // services and pipelines
        .route("/api/services", get(services::list_services))
        .route("/api/services/{name}/stop", post(services::stop_service))
        .route("/api/services/{name}/start", post(services::start_service))
        .route("/api/pipelines", get(services::list_pipelines))
        // live
        .route("/api/events", get(stream::all_events))
        .route("/ws", get(stream::socket))
        .route("/metrics", get(operations::metrics))
        .route("/health/all", get(operations::health_of_all))
        .route_layer(axum::middleware::from_fn_with_state(app.clone(), access::check));
    let open = Router::new()
        .route("/health", get(health))
        .route("/ready", get(operations::ready))
        .route("/openapi.json", get(operations::openapi))
        .route("/errors/{code}", get(operations::get_error_page))
        .route("/", get(pages::index))
        .route("/dashboard", get(pages::home))
        .route("/dashboard/{*path}", get(pages::file));
    from_services
        .merge(from_callers)
        .merge(open)
        .fallback(answers::not_found)
        .method_not_allowed_fallback(answers::method_not_allowed)
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(app.clone(), count_requests))
        .with_state(app)
}
