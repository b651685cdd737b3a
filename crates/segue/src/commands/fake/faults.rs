//! What goes wrong around a stand-in's service: busy answers, 202s that are lost, callbacks that vanish, sudden death.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::post,
};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::{CallbackAnswer, Code, Problem, headers::START_LIMIT};
use rustix::process::{Signal, getpid, kill_process};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use super::{
    super::answer::refused,
    fate::{Delivery, Fates},
};

/// Takes callbacks that are to be lost, and drops them.
const LOST: &str = "/fake/lost";

/// The faults of one stand-in.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) fates: Fates,
    /// Where it is reached from its own machine.
    pub(super) own_url: String,
    pub(super) crash_after: Option<u64>,
    /// Over all stand-ins of the process.
    pub(super) accepted: Arc<AtomicU64>,
    /// Attempts whose first 202 was lost, and which will be offered again. Only these: the others need no memory.
    pub(super) accept_lost: Mutex<HashSet<Uuid>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    attempt_id: Uuid,
}

/// The service's routes with the faults around them.
pub(super) fn around(routes: Router, faults: Arc<Faults>) -> Router {
    routes
        .route(
            LOST,
            post(async || Json(CallbackAnswer { accepted: true, duplicate: false, acknowledged: true })),
        )
        .layer(from_fn_with_state(faults, pass))
}

async fn pass(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    if request.uri().path() != "/start" {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, START_LIMIT).await else {
        return refused(&Problem::new(
            Code::PayloadTooLarge,
            format!("a start has at most {START_LIMIT} bytes"),
        ));
    };
    // What can't be read is the service's to refuse.
    let Ok(Named { attempt_id }) = serde_json::from_slice(&body) else {
        return next.run(Request::from_parts(head, Body::from(body))).await;
    };
    if faults.fates.is_busy(attempt_id) {
        return busy();
    }
    let body = faults.diverted(attempt_id, body);
    let mut head = head;
    head.headers.remove(header::CONTENT_LENGTH);
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    if answer.status() == StatusCode::ACCEPTED {
        faults.after_accept(attempt_id);
    }
    answer
}

impl Faults {
    /// True at the first of two calls: the start that follows is answered.
    fn is_first(&self, attempt: Uuid) -> bool {
        let mut lost = self.accept_lost.lock();
        let first = lost.insert(attempt);
        if !first {
            lost.remove(&attempt);
        }
        first
    }

    /// The start, calling back to nowhere if its callback is to be lost.
    fn diverted(&self, attempt: Uuid, body: Bytes) -> Bytes {
        if self.fates.delivery(attempt) != Delivery::Lost {
            return body;
        }
        self.divert(&body).map_or(body, Bytes::from)
    }

    fn divert(&self, body: &[u8]) -> Option<Vec<u8>> {
        // Everything but the address stays as it is written.
        let mut start: std::collections::BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(body).ok()?;
        let callback = start.get_mut("callback")?;
        let mut target: serde_json::Map<String, Value> = serde_json::from_str(callback.get()).ok()?;
        target.insert("url".to_owned(), format!("{}{LOST}", self.own_url).into());
        *callback = serde_json::value::to_raw_value(&target).ok()?;
        serde_json::to_vec(&start).ok()
    }

    fn after_accept(&self, attempt: Uuid) {
        let accepted = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        if self.crash_after == Some(accepted) {
            tracing::warn!(accepted, "crashing, as told");
            if let Err(error) = kill_process(getpid(), Signal::KILL) {
                tracing::error!(%error, "could not crash");
            }
        }
        if self.fates.loses_accept(attempt) && self.is_first(attempt) {
            // Ends the connection's task, and so the connection, with nothing said: nothing in HTTP does that.
            std::panic::resume_unwind(Box::new("the answer is lost, as told"));
        }
    }
}

fn busy() -> Response {
    let mut answer =
        refused(&Problem::new(Code::TooManyRequests, "segue fake was told to be busy now and then"));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
