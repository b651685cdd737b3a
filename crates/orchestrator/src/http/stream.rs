//! The live stream as server-sent events: what is durable, in order, with places to resume from; progress in between.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use engine::ids::JobId;
use futures::stream;
use journal::{FeedItem, Position};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{
    Failure, Shared,
    answers::{journal_problem, json as answer},
    commands::job_id,
};
use crate::live::{Happening, Published};

/// Events read from the journal at a time.
const CATCH_UP: usize = 500;
/// Events of a page of a job's history.
const HISTORY_PAGE: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    from: Option<u64>,
}

/// `GET /api/jobs/{id}/events`: the job's history; as server-sent events where the caller accepts those.
pub(super) async fn job_events(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = job_id(&id)?;
    app.core.look(job, |_, _| ()).await?;
    if wants_stream(&headers) {
        return Ok(live(app, Some(job), last_event_id(&headers)));
    }
    let history = app.core.journal().history(job, query.from.unwrap_or(0), HISTORY_PAGE).await;
    let events = history.map_err(|error| journal_problem(&error))?;
    let next = (events.len() == HISTORY_PAGE).then(|| events.last().map(|(seq, ..)| seq + 1)).flatten();
    let events: Vec<serde_json::Value> = events
        .iter()
        .map(|(seq, position, bytes)| {
            let event: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
            json!({ "seq": seq, "position": position.0, "at": event["at"], "is": event["is"] })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "events": events, "next": next })))
}

/// `GET /api/events`: everything that happens, as server-sent events.
pub(super) async fn all_events(State(app): State<Shared>, headers: HeaderMap) -> Response {
    live(app, None, last_event_id(&headers))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(axum::http::header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

fn last_event_id(headers: &HeaderMap) -> Option<Position> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok().map(Position)
}

/// A subscriber: what he has had, and what waits to be sent.
struct Subscriber {
    app: Shared,
    only: Option<JobId>,
    after: Option<Position>,
    events: Receiver<Happening>,
    ready: VecDeque<Message>,
    behind: bool,
}

fn live(app: Shared, only: Option<JobId>, after: Option<Position>) -> Response {
    let subscriber = Subscriber {
        events: app.core.live().subscribe(),
        behind: after.is_some(),
        app,
        only,
        after,
        ready: VecDeque::new(),
    };
    let messages = stream::unfold(subscriber, |mut subscriber| async move {
        let message = subscriber.next().await?;
        Some((Ok::<_, Infallible>(message), subscriber))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

impl Subscriber {
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            let stopping = self.app.stopping.clone();
            let happening = tokio::select! {
                happening = self.events.recv() => happening,
                () = stopping.cancelled() => return None,
            };
            match happening {
                Ok(Happening::Events(published)) => self.take(&published),
                Ok(Happening::Progress { job, attempt, progress }) if self.concerns(job) => {
                    let data = json!({ "jobId": job, "attemptId": attempt, "progress": progress.said });
                    self.ready.push_back(Message::default().event("progress").data(data.to_string()));
                }
                Ok(Happening::Progress { .. }) => {}
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn concerns(&self, job: JobId) -> bool {
        self.only.is_none_or(|only| only == job)
    }

    fn take(&mut self, published: &Arc<Published>) {
        if self.after.is_some_and(|after| published.position <= after) {
            return;
        }
        self.after = Some(published.position);
        if !self.concerns(published.job) {
            return;
        }
        for (seq, event) in (published.first_seq..).zip(&published.events) {
            self.ready.push_back(message(published.position, published.job, seq, event));
        }
    }

    /// Reads what was missed from the journal.
    async fn catch_up(&mut self) -> Option<()> {
        let after = self.after.unwrap_or(Position(0));
        match self.app.core.journal().feed(after, CATCH_UP).await {
            Ok(missed) => {
                self.behind = missed.len() == CATCH_UP;
                for FeedItem { position, job, seq, event } in missed {
                    self.after = Some(position);
                    if self.concerns(job) {
                        self.ready.push_back(message(position, job, seq, &event));
                    }
                }
                Some(())
            }
            Err(error) => {
                // The reader asked for what retention has removed, or the journal has stopped: he is told, and begins anew.
                let data = json!({ "detail": error.to_string() });
                self.behind = false;
                self.ready.push_back(Message::default().event("gap").data(data.to_string()));
                Some(())
            }
        }
    }
}

fn message(position: Position, job: JobId, seq: u64, event: &[u8]) -> Message {
    let event = String::from_utf8_lossy(event);
    let data = format!("{{\"jobId\":\"{job}\",\"seq\":{seq},\"event\":{event}}}");
    Message::default().id(position.0.to_string()).event("event").data(data)
}
