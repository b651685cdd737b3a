//! Where another one leads: a listener that answers for its own process and passes everything else on.
//!
//! It holds nothing that matters: whatever it was in the middle of when it becomes the leader goes on, and is passed on to
//! itself.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{Method, Request, body::Incoming};
use protocol::{Code, Problem};
use serde_json::json;
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Membership, forward::Forwarder, relay::Relay};
use crate::{
    config::Role,
    http::{Access, Failure, error_page, health, json_answer, refuse_strangers},
    listen::{Answers, listen_until},
    metrics::{
        MEDIA_TYPE,
        passed_on::{Counts, standby},
    },
};

/// What a standby needs to know.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "only handed over, never shown")]
pub struct StandbySettings {
    /// Who may read metrics.
    pub access: Access,
    /// Where callers and services reach any of us.
    pub public_url: Arc<str>,
    /// The listener's certificate.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whose certificates are trusted among orchestrators.
    pub trust: rustls::ClientConfig,
    /// How long a call waits for somebody who leads: [`PATIENCE`](super::PATIENCE).
    pub patience: Duration,
}

/// Answers where another one leads.
#[derive(Clone)]
pub(super) struct Standby {
    settings: Arc<StandbySettings>,
    forwarder: Forwarder,
}

impl Standby {
    /// Streams that are passed on end when `stopping` does.
    pub(super) fn new(
        settings: StandbySettings,
        member: Membership,
        counts: Arc<Counts>,
        stopping: CancellationToken,
    ) -> Self {
        let relay = Relay::new(settings.trust.clone());
        let patience = settings.patience;
        let forwarder = Forwarder { member, relay, counts, patience, stopping };
        Self { settings: Arc::new(settings), forwarder }
    }

    /// Takes connections until told not to. Those that it has it serves on.
    pub(super) async fn listen(
        self,
        listener: std::net::TcpListener,
        until: CancellationToken,
    ) -> io::Result<()> {
        let stopping = self.forwarder.stopping.clone();
        listen_until(TcpListener::from_std(listener)?, self, until, stopping).await
    }

    fn member(&self) -> &Membership {
        &self.forwarder.member
    }

    fn ready(&self) -> Response {
        if self.forwarder.stopping.is_cancelled() {
            let stopping = Problem::new(Code::ShuttingDown, "the orchestrator is stopping");
            return Failure(stopping).into_response();
        }
        let standing = self.member().standing();
        let recently = |heard: Instant| heard.elapsed() < self.settings.patience;
        match standing.leader.filter(|_| standing.heard.is_some_and(recently)) {
            Some(leader) => {
                let body = json!({ "status": "ready", "role": "standby", "leader": leader.holder.url,
                                   "since": leader.since });
                json_answer(StatusCode::OK, &body)
            }
            None => {
                let detail = "who leads is not known, or was long ago";
                Failure(Problem::new(Code::NoLeader, detail)).into_response()
            }
        }
    }

    fn metrics(&self, request: &Request<Incoming>) -> Response {
        match self.settings.access.require(request.headers(), Role::Read) {
            Ok(_) => {
                let text = standby(&self.member().standing(), &self.forwarder.counts);
                ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
            }
            Err(failure) => failure.into_response(),
        }
    }
}

impl Answers for Standby {
    async fn answer(self, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        let refused = refuse_strangers(&self.settings.access, &self.settings.public_url, request.headers());
        if let Err(failure) = refused {
            return Ok(failure.into_response());
        }
        let path = request.uri().path();
        let answered = match (request.method(), path) {
            (&Method::GET, "/health") => health().await,
            (&Method::GET, "/ready") => self.ready(),
            (&Method::GET, "/metrics") => self.metrics(&request),
            (&Method::GET, _) if path.starts_with("/errors/") => error_page(&path["/errors/".len()..]),
            _ => self.forwarder.pass_on(request, peer).await,
        };
        // Whoever comes again comes to us as the leader.
        let leads = self.member().standing().reign.is_some();
        Ok(if leads && answered.status() != StatusCode::SWITCHING_PROTOCOLS {
            ([(header::CONNECTION, "close")], answered).into_response()
        } else {
            answered
        })
    }

    fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.settings.tls.clone()
    }
}
