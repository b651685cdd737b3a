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
use futures::{StreamExt, stream};

use super::{
    Core,
    cell::{CommandError, Loaded},
};

/// Jobs read at a time.
const PAGE: usize = 1_000;
/// Jobs read side by side.
const AT_ONCE: usize = 16;
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

/// What was found of one job.
#[derive(Default)]
struct Taken {
    attempts: usize,
    accepted: Vec<AttemptId>,
    /// It has runs that wait for a slot.
    waits: bool,
}

/// What recovery leaves to be done once every slot in use is known.
#[derive(Default)]
struct Left {
    attempts: usize,
    /// Jobs with runs that wait for a slot.
    waiting: Vec<JobId>,
    /// Attempts that a service has accepted: it is asked what it knows of them.
    probes: Vec<(JobId, AttemptId)>,
}

impl Left {
    fn add(&mut self, job: JobId, taken: Taken) {
        self.attempts += taken.attempts;
        self.probes.extend(taken.accepted.into_iter().map(|attempt| (job, attempt)));
        if taken.waits {
            self.waiting.push(job);
        }
    }
}

impl Core {
    /// From now on until [`Core::recover`] is through nothing is granted, and [`Core::has_recovered`] says no.
    pub fn begin_recovery(&self) {
        self.inner.fleet.set_filling(true);
    }

    /// Fills everything that is held in memory from the journal, and lets the work go on. Callbacks and commands may come
    /// meanwhile; nothing is granted before every slot in use is known.
    ///
    /// # Errors
    /// The journal's. A single job that can't be read does not stop the others: it is logged and counted.
    pub async fn recover(&self) -> Result<Recovered, CommandError> {
        self.begin_recovery();
        let found = self.fill().await;
        self.inner.ahead.clear();
        self.inner.fleet.set_filling(false);
        let (found, left) = found?;
        for job in left.waiting {
            self.tell(job, Command::Tick);
            self.requeue(job).await;
        }
        for (service, _) in self.inner.fleet.members() {
            self.pump(service);
        }
        for (job, attempt) in left.probes {
            self.probe(job, attempt);
        }
        Ok(found)
    }

    /// Whether everything that was live before the start is known again.
    #[must_use]
    pub fn has_recovered(&self) -> bool {
        !self.inner.fleet.is_filling()
    }

    async fn fill(&self) -> Result<(Recovered, Left), CommandError> {
        let (mut found, mut left) = (Recovered::default(), Left::default());
        let mut after = None;
        loop {
            let page = self.inner.journal.live_jobs(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            self.inner.ahead.read(&*self.inner.journal, &page).await?;
            let core = self.clone();
            let take_over = |job: JobId| {
                let (core, taker) = (core.clone(), core.clone());
                async move { (job, core.with_loaded(job, move |loaded| taker.take_over(loaded)).await) }
            };
            let mut jobs = stream::iter(page).map(take_over).buffered(AT_ONCE);
            while let Some((job, taken)) = jobs.next().await {
                found.jobs += 1;
                match taken {
                    Ok(taken) => left.add(job, taken),
                    Err(error) => {
                        found.unreadable += 1;
                        tracing::error!(%job, %error, "a job can't be read and is left alone");
                    }
                }
                if found.jobs > RESIDENT {
                    self.put_out(job);
                }
            }
        }
        found.attempts = left.attempts;
        Ok((found, left))
    }

    /// Takes a job's key, deadline and slots, and goes on with its attempts: one that no service is known to have accepted is
    /// offered again at once. Done by the job's driver, so that nothing that comes in meanwhile is missed or undone.
    fn take_over(&self, loaded: &Loaded) -> Taken {
        let job = &loaded.job;
        let mut taken = Taken::default();
        if job.has_ended() {
            return taken;
        }
        self.inner.keys.insert((loaded.pipeline.name.clone(), job.key.clone()), job.id);
        for (run, state) in job.open_runs() {
            let RunState::Live(attempt) = &state.state else { continue };
            if let Some((service, holder)) = self.waiting(loaded, run) {
                let at = attempt.started_at;
                self.inner.fleet.with_plan(&service, |plan| plan.occupy(attempt.id, holder, at));
            }
            taken.attempts += 1;
            if attempt.accepted {
                self.watch(loaded, attempt.id);
                taken.accepted.push(attempt.id);
            } else {
                self.dispatch(loaded, attempt.id);
            }
        }
        taken.waits = !effect::queueable(&loaded.pipeline, job).is_empty();
        let now = self.inner.world.now();
        if let Some(at) = job.next_deadline().filter(|at| at.since(now) < super::act::NEAR) {
            self.deadline_nears(job.id, at);
        }
        taken
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
