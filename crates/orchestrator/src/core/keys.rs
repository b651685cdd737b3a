//! Who has a key: of the live jobs of a pipeline at most one.
//!
//! A key is taken before its job exists, and by a job that was over in the very decision that lets it go on: of two that want
//! it at the same moment one finds it taken. It is given back when a job has ended, durably.

use std::sync::Arc;

use engine::{
    command::Command,
    ids::{JobId, Name},
    job::Job,
    pipeline::Pipeline,
};

use super::{
    Core,
    cell::{CommandError, Loaded},
};

/// A key of a pipeline.
pub(super) type KeyOf = (Name, Arc<str>);

/// Whether a job that is over may go on by it, and needs its key again.
pub(super) fn may_revive(command: &Command) -> bool {
    matches!(command, Command::Retry { .. } | Command::Rerun { .. })
}

impl Core {
    /// Takes a key for a new job; the live job that has it, where there is one. `taken` is called before anybody can see who has
    /// the key: what it puts into the new job's inbox comes before the question whether that job is live.
    pub(super) async fn take_key(
        &self,
        key: &KeyOf,
        job: JobId,
        mut taken: impl FnMut(),
    ) -> Result<Option<JobId>, CommandError> {
        self.inner.known.wait().await;
        loop {
            let holder = *self.inner.keys.entry(key.clone()).or_insert_with(|| {
                taken();
                job
            });
            if holder == job {
                return Ok(None);
            }
            if self.holds(key, holder).await? {
                return Ok(Some(holder));
            }
        }
    }

    /// Whether that job has the key indeed; where it is over or never came to be, the key is free now.
    async fn holds(&self, key: &KeyOf, holder: JobId) -> Result<bool, CommandError> {
        let (core, of) = (self.clone(), key.clone());
        // Freed by the job's own driver: a moment later the job may go on again, and have the key again.
        let look = move |_: &Pipeline, job: &Job| {
            if job.has_ended() {
                core.give_key_back(&of, holder);
            }
            !job.has_ended()
        };
        match self.look(holder, look).await {
            Ok(holds) => Ok(holds),
            Err(CommandError::UnknownJob(_)) => {
                self.give_key_back(key, holder);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Before a job that is over goes on: its key may be with one that is over, too.
    pub(super) async fn clear_key(&self, job: JobId) -> Result<(), CommandError> {
        let key = self.look(job, |pipeline, job| (pipeline.name.clone(), job.key.clone())).await?;
        loop {
            match self.inner.keys.get(&key).map(|holder| *holder) {
                Some(other) if other != job => {
                    if self.holds(&key, other).await? {
                        return Err(CommandError::KeyInUse { key: key.1, job: other });
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Takes the key of a job that is over and may go on, in the decision about that; the key where it was not its own already.
    pub(super) fn reclaim_key(&self, loaded: &Loaded) -> Result<Option<KeyOf>, CommandError> {
        let (key, job) = ((loaded.pipeline.name.clone(), loaded.job.key.clone()), loaded.job.id);
        let mut new = false;
        let holder = *self.inner.keys.entry(key.clone()).or_insert_with(|| {
            new = true;
            job
        });
        if holder == job {
            Ok(new.then_some(key))
        } else {
            Err(CommandError::KeyInUse { key: key.1, job: holder })
        }
    }

    /// A job does not go on, or is over: its key is free.
    pub(super) fn give_key_back(&self, key: &KeyOf, job: JobId) {
        self.inner.keys.remove_if(key, |_, holder| *holder == job);
    }
}
