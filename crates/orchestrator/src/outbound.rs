//! Calls to services: offers, questions, and the two requests that a service may ignore (pause, cancel).
//!
//! What comes of a call comes back as a command; nothing here changes a job.

mod asking;
mod egress;
mod http;
mod offering;
pub mod request;

use std::{fmt, sync::Arc, time::Instant};

use bytes::Bytes;
pub use egress::Network;
pub(crate) use egress::is_a_host;
use engine::{
    command::{Command, Outcome, Refusal},
    ids::{AttemptId, JobId, Name, Timestamp},
    payload::Payload,
};
use futures::future::BoxFuture;
pub use http::{HttpOutbound, OutboundSettings};

/// An attempt to be offered.
#[derive(Debug)]
pub struct Offer {
    /// Its job.
    pub job: JobId,
    /// Which.
    pub attempt: AttemptId,
    /// To whom.
    pub service: Name,
    /// When it will have failed.
    pub deadline: Timestamp,
    /// Where in which trace the call belongs.
    pub trace: protocol::TraceContext,
    /// When the callback came that it follows from; only metrics look at it.
    pub since: Option<Instant>,
    /// The start request.
    pub body: Bytes,
}

/// Who hears what comes of an offer.
pub trait Hearing: Send + Sync {
    /// The service has taken it.
    fn accepted(&self, job: JobId, attempt: AttemptId, instance: Arc<str>);
    /// The service has not taken it.
    fn refused(&self, job: JobId, attempt: AttemptId, refusal: Refusal);
    /// The service was done at once.
    fn reported(&self, job: JobId, attempt: AttemptId, outcome: Outcome);
    /// It is about to be sent, for the first time or again.
    fn sending(&self, _offer: &Offer, _again: bool) {}
    /// Whether the attempt is still to be offered.
    fn wants(&self, attempt: AttemptId) -> bool;
}

/// What the start request says about where to answer.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Base of our own URLs.
    pub public_url: Arc<str>,
    /// From which the attempts' tokens are derived.
    pub tokens: crate::token::TokenKey,
}

/// Calls to services.
pub trait Outbound: Send + Sync + fmt::Debug {
    /// Offers an attempt until the service takes or refuses it, or it is no longer wanted.
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()>;
    /// Tells the service that an attempt is over. Whether it said that it has heard.
    fn cancel<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, bool>;
    /// Asks for a checkpoint; none where the service gives none.
    fn pause<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Option<Payload>>;
    /// Asks what the service knows of an attempt: a finding, or the report of one that is done.
    fn probe<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command>;
    /// Whether the instances of a service answer `GET /health`, each by its address; empty where nobody can say.
    fn health<'a>(&'a self, _service: &'a Name) -> BoxFuture<'a, Vec<(String, bool)>> {
        Box::pin(std::future::ready(Vec::new()))
    }
    /// What start requests say about where to answer.
    fn addresses(&self) -> Addresses;
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
