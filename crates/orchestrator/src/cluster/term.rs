//! The time in which this orchestrator leads, as those who answer calls see it.

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use hyper::{Request, body::Incoming};
use protocol::{Code, Problem};
use tokio_util::sync::CancellationToken;

use super::{Membership, PassedOn, Reign, mark_undone};
use crate::{http::Failure, metrics::passed_on::Counts};

/// Of whoever leads, while it does.
#[derive(Debug)]
pub struct Term {
    /// Who we are among the others.
    pub member: Membership,
    /// How long.
    pub reign: Reign,
    pub(crate) counts: Arc<Counts>,
}

/// Where a call came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    /// By way of another orchestrator.
    passed_on: bool,
    /// It may be done by the next leader as well, if nothing was done here.
    is_new: bool,
}

impl Term {
    /// Where a call really came from. Takes out of it what orchestrators tell each other.
    pub(crate) fn came_from(&self, request: &mut Request<Incoming>, peer: SocketAddr) -> Origin {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let passed_on = PassedOn::take(&self.member.key, &method, &uri, request.headers_mut());
        // What services tell of work under way is taken to the last moment.
        let of_work = uri.path() == "/phase-complete" || uri.path().starts_with("/api/attempts/");
        let stores = uri.path().contains("/artifacts");
        Origin {
            peer: passed_on.map_or(peer, |passed_on| passed_on.peer),
            passed_on: passed_on.is_some(),
            is_new: !of_work && !stores,
        }
    }

    /// The answer to a call, if we lead from its beginning to its end. A leader of yesterday says nothing of what it believes: a
    /// service whose callback is refused for good would throw it away.
    pub(crate) async fn answer(
        &self,
        stopping: &CancellationToken,
        origin: Origin,
        answered: impl Future<Output = Response>,
    ) -> Response {
        let response = self.answer_while_leading(stopping, origin, answered).await;
        match stopping.is_cancelled() || !self.reign.holds() {
            true => ([(header::CONNECTION, "close")], response).into_response(),
            false => response,
        }
    }

    async fn answer_while_leading(
        &self,
        stopping: &CancellationToken,
        origin: Origin,
        answered: impl Future<Output = Response>,
    ) -> Response {
        if !self.reign.holds() || (origin.is_new && stopping.is_cancelled()) {
            return undone("this orchestrator does not lead any more", origin);
        }
        let response = tokio::select! {
            response = answered => response,
            () = self.reign.over() => return lost(origin),
        };
        if !self.reign.holds() {
            return lost(origin);
        }
        match response.extensions().get::<Code>() {
            Some(Code::NoLeader) if origin.passed_on => mark_undone(response, true),
            _ => response,
        }
    }
}

fn undone(why: &str, origin: Origin) -> Response {
    let response = Failure(Problem::new(Code::NoLeader, why)).into_response();
    if origin.passed_on { mark_undone(response, true) } else { response }
}

fn lost(origin: Origin) -> Response {
    let lost = Problem::new(Code::LeaderLost, "this orchestrator ceased to lead before it answered");
    let response = Failure(lost.hint("look whether it was done before you send it again")).into_response();
    if origin.passed_on { mark_undone(response, false) } else { response }
}
