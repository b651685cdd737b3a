//! Passing a call on to whoever leads, and what is said where nobody does.
//!
//! Where nothing was sent, or the other one says that nothing was done, the call waits for the next leader and is sent to that one.
//! Where a leader is lost after sending, only what may be done twice is sent again. An answer is given up as soon as its leader
//! is known to lead no longer: a frozen process keeps its connections open.

use std::net::SocketAddr;

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use protocol::{Code, Problem};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Leader, Membership, PassedOn, UNDONE, mark_undone,
    relay::{KEPT, Onward, Relay, Unanswered, strip},
};
use crate::{http::Failure, metrics::passed_on::Counts};

/// How long to wait before one that does not answer is tried again, where nobody else leads meanwhile.
const AGAIN: Duration = Duration::from_millis(200);

/// Passes calls on.
#[derive(Debug, Clone)]
pub(super) struct Forwarder {
    pub(super) member: Membership,
    pub(super) relay: Relay,
    pub(super) counts: std::sync::Arc<Counts>,
    /// How long a call waits for somebody who leads.
    pub(super) patience: Duration,
    /// Streams end then.
    pub(super) stopping: CancellationToken,
}

impl Forwarder {
    /// Passes a call on and gives what came of it.
    pub(super) async fn pass_on(&self, request: Request<Incoming>, peer: SocketAddr) -> Response {
        let (mut head, body) = request.into_parts();
        let key = &self.member.key;
        if PassedOn::take(key, &head.method, &head.uri, &mut head.headers).is_some() {
            self.counts.returned.add_one();
            return mark_undone(no_leader("the orchestrator that was asked does not lead"), true);
        }
        PassedOn { peer }.write(key, &head.method, &head.uri, &mut head.headers);
        let onward = Onward::of(&head, body).await;
        let mut call = match onward {
            Ok(call) => call,
            Err(error) => return problem(Code::MalformedJson, error.to_string()),
        };
        let upgrade = head.extensions.remove::<OnUpgrade>();
        let response = self.until_answered(&mut call, upgrade).await;
        match response.status() {
            StatusCode::SERVICE_UNAVAILABLE => self.counts.unavailable.add_one(),
            _ => self.counts.answered.add_one(),
        }
        response
    }

    async fn until_answered(&self, call: &mut Onward, mut upgrade: Option<OnUpgrade>) -> Response {
        let until = Instant::now() + self.patience;
        let mut last = "nobody is known to lead".to_owned();
        loop {
            let Some(leader) = self.leader(until).await else { return no_leader(&last) };
            last = match self.once(&leader, call, &mut upgrade).await {
                Ok(response) => return response,
                Err(Unanswered::NotSent(why)) => why,
                Err(Unanswered::Lost(_)) if call.may_repeat() => "the leader was lost".to_owned(),
                Err(error) => {
                    tracing::warn!(leader = leader.holder.url, %error, "a call was lost with the leader");
                    let hint = "look whether it was done before you send it again";
                    let lost =
                        Problem::new(Code::LeaderLost, "the leader was lost before it answered").hint(hint);
                    return Failure(lost).into_response();
                }
            };
            self.counts.again.add_one();
            if Instant::now() >= until {
                return no_leader(&last);
            }
            tokio::select! {
                () = leader.gone.cancelled() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    /// Whoever leads, as soon as somebody is known to.
    async fn leader(&self, until: Instant) -> Option<Leader> {
        let mut standing = self.member.watch();
        let known = standing.wait_for(|standing| standing.leader.is_some());
        let known = tokio::time::timeout_at(until, known).await.ok()?.ok()?;
        known.leader.clone()
    }

    async fn once(
        &self,
        leader: &Leader,
        call: &mut Onward,
        upgrade: &mut Option<OnUpgrade>,
    ) -> Result<Response, Unanswered> {
        let mut answered = tokio::select! {
            answered = self.relay.send(&leader.holder.url, call) => answered?,
            () = ceased(leader) => return Err(Unanswered::Lost("another one leads".to_owned())),
        };
        match answered.headers().get(UNDONE) {
            Some(undone) if undone == "1" && call.is_held() => {
                return Err(Unanswered::NotSent("it does not lead any more".to_owned()));
            }
            Some(_) if call.may_repeat() => return Err(Unanswered::Lost("it ceased to lead".to_owned())),
            _ => {}
        }
        if answered.status() == StatusCode::SWITCHING_PROTOCOLS {
            if let Some(ours) = upgrade.take() {
                let theirs = hyper::upgrade::on(&mut answered);
                tokio::spawn(tie(ours, theirs, leader.gone.clone(), self.stopping.clone()));
            }
            return Ok(Response::from_parts(answered.into_parts().0, Body::empty()));
        }
        let (mut head, body) = answered.into_parts();
        head.headers.remove(UNDONE);
        strip(&mut head.headers);
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length <= KEPT) {
            let whole = tokio::select! {
                whole = body.collect() => whole.map_err(|error| Unanswered::Lost(error.to_string()))?,
                () = ceased(leader) => return Err(Unanswered::Lost("another one leads".to_owned())),
            };
            return Ok(Response::from_parts(head, Body::from(whole.to_bytes())));
        }
        let is_events = head.headers.get(header::CONTENT_TYPE).is_some_and(is_event_stream);
        let gone = leader.gone.clone();
        Ok(Response::from_parts(head, self.follow(body, is_events, gone)))
    }

    /// A body as it comes. Where its leader is gone a stream of events ends, for its reader comes back; anything else is
    /// broken off, so that nobody takes a part for the whole.
    fn follow(&self, body: Incoming, is_events: bool, gone: CancellationToken) -> Body {
        let bytes = body.into_data_stream();
        let state = Some((bytes, gone, self.stopping.clone()));
        let bytes = futures::stream::unfold(state, move |state| async move {
            let (mut bytes, gone, stopping) = state?;
            let next = tokio::select! {
                next = bytes.next() => next?.map_err(std::io::Error::other),
                () = gone.cancelled() => Err(std::io::Error::other("the leader was lost")),
                () = stopping.cancelled(), if is_events => return None,
            };
            match next {
                Ok(next) => Some((Ok::<Bytes, _>(next), Some((bytes, gone, stopping)))),
                Err(_) if is_events => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Body::from_stream(bytes)
    }
}

/// Resolves some time after another one leads: one that has only ended its term answers yet, and says what was done.
async fn ceased(leader: &Leader) {
    leader.gone.cancelled().await;
    tokio::time::sleep(AGAIN * 2).await;
}

fn is_event_stream(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|value| value.starts_with("text/event-stream"))
}

/// Two connections become one until either ends, or its leader does.
async fn tie(ours: OnUpgrade, theirs: OnUpgrade, gone: CancellationToken, stopping: CancellationToken) {
    let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) else { return };
    let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
    tokio::select! {
        // How it ended is a matter of its two ends.
        _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => {}
        () = gone.cancelled() => {}
        () = stopping.cancelled() => {}
    }
}

fn no_leader(why: &str) -> Response {
    problem(Code::NoLeader, format!("no orchestrator leads: {why}"))
}

fn problem(code: Code, detail: String) -> Response {
    Failure(Problem::new(code, detail)).into_response()
}
