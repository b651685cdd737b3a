//! The live stream as server-sent events and over a WebSocket, and the history of a job.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message as Frame, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use bytes::Bytes;
use engine::ids::JobId;
use futures::stream;
use journal::Position;
use protocol::{Code, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Failure, Shared,
    answers::{journal_problem, json as answer},
    commands::job_id,
    extract::{Path, Query},
    subscriber::{Message, Subscriber},
};

/// Events of a page of a job's history.
const HISTORY_PAGE: usize = 1_000;
/// A stream on which nothing happens says so often that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest message that a reader may send, in bytes; all of them are ignored.
const MOST_HEARD: usize = 4 * 1024;

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
    let events: Vec<Value> = events
        .iter()
        .map(|(seq, position, bytes)| {
            let event: Value = serde_json::from_slice(bytes).unwrap_or_default();
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

fn live(app: Shared, only: Option<JobId>, after: Option<Position>) -> Response {
    let messages = stream::unfold(Subscriber::new(app, only, after), |mut subscriber| async move {
        let message = subscriber.next().await?;
        Some((Ok::<_, Infallible>(as_sse(&message)), subscriber))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

fn as_sse(message: &Message) -> Event {
    let event = Event::default().event(message.kind).data(message.data.to_string());
    match message.id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

/// Where a WebSocket begins.
#[derive(Deserialize)]
pub(super) struct SocketQuery {
    job: Option<String>,
    after: Option<u64>,
}

/// `GET /ws?job=&after=`: the same messages over a WebSocket, each a JSON text with its `type`, and with `id` where the stream
/// can go on after it.
pub(super) async fn socket(
    State(app): State<Shared>,
    Query(query): Query<SocketQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = upgrade.map_err(|error| {
        Problem::new(Code::UpgradeRequired, error.to_string())
            .hint("GET /api/events has the same over plain HTTP")
    })?;
    let only = query.job.as_deref().map(job_id).transpose()?;
    if let Some(job) = only {
        app.core.look(job, |_, _| ()).await?;
    }
    let subscriber = Subscriber::new(app, only, query.after.map(Position));
    Ok(upgrade.max_message_size(MOST_HEARD).on_upgrade(move |socket| feed(socket, subscriber)))
}

/// Sends until the stream or the listener ends. What is sent to us is read, for that is how its end is noticed, and left.
async fn feed(mut socket: WebSocket, mut subscriber: Subscriber) {
    let mut alive = tokio::time::interval(KEEP_ALIVE);
    loop {
        let sent = tokio::select! {
            message = subscriber.next() => match message {
                Some(message) => socket.send(Frame::Text(as_text(message).into())).await,
                None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = alive.tick() => socket.send(Frame::Ping(Bytes::new())).await,
        };
        if sent.is_err() {
            return;
        }
    }
    // The reader may be gone already.
    let _ = socket.send(Frame::Close(None)).await;
}

fn as_text(message: Message) -> String {
    let mut members = match message.data {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    members.insert("type".to_owned(), message.kind.into());
    if let Some(id) = message.id {
        members.insert("id".to_owned(), id.0.into());
    }
    Value::Object(members).to_string()
}
