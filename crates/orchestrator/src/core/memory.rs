//! Which jobs are in memory: brought in by need, put out when they only wait.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use engine::{
    ids::JobId,
    job::{Job, RunState},
    pipeline::Pipeline,
};
use journal::{JournalError, Snapshot, Stored};

use super::{
    Core,
    cell::{CommandError, Loaded},
    codec,
};

/// Jobs that stay in memory although they only wait.
pub(super) const RESIDENT: usize = 10_000;
/// So many more may be there before they are looked through, for that costs a look at each.
const SURPLUS: usize = 5_000;
/// After so many uses of jobs their number is looked at.
pub(super) const LOOK_EVERY: u64 = 512;

/// Jobs that stay in memory for a while although they are over.
const ENDED: usize = 1_000;
/// A job with so many events since its last snapshot gets another; later on it takes half as many as it had then, so that
/// all snapshots of a job together cost no more than a few times its events.
const SNAPSHOT_AFTER: u64 = 256;

impl Core {
    /// A job from its journal: from its newest snapshot, where that can be used, and the events after it.
    pub(super) async fn load(&self, id: JobId) -> Result<Loaded, CommandError> {
        let stored = self.inner.journal.load(id).await?.ok_or(CommandError::UnknownJob(id))?;
        self.loaded(id, stored).await
    }

    /// Many jobs, as [`Core::load`] gives each, in any order. They are not kept in memory.
    pub(super) async fn load_many(
        &self,
        jobs: Vec<JobId>,
    ) -> Result<Vec<(JobId, Result<Loaded, CommandError>)>, JournalError> {
        let mut left: BTreeSet<JobId> = jobs.iter().copied().collect();
        let mut found = Vec::with_capacity(jobs.len());
        for (job, stored) in self.inner.journal.load_many(jobs).await? {
            left.remove(&job);
            found.push((job, self.loaded(job, stored).await));
        }
        // Loaded alone, they say why.
        for job in left {
            found.push((job, self.load(job).await));
        }
        Ok(found)
    }

    /// A job from what is stored of it.
    async fn loaded(&self, id: JobId, stored: Stored) -> Result<Loaded, CommandError> {
        let Some(snapshot) = stored.snapshot else { return self.replay(&stored.events).await };
        match Job::from_snapshot(&snapshot.state) {
            Ok(mut job) if job.events == snapshot.events => {
                let pipeline = self.definition(job.definition).await?;
                let events = codec::decode_all(&stored.events).map_err(CommandError::Unreadable)?;
                codec::go_on(&pipeline, &mut job, events).map_err(CommandError::Unreadable)?;
                Ok(Loaded::new(pipeline, job, snapshot.events))
            }
            unusable => {
                let error = unusable.err().map(|error| error.to_string());
                tracing::info!(job = %id, ?error, "a snapshot can't be used; the job is replayed");
                let all = self.inner.journal.history(id, 0, usize::MAX).await?;
                let all: Vec<_> = all.into_iter().map(|(_, _, event)| event).collect();
                self.replay(&all).await
            }
        }
    }

    async fn replay(&self, stored: &[Bytes]) -> Result<Loaded, CommandError> {
        let events = codec::decode_all(stored).map_err(CommandError::Unreadable)?;
        let definition = match events.first().map(|first| &first.kind) {
            Some(engine::event::EventKind::JobStarted { definition, .. }) => *definition,
            _ => return Err(CommandError::Unreadable("its first event is not a start".to_owned())),
        };
        let pipeline = self.definition(definition).await?;
        let job = codec::replay(&pipeline, events).map_err(CommandError::Unreadable)?;
        Ok(Loaded::new(pipeline, job, 0))
    }

    /// Keeps a snapshot of a job that has had many events since the last one. Nobody waits for it, and nothing depends on it.
    pub(super) fn keep_snapshot(&self, loaded: &mut Loaded) {
        let since = loaded.job.events.saturating_sub(loaded.snapshot);
        if since < SNAPSHOT_AFTER.max(loaded.snapshot / 2) {
            return;
        }
        loaded.snapshot = loaded.job.events;
        let job = loaded.job.id;
        let snapshot = Snapshot { events: loaded.job.events, state: loaded.job.to_snapshot().into() };
        let kept = self.inner.journal.snapshot(job, snapshot);
        tokio::spawn(async move {
            if let Err(error) = kept.await {
                tracing::debug!(%job, %error, "a snapshot could not be kept");
            }
        });
    }

    /// A definition that some job has kept.
    ///
    /// # Errors
    /// [`CommandError::Unreadable`] where it is lost or not understood, or the journal's.
    pub async fn definition(
        &self,
        hash: engine::pipeline::DefinitionHash,
    ) -> Result<Arc<Pipeline>, CommandError> {
        if let Some(known) = self.inner.definitions.get(&hash) {
            return Ok(known.clone());
        }
        let text = self.inner.journal.definition(hash.0).await?;
        let text = text.ok_or_else(|| CommandError::Unreadable("its definition is lost".to_owned()))?;
        let pipeline = Pipeline::parse(&text).map_err(|error| {
            CommandError::Unreadable(format!("its definition is not understood: {error}"))
        })?;
        let pipeline = Arc::new(pipeline);
        self.inner.definitions.insert(hash, pipeline.clone());
        Ok(pipeline)
    }

    /// Sees to it that a definition is durable before the first job that has it.
    pub(super) async fn keep_definition(&self, pipeline: &Arc<Pipeline>) -> Result<(), JournalError> {
        if self.inner.kept.contains(&pipeline.hash) {
            return Ok(());
        }
        self.inner.journal.put_definition(pipeline.hash.0, pipeline.source.to_string()).await?;
        self.inner.kept.insert(pipeline.hash);
        Ok(())
    }

    /// The same as [`Core::put_out_idle`], where there are so many jobs in memory that it is worth the look.
    pub(super) fn put_out_surplus(&self) {
        if self.inner.cells.len() > RESIDENT + SURPLUS {
            self.put_out_idle();
        }
    }

    /// Puts out of memory the jobs that are over or only wait, those used longest ago first. Returns how many.
    pub fn put_out_idle(&self) -> usize {
        let mut uses: Vec<(u64, JobId)> = self
            .inner
            .cells
            .iter()
            .map(|cell| (cell.last_use.load(Ordering::Relaxed), *cell.key()))
            .collect();
        let surplus = uses.len().saturating_sub(RESIDENT);
        if surplus == 0 {
            return 0;
        }
        uses.sort_unstable();
        uses.into_iter().take(surplus).filter(|(_, job)| self.put_out(*job)).count()
    }

    /// A job has ended: it stays for a while, for those who wait for its end and for callbacks that come twice, and the one
    /// that ended longest ago leaves.
    pub(super) fn put_out_ended(&self, job: JobId) {
        let oldest = {
            let mut ended = self.inner.ended.lock();
            ended.push_back(job);
            if ended.len() > ENDED { ended.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            self.put_out(oldest);
        }
    }

    /// A job leaves memory where nobody is at it: the map's entry is locked while that is found out, so that no command can
    /// find the cell that goes.
    fn put_out(&self, job: JobId) -> bool {
        let gone = self.inner.cells.remove_if(&job, |_, cell| {
            let waits = |loaded: &Loaded| {
                loaded.job.open_runs().all(|(_, run)| !matches!(run.state, RunState::Ready { .. }))
            };
            Arc::strong_count(cell) == 1
                && cell.is_idle()
                && cell.loaded.try_lock().is_ok_and(|loaded| loaded.as_ref().is_none_or(waits))
        });
        gone.is_some()
    }

    /// How many jobs are in memory.
    #[must_use]
    pub fn resident(&self) -> usize {
        self.inner.cells.len()
    }
}
