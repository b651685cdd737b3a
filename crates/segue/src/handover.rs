//! The time between "stop" and the end: nothing new is offered, while callbacks and artifacts of what runs still come in.
//!
//! An attempt that is not offered any more stays granted in the journal, and the next orchestrator offers it under the same
//! key. One whose offer was cut off in the middle is offered again too: a service that had taken it says so.

use engine::{
    command::Command,
    ids::{AttemptId, Name},
    payload::Payload,
};
use futures::future::{BoxFuture, FutureExt};
use orchestrator::outbound::{Addresses, Hearing, HttpOutbound, Offer, Outbound};
use tokio_util::sync::CancellationToken;

/// Calls to services that make no more offers once the token is cancelled.
#[derive(Debug)]
pub(crate) struct UntilHandover {
    calls: HttpOutbound,
    handover: CancellationToken,
}

impl UntilHandover {
    pub(crate) fn new(calls: HttpOutbound, handover: CancellationToken) -> Self {
        Self { calls, handover }
    }
}

impl Outbound for UntilHandover {
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        async move {
            tokio::select! {
                biased;
                () = self.handover.cancelled() => {}
                () = self.calls.offer(offer, hearing) => {}
            }
        }
        .boxed()
    }

    fn cancel<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, ()> {
        self.calls.cancel(service, attempt)
    }

    fn pause<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        self.calls.pause(service, attempt)
    }

    fn probe<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command> {
        self.calls.probe(service, attempt)
    }

    fn health<'a>(&'a self, service: &'a Name) -> BoxFuture<'a, Vec<(String, bool)>> {
        self.calls.health(service)
    }

    fn addresses(&self) -> Addresses {
        self.calls.addresses()
    }
}
