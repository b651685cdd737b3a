//! A subscriber of the live stream: what is durable, in order, without a gap, and progress in between.
//!
//! Of one job the live channel is in order. Over all jobs it is not: two jobs become durable one after the other and may be
//! told of the other way round. So a subscriber to everything takes the channel only as a sign that there is something, and
//! reads the journal, whose order is that of the truth.
//!
//! A place to go on from is named with the last event of a batch only: who stops in the middle of one gets it whole again.

use std::{collections::VecDeque, sync::Arc};

use engine::ids::{AttemptId, JobId};
use journal::{FeedItem, JournalError, Position};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

use super::Shared;
use crate::{
    attempts::Progress,
    live::{Happening, Published},
};

/// Events read from the journal at a time.
const CATCH_UP: usize = 500;

/// One message, before it has the form of its stream.
#[derive(Debug)]
pub(super) struct Message {
    /// Where the stream can go on after it.
    pub(super) id: Option<Position>,
    /// `event`, `progress` or `gap`.
    pub(super) kind: &'static str,
    /// Its members.
    pub(super) data: Value,
}

/// What a subscriber has had, and what waits to be sent.
pub(super) struct Subscriber {
    app: Shared,
    only: Option<JobId>,
    after: Option<Position>,
    events: Receiver<Happening>,
    ready: VecDeque<Message>,
    /// The journal has something that was not read.
    behind: bool,
    over: bool,
}

impl Subscriber {
    /// Subscribes to one job, or to all, after a position or from now on.
    pub(super) fn new(app: Shared, only: Option<JobId>, after: Option<Position>) -> Self {
        let events = app.core.live().subscribe();
        let now = app.core.live().latest();
        let behind = after.is_some();
        Self { app, only, after: after.or(now), events, ready: VecDeque::new(), behind, over: false }
    }

    /// The next message; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            if self.over {
                return None;
            }
            if self.behind {
                self.catch_up().await;
                continue;
            }
            let stopping = self.app.stopping.clone();
            let happening = tokio::select! {
                happening = self.events.recv() => happening,
                () = stopping.cancelled() => return None,
            };
            match happening {
                Ok(happening) => self.take(happening),
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
            self.take_what_waits();
        }
    }

    /// One look into the journal for all signs that have arrived.
    fn take_what_waits(&mut self) {
        for _ in 0..CATCH_UP {
            match self.events.try_recv() {
                Ok(happening) => self.take(happening),
                Err(TryRecvError::Lagged(_)) => self.behind = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Events(published) if self.only.is_none() => {
                let before = Position(published.position.0.saturating_sub(1));
                self.after.get_or_insert(before);
                self.behind = true;
            }
            Happening::Events(published) => self.take_events(&published),
            Happening::Progress { job, attempt, progress } if self.concerns(job) => {
                self.ready.push_back(progress_message(job, attempt, &progress));
            }
            Happening::Progress { .. } => {}
        }
    }

    fn concerns(&self, job: JobId) -> bool {
        self.only.is_none_or(|only| only == job)
    }

    fn take_events(&mut self, published: &Arc<Published>) {
        let known = self.after.is_some_and(|after| published.position <= after);
        if known || self.behind || !self.concerns(published.job) {
            return;
        }
        self.after = Some(published.position);
        let last = published.events.len();
        for (number, (seq, event)) in (published.first_seq..).zip(&published.events).enumerate() {
            let id = (number + 1 == last).then_some(published.position);
            self.ready.push_back(event_message(id, published.job, seq, event));
        }
    }

    /// Reads what was missed from the journal.
    async fn catch_up(&mut self) {
        let after = self.after.unwrap_or(Position(0));
        match self.app.core.journal().feed(after, CATCH_UP).await {
            Ok(found) => {
                self.behind = found.len() >= CATCH_UP;
                let mut found = found.into_iter().peekable();
                while let Some(FeedItem { position, job, seq, event }) = found.next() {
                    self.after = Some(position);
                    if self.concerns(job) {
                        let ends = found.peek().is_none_or(|next| next.position != position);
                        self.ready.push_back(event_message(ends.then_some(position), job, seq, &event));
                    }
                }
            }
            Err(error) => {
                self.ready.push_back(Message {
                    id: None,
                    kind: "gap",
                    data: json!({ "detail": error.to_string() }),
                });
                match error {
                    // What was asked for is no longer kept: it goes on with what is.
                    JournalError::TooOld(kept) if kept > after => self.after = Some(kept),
                    _ => self.over = true,
                }
            }
        }
    }
}

fn progress_message(job: JobId, attempt: AttemptId, progress: &Progress) -> Message {
    let data = json!({ "jobId": job, "attemptId": attempt, "progress": progress.said });
    Message { id: None, kind: "progress", data }
}

fn event_message(id: Option<Position>, job: JobId, seq: u64, event: &[u8]) -> Message {
    let event: Option<Box<RawValue>> = serde_json::from_slice(event).ok();
    Message { id, kind: "event", data: json!({ "jobId": job, "seq": seq, "event": event }) }
}
