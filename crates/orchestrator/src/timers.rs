//! When something must happen although nothing does: one sleeper for all deadlines of the near future.
//!
//! Far deadlines are not here but in the journal's index; [`crate::core`] brings them in as they come near.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use engine::ids::{AttemptId, JobId, Name, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::World;

/// The wall clock is looked at at least so often: it may be set forward, and a nap is not measured by it.
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A deadline of a job.
    Job(JobId),
    /// A heartbeat of an attempt should have come.
    Heartbeat(AttemptId),
    /// A service's plan may have something to grant.
    Service(Name),
}

/// The deadlines of the near future, one for each thing.
#[derive(Debug, Default)]
pub struct Timers {
    inner: Mutex<Inner>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    by_time: BTreeSet<(Timestamp, Due)>,
    by_thing: HashMap<Due, Timestamp>,
}

impl Timers {
    /// Sets, moves, or with none removes, the deadline of a thing.
    pub fn set(&self, due: Due, at: Option<Timestamp>) {
        if self.inner.lock().set(due, at) {
            self.earlier.notify_one();
        }
    }

    /// As [`Timers::set`], unless an earlier deadline is set.
    pub fn set_if_earlier(&self, due: Due, at: Timestamp) {
        let mut inner = self.inner.lock();
        let is_earlier = inner.by_thing.get(&due).is_none_or(|known| at < *known);
        if is_earlier && inner.set(due, Some(at)) {
            self.earlier.notify_one();
        }
    }

    /// Waits until something is due, and takes all that is.
    pub async fn due(&self, world: &Arc<dyn World>) -> Vec<Due> {
        loop {
            let now = world.now();
            let next = {
                let mut inner = self.inner.lock();
                let taken = inner.take_due(now);
                if !taken.is_empty() {
                    return taken;
                }
                inner.by_time.first().map(|(at, _)| at.since(now))
            };
            let nap = next.unwrap_or(LONGEST_NAP).clamp(Duration::from_millis(1), LONGEST_NAP);
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// How many deadlines are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.lock().by_thing.len()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    /// True where the new deadline is the earliest of all, so that the sleeper must look again.
    fn set(&mut self, due: Due, at: Option<Timestamp>) -> bool {
        let first = self.by_time.first().map(|(at, _)| *at);
        if let Some(old) = self.by_thing.remove(&due) {
            self.by_time.remove(&(old, due.clone()));
        }
        let Some(at) = at else { return false };
        self.by_thing.insert(due.clone(), at);
        self.by_time.insert((at, due));
        first.is_none_or(|first| at < first)
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut taken = Vec::new();
        while let Some((at, _)) = self.by_time.first() {
            if *at > now {
                break;
            }
            if let Some((_, due)) = self.by_time.pop_first() {
                self.by_thing.remove(&due);
                taken.push(due);
            }
        }
        taken
    }
}
