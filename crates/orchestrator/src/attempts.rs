//! What is known of attempts under way beyond what the journal says: when they were last heard of, and how far they are.
//!
//! Progress is not an event: it extends the lease and is shown, nothing else. After a restart the next one brings it back.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dashmap::DashMap;
use engine::{
    ids::{AttemptId, JobId, Name, Timestamp},
    job::RunRef,
};

/// How far an attempt is, and when it said so.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// In the service's own words and unit.
    pub said: protocol::Progress,
    /// When.
    pub at: Timestamp,
}

/// An attempt under way.
#[derive(Debug, Clone)]
pub struct LiveAttempt {
    /// Its job.
    pub job: JobId,
    /// Its run.
    pub run: RunRef,
    /// When it was granted a slot.
    pub started_at: Timestamp,
    /// Its service.
    pub service: Name,
    /// Silence before it is suspect.
    pub heartbeat: Option<Duration>,
    /// When the service last said anything of it.
    pub last_heard: Timestamp,
    /// Whether the service has taken it.
    pub accepted: bool,
    /// The instance that has.
    pub instance: Option<Arc<str>>,
    /// How far it is.
    pub progress: Option<Box<Progress>>,
    /// Silent for too long.
    pub suspect: bool,
}

/// All attempts under way.
#[derive(Debug, Default)]
pub struct Attempts {
    by_id: DashMap<AttemptId, LiveAttempt>,
}

impl Attempts {
    pub(crate) fn insert(&self, attempt: AttemptId, live: LiveAttempt) {
        self.by_id.insert(attempt, live);
    }

    pub(crate) fn remove(&self, attempt: AttemptId) -> Option<LiveAttempt> {
        self.by_id.remove(&attempt).map(|(_, live)| live)
    }

    /// How many are suspect, by service.
    pub(crate) fn suspects(&self) -> BTreeMap<Name, u64> {
        let mut suspects = BTreeMap::new();
        for live in self.by_id.iter().filter(|live| live.suspect) {
            *suspects.entry(live.service.clone()).or_default() += 1;
        }
        suspects
    }

    /// What is known of an attempt.
    #[must_use]
    pub fn get(&self, attempt: AttemptId) -> Option<LiveAttempt> {
        self.by_id.get(&attempt).map(|live| live.clone())
    }

    /// Notes that the service has taken it: its service and heartbeat, where the attempt is not over already.
    pub(crate) fn accepted(
        &self,
        attempt: AttemptId,
        instance: Arc<str>,
        now: Timestamp,
    ) -> Option<(Name, Option<Duration>)> {
        let mut live = self.by_id.get_mut(&attempt)?;
        live.accepted = true;
        live.instance = Some(instance);
        live.last_heard = now;
        Some((live.service.clone(), live.heartbeat))
    }

    /// Notes that the service has said something of it.
    pub(crate) fn heard(&self, attempt: AttemptId, now: Timestamp) {
        if let Some(mut live) = self.by_id.get_mut(&attempt) {
            live.last_heard = now;
        }
    }

    /// Notes how far it is; its job and service, where the attempt is under way.
    pub(crate) fn progress(&self, attempt: AttemptId, progress: Progress) -> Option<(JobId, Name)> {
        let mut live = self.by_id.get_mut(&attempt)?;
        live.last_heard = progress.at;
        live.progress = Some(Box::new(progress));
        Some((live.job, live.service.clone()))
    }

    /// Since when it has been silent, and how long it may be.
    pub(crate) fn silence(&self, attempt: AttemptId) -> Option<(JobId, Timestamp, Duration)> {
        let live = self.by_id.get(&attempt)?;
        Some((live.job, live.last_heard, live.heartbeat?))
    }

    pub(crate) fn set_suspect(&self, attempt: AttemptId) {
        if let Some(mut live) = self.by_id.get_mut(&attempt) {
            live.suspect = true;
        }
    }

    /// True where it was suspect.
    pub(crate) fn clear_suspect(&self, attempt: AttemptId) -> bool {
        self.by_id.get_mut(&attempt).is_some_and(|mut live| std::mem::take(&mut live.suspect))
    }

    /// How many are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
