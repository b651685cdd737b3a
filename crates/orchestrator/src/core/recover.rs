//! After a start: the plans, timers and keys are filled again from the journal, and what was under way goes on.
//!
//! Nothing is decided before every key and every slot in use is known: whoever asks for something waits until then. But an
//! attempt that no service is known to have accepted is offered again at once, under the same key, which a service that has
//! it answers with 202. One that was accepted is asked about, so that a callback lost meanwhile is found. So recovery is
//! safe to do twice.

use std::sync::Arc;

use engine::{
    command::Command,
    effect,
    ids::{AttemptId, JobId, Timestamp},
    job::{PauseReason, RunState},
};

use super::{
    Core,
    cell::{CommandError, JobCell, Loaded},
    memory::RESIDENT,
};

/// Jobs read at a time.
const PAGE: usize = 1_000;

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

/// What is left to be done once everything is known.
#[derive(Default)]
struct Left {
    /// Jobs with runs that wait for a slot.
    waiting: Vec<JobId>,
    /// Attempts that a service has accepted: it is asked what it knows of them.
    accepted: Vec<(JobId, AttemptId)>,
}

impl Core {
    /// Fills everything that is held in memory from the journal, then lets the work go on.
    ///
    /// # Errors
    /// The journal's. A single job that can't be read does not stop the others: it is logged and counted.
    pub async fn recover(&self) -> Result<Recovered, CommandError> {
        let (mut found, mut left) = (Recovered::default(), Left::default());
        let mut after = None;
        loop {
            let page = self.inner.journal.live_jobs(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            found.jobs += page.len();
            for (job, loaded) in self.load_many(page).await? {
                match loaded {
                    Ok(loaded) => self.take_over(loaded, &mut found, &mut left).await,
                    Err(error) => {
                        found.unreadable += 1;
                        tracing::error!(%job, %error, "a job can't be read and is left alone");
                    }
                }
            }
        }
        // Until now whoever asked for something has waited: its job would have had two drivers, and its grants would not have
        // known what is in use.
        let _ = self.inner.known.set(());
        for job in left.waiting {
            self.tell(job, Command::Tick);
            self.requeue(job).await;
        }
        for (job, attempt) in left.accepted {
            self.probe(job, attempt);
        }
        Ok(found)
    }

    /// Whether everything that was live before the start is known again.
    #[must_use]
    pub fn has_recovered(&self) -> bool {
        self.inner.known.initialized()
    }

    /// Waits until it is.
    pub async fn until_recovered(&self) {
        self.inner.known.wait().await;
    }

    /// Takes a job's key, deadline and slots, and goes on with its attempts.
    async fn take_over(&self, loaded: Loaded, found: &mut Recovered, left: &mut Left) {
        let job = &loaded.job;
        self.inner.keys.insert((loaded.pipeline.name.clone(), job.key.clone()), job.id);
        for (run, state) in job.open_runs() {
            let RunState::Live(attempt) = &state.state else { continue };
            if let Some((service, holder)) = self.waiting(&loaded, run) {
                let for_another = matches!(attempt.pausing, Some(PauseReason::For(_)));
                self.inner.fleet.with_plan(&service, |plan| {
                    plan.occupy(attempt.id, holder, attempt.started_at);
                    plan.pausing(attempt.id, for_another);
                });
            }
            found.attempts += 1;
            if attempt.pausing.is_some() {
                // Whether it was asked, nobody knows any more.
                self.ask_to_pause(&loaded, attempt.id);
            }
            if attempt.accepted {
                self.watch(&loaded, attempt.id);
                left.accepted.push((job.id, attempt.id));
            } else {
                self.dispatch(&loaded, attempt.id, None);
            }
        }
        if !effect::queueable(&loaded.pipeline, job).is_empty() {
            left.waiting.push(job.id);
        }
        let now = self.inner.world.now();
        if let Some(at) = job.next_deadline().filter(|at| at.since(now) < super::act::NEAR) {
            self.deadline_nears(job.id, at);
        }
        if self.inner.cells.len() < RESIDENT {
            // Somebody may have put something into its inbox already.
            let entry = self.inner.cells.entry(job.id);
            let cell = entry.or_insert_with(|| Arc::new(JobCell::new(loaded.job.id))).clone();
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
