//! Jobs read from the journal ahead of their use, many at a time: recovery needs every live one, and a question for each
//! would take most of its time.
//!
//! What was read ahead must never be older than what is durable when it is used. So a place is made before the journal is
//! asked; whoever loads the job, or appends to it, takes the place away; and only a place that is still there is filled.

use dashmap::DashMap;
use engine::ids::JobId;
use journal::{Journal, JournalError, Stored};

/// Jobs read ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    places: DashMap<JobId, Option<Stored>>,
}

impl Ahead {
    /// Reads jobs ahead; those of before that nobody has used are forgotten.
    pub(super) async fn read(&self, journal: &dyn Journal, jobs: &[JobId]) -> Result<(), JournalError> {
        self.places.clear();
        for job in jobs {
            self.places.insert(*job, None);
        }
        for (job, stored) in journal.load_many(jobs.to_vec()).await? {
            if let Some(mut place) = self.places.get_mut(&job) {
                *place = Some(stored);
            }
        }
        Ok(())
    }

    /// A job as it was read ahead, once; from then on it is to be read anew.
    pub(super) fn take(&self, job: JobId) -> Option<Stored> {
        if self.places.is_empty() {
            return None;
        }
        self.places.remove(&job).and_then(|(_, stored)| stored)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.places.clear();
    }
}
