//! What happens, as it happens: the events of all jobs after they are durable, and progress between them.
//!
//! Nobody waits for a subscriber: one that falls behind is told so and reads the gap from the journal.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use engine::ids::{AttemptId, JobId, Name};
use journal::Position;
use tokio::sync::broadcast;

use crate::attempts::Progress;

/// How many publications a subscriber may lag behind.
const LAG: usize = 4_096;

/// The events of one job that became durable together.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where they lie in the journal.
    pub position: Position,
    /// Whose they are.
    pub job: JobId,
    /// Of which pipeline.
    pub pipeline: Name,
    /// Under which key.
    pub key: Arc<str>,
    /// How many events the job had before.
    pub first_seq: u64,
    /// As the journal stores them.
    pub events: Vec<Bytes>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Events became durable.
    Events(Arc<Published>),
    /// An attempt said how far it is.
    Progress {
        /// Whose attempt.
        job: JobId,
        /// Which.
        attempt: AttemptId,
        /// How far.
        progress: Progress,
    },
}

/// The stream of what happens.
#[derive(Debug)]
pub struct Live {
    sender: broadcast::Sender<Happening>,
    /// The furthest place that was told of; 0 before the first.
    latest: AtomicU64,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(LAG), latest: AtomicU64::new(0) }
    }
}

impl Live {
    /// Everything that happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }

    /// The furthest place in the journal that was told of since the start: everything up to there is durable, so who looks at
    /// jobs afterwards sees it.
    #[must_use]
    pub fn latest(&self) -> Option<Position> {
        Some(self.latest.load(Ordering::SeqCst)).filter(|&at| at > 0).map(Position)
    }

    /// Tells subscribers of events, where there are any: nothing is put together for nobody.
    pub(crate) fn publish(&self, position: Position, events: impl FnOnce() -> Published) {
        self.latest.fetch_max(position.0, Ordering::SeqCst);
        if self.sender.receiver_count() > 0 {
            let _ = self.sender.send(Happening::Events(Arc::new(events())));
        }
    }

    /// Tells subscribers how far an attempt is.
    pub fn publish_progress(&self, job: JobId, attempt: AttemptId, progress: Progress) {
        if self.sender.receiver_count() > 0 {
            let _ = self.sender.send(Happening::Progress { job, attempt, progress });
        }
    }
}
