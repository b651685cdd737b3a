//! What happens, as it happens: states over a WebSocket, events as server-sent events. Each reader has a queue of its own with
//! a bound: who is slow misses nothing but the states in between, and holds up nobody.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use futures::stream;
use protocol::{Code, Problem};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Answer, Name, Numbers, Shared, audit};
use crate::state::{event::Entry, fold, log, room::Room, theatres::Place, view, writer::Shown};

/// The WebSocket's protocol, for clients that name one.
const PROTOCOL: &str = "segue.theatre";
/// Longest message that a reader may send, in bytes; all of them are ignored.
const MOST_HEARD: usize = 4 * 1024;
/// A connection on which nothing happens is tried so often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Who does not take a message for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// States that are sent again one by one; who has missed more is given the newest only.
const MOST_RESUMED: u64 = 300;
/// Events that are read from the log at a time.
const PAGE: usize = 500;

/// `GET /ws/state`: the state, then each that follows; `?since=SEQ`: also those after that event. `?partials=1`: also what is
/// being said right now, as messages with `type`.
pub(super) async fn socket(
    State(app): Shared,
    Name(name): Name,
    numbers: Numbers,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer {
    let upgrade = upgrade.map_err(|error| {
        Problem::new(Code::UpgradeRequired, error.to_string()).hint("GET /events is over plain HTTP")
    })?;
    let place = app.theatres.find(&name)?;
    let since = numbers.get("since")?;
    let partials = (numbers.get("partials")?.unwrap_or(0) > 0).then(|| place.partials.subscribe());
    let feed = Feed { live: place.theatre.follow(), place, partials, shown: 0 };
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(MOST_HEARD)
        .on_upgrade(move |socket| async move { feed.run(socket, since).await }))
}

struct Feed {
    place: Place,
    live: broadcast::Receiver<Shown>,
    partials: Option<broadcast::Receiver<Arc<str>>>,
    /// The last state that was sent.
    shown: u64,
}

/// The reader is gone.
struct Gone;

impl Feed {
    async fn run(mut self, mut socket: WebSocket, since: Option<u64>) {
        let Ok(()) = self.begin(&mut socket, since).await else { return };
        let mut alive = tokio::time::interval(KEEP_ALIVE);
        loop {
            let partial = async {
                match &mut self.partials {
                    Some(partials) => partials.recv().await,
                    None => std::future::pending().await,
                }
            };
            let sent = tokio::select! {
                commit = self.live.recv() => match commit {
                    Ok(shown) => self.show(&mut socket, &shown).await,
                    Err(RecvError::Lagged(_)) => self.newest(&mut socket).await,
                    Err(RecvError::Closed) => break,
                },
                partial = partial => match partial {
                    Ok(partial) => send(&mut socket, text(&partial)).await,
                    // What is not over yet may be missed.
                    Err(RecvError::Lagged(_)) => Ok(()),
                    Err(RecvError::Closed) => break,
                },
                heard = socket.recv() => match heard {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => Ok(()),
                },
                _ = alive.tick() => send(&mut socket, Message::Ping(axum::body::Bytes::new())).await,
            };
            if sent.is_err() {
                return;
            }
        }
        // The reader may be gone already.
        let _ = send(&mut socket, Message::Close(None)).await;
    }

    /// What was missed, then the newest.
    async fn begin(&mut self, socket: &mut WebSocket, since: Option<u64>) -> Result<(), Gone> {
        let latest = self.place.theatre.latest().borrow().seq;
        if let Some(since) = since.filter(|since| *since < latest && latest - since <= MOST_RESUMED) {
            match missed(&self.place, since, latest).await {
                Ok(states) => {
                    for state in states {
                        send(socket, Message::Text(state.into())).await?;
                    }
                    self.shown = latest;
                    return Ok(());
                }
                Err(problem) => tracing::warn!(%problem, "a reader gets the newest state only"),
            }
        }
        self.newest(socket).await
    }

    async fn newest(&mut self, socket: &mut WebSocket) -> Result<(), Gone> {
        let shown = self.place.theatre.latest().borrow().clone();
        self.show(socket, &shown).await
    }

    async fn show(&mut self, socket: &mut WebSocket, shown: &Shown) -> Result<(), Gone> {
        if shown.seq <= self.shown {
            return Ok(());
        }
        self.shown = shown.seq;
        send(socket, text(&shown.json)).await
    }
}

fn text(text: &str) -> Message {
    Message::Text(text.into())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// The states after each of the events after `since`, up to `latest`.
async fn missed(place: &Place, since: u64, latest: u64) -> Result<Vec<String>, Problem> {
    let stopped = || Problem::new(Code::ShuttingDown, "the theatre has stopped");
    let range = place.theatre.range(1).await.ok_or_else(stopped)?;
    let path = place.theatre.path().clone();
    let most = usize::try_from(latest).unwrap_or(usize::MAX);
    audit::reading(move || {
        let (mut room, mut states) = (Room::default(), Vec::new());
        for entry in log::read_piece::<Entry>(&path, range, most)? {
            fold::apply(&mut room, &entry);
            if entry.seq > since {
                states.push(view::state(&room).to_string());
            }
        }
        Ok(states)
    })
    .await
}

/// `GET /events`: every event from now on, or after the one of `Last-Event-ID` (`?from=SEQ`: from that one on).
pub(super) async fn events(
    State(app): Shared,
    Name(name): Name,
    numbers: Numbers,
    headers: HeaderMap,
) -> Answer {
    let place = app.theatres.find(&name)?;
    let live = place.theatre.follow();
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let now = place.theatre.latest().borrow().seq;
    let next = numbers.get("from")?.unwrap_or_else(|| last.unwrap_or(now) + 1).max(1);
    let tail = Tail { place, live, next, queue: VecDeque::new() };
    let sent = stream::unfold(tail, |mut tail| async move {
        let entry = tail.next().await?;
        Some((Ok::<_, Infallible>(as_sse(&entry)), tail))
    });
    Ok(Sse::new(sent).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

fn as_sse(entry: &Entry) -> Sent {
    let sent = Sent::default().id(entry.seq.to_string()).event(entry.event.kind());
    // An entry came from JSON or went into it; it goes into it again.
    sent.data(serde_json::to_string(entry).unwrap_or_default())
}

/// A reader of events: what is behind comes from the log, what is new as it comes.
struct Tail {
    place: Place,
    live: broadcast::Receiver<Shown>,
    next: u64,
    queue: VecDeque<Entry>,
}

impl Tail {
    async fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.queue.pop_front() {
                self.next = entry.seq + 1;
                return Some(entry);
            }
            if self.next <= self.place.theatre.latest().borrow().seq {
                match audit::entries(&self.place, self.next, PAGE).await {
                    Ok(entries) if !entries.is_empty() => self.queue.extend(entries),
                    Ok(_) => return None,
                    Err(problem) => {
                        tracing::warn!(%problem, "a reader of events is sent away");
                        return None;
                    }
                }
                continue;
            }
            match self.live.recv().await {
                Ok(shown) if shown.entries.first().is_some_and(|first| first.seq == self.next) => {
                    self.queue.extend(shown.entries.iter().cloned());
                }
                // Seen already, or more than the queue holds: the log has it.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
