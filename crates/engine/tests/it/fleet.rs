//! The queues of the services' plans, as far as one job is concerned, kept as the orchestrator keeps them: by effects alone.
//!
//! A run that waits for a slot and is not in a queue would wait for ever, whatever the job's state says. So after each round
//! the queues must hold exactly the runs that wait. A round may have several decisions, whose effects are worked out from the
//! job as it is after all of them.

use std::collections::BTreeSet;

use engine::{
    effect::{Effect, effects, is_queueable, queueable},
    event::Event,
    job::{Job, RunRef},
    pipeline::Pipeline,
};

/// The queues.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    queued: BTreeSet<RunRef>,
    told: usize,
}

impl Fleet {
    /// A run was taken off its queue to be granted a slot, superseded or reused.
    pub(crate) fn taken(&mut self, run: RunRef) {
        self.queued.remove(&run);
    }

    /// A round is over: `events` are all that the job has had.
    pub(crate) fn round(&mut self, pipeline: &Pipeline, job: &Job, events: &[Event]) {
        for event in &events[self.told..] {
            for effect in effects(pipeline, job, event) {
                match effect {
                    Effect::Enqueue { run } if is_queueable(pipeline, job, run) => {
                        self.queued.insert(run);
                    }
                    Effect::DequeueAll => self.queued.clear(),
                    Effect::Requeue => self.queued = queueable(pipeline, job).into_iter().collect(),
                    _ => {}
                }
            }
        }
        self.told = events.len();
    }

    /// Runs that wait and are in no queue, and runs that are in one and do not wait.
    pub(crate) fn wrong(&self, pipeline: &Pipeline, job: &Job) -> Vec<RunRef> {
        let waiting: BTreeSet<RunRef> = queueable(pipeline, job).into_iter().collect();
        waiting.symmetric_difference(&self.queued).copied().collect()
    }
}
