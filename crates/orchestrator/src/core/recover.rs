//! After a start: the plans, timers and keys are filled again from the journal, and what was under way goes on.
//!
//! Safe to do twice: an attempt that no service is known to have accepted is offered again under the same key, which a
//! service that has it answers with 202; one that was accepted is asked about, so that a callback lost meanwhile is found.

use engine::{
    command::Command,
    effect,
    ids::{AttemptId, JobId, Timestamp},
    job::RunState,
};

use super::{
    Core,
    cell::{CommandError, Loaded},
};

/// Jobs read at a time.
const PAGE: usize = 1_000;
/// Jobs kept in memory by recovery.
const RESIDENT: usize = 10_000;

/// What a recovery found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Live jobs.
    pub jobs: usize,
    /// Attempts that may be under way.
    pub attempts: usize,
    /// Jobs that can't be read; each is logged.
    pub unreadable: usize,
}

impl Core {
    /// Fills everything that is held in memory from the journal, then lets the work go on.
    ///
    /// # Errors
    /// The journal's. A single job that can't be read does not stop the others: it is logged and counted.
    pub async fn recover(&self) -> Result<Recovered, CommandError> {
        let mut found = Recovered::default();
        let mut under_way = Vec::new();
        let mut waiting = Vec::new();
        let mut after = None;
        loop {
            let page = self.inner.journal.live_jobs(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for job in page {
                found.jobs += 1;
                match self.load(job).await {
                    Ok(loaded) => self.take_over(loaded, &mut under_way, &mut waiting).await,
                    Err(error) => {
                        found.unreadable += 1;
                        tracing::error!(%job, %error, "a job can't be read and is left alone");
                    }
                }
            }
        }
        found.attempts = under_way.len();
        // Every slot in use is known by now, so nothing is granted that is not free, and every key. Until now whoever asked for
        // something has waited: its job would have had two drivers, and its grants would not have known what is in use.
        let _ = self.inner.known.set(());
        for job in waiting {
            self.tell(job, Command::Tick);
            self.requeue(job).await;
        }
        for (job, attempt, accepted) in under_way {
            self.go_on(job, attempt, accepted).await;
        }
        Ok(found)
    }

    async fn take_over(
        &self,
        loaded: Loaded,
        under_way: &mut Vec<(JobId, AttemptId, bool)>,
        waiting: &mut Vec<JobId>,
    ) {
        let job = &loaded.job;
        self.inner.keys.insert((loaded.pipeline.name.clone(), job.key.clone()), job.id);
        for (run, state) in job.open_runs() {
            let RunState::Live(attempt) = &state.state else { continue };
            if let Some((service, holder)) = self.waiting(&loaded, run) {
                let at = attempt.started_at;
                self.inner.fleet.with_plan(&service, |plan| plan.occupy(attempt.id, holder, at));
            }
            under_way.push((job.id, attempt.id, attempt.accepted));
        }
        if !effect::queueable(&loaded.pipeline, job).is_empty() {
            waiting.push(job.id);
        }
        let now = self.inner.world.now();
        if let Some(at) = job.next_deadline().filter(|at| at.since(now) < super::act::NEAR) {
            self.deadline_nears(job.id, at);
        }
        if self.inner.cells.len() < RESIDENT {
            let cell = self.cell(job.id);
            *cell.loaded.lock().await = Some(loaded);
        }
    }

    async fn requeue(&self, job: JobId) {
        let core = self.clone();
        let queued = self.with_loaded(job, move |loaded| {
            for run in effect::queueable(&loaded.pipeline, &loaded.job) {
                core.enqueue(loaded, run);
            }
        });
        if let Err(error) = queued.await {
            tracing::error!(%job, %error, "a job that waits can't be queued");
        }
    }

    async fn go_on(&self, job: JobId, attempt: AttemptId, accepted: bool) {
        let core = self.clone();
        let known = self.with_loaded(job, move |loaded| match accepted {
            true => core.watch(loaded, attempt),
            false => core.dispatch(loaded, attempt),
        });
        if let Err(error) = known.await {
            tracing::error!(%job, %error, "an attempt that is under way can't be followed");
        }
        if accepted {
            self.probe(job, attempt);
        }
    }

    /// Brings in the deadlines that have come near for jobs that are not in memory. To be called every few minutes.
    ///
    /// # Errors
    /// The journal's.
    pub async fn sweep_deadlines(&self) -> Result<usize, CommandError> {
        let until = self.inner.world.now().after(super::act::NEAR);
        let due = self.inner.journal.due(until.0, usize::MAX).await?;
        for (job, at) in &due {
            self.deadline_nears(*job, Timestamp(*at));
        }
        Ok(due.len())
    }
}
