//! The services' plans, each behind a lock of its own that is never held across an await.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    effect::Verdict,
    ids::{AttemptId, JobId, Name, Timestamp},
    job::RunRef,
    plan::{Blocked, Next, ServicePlan, Waiting},
};
use parking_lot::Mutex;

use crate::{clock::World, config::ServiceConfig, instances::Instances};

/// One declared service: its configuration, its plan, its instances.
#[derive(Debug)]
pub struct Member {
    /// As in `services.toml`.
    pub config: ServiceConfig,
    plan: Mutex<ServicePlan>,
    instances: Mutex<Instances>,
}

/// What a service's plan has to give.
#[derive(Debug)]
pub(super) enum Granted {
    /// A slot to a run, for an attempt of this id.
    Run(Waiting, AttemptId),
    /// A slot once this attempt has paused.
    Preempt {
        /// Whose attempt.
        victim: JobId,
        /// Which.
        attempt: AttemptId,
        /// For whom.
        by: JobId,
    },
    /// Something at that moment.
    At(Timestamp),
    /// Nothing.
    Nothing,
}

/// All declared services.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    members: Arc<BTreeMap<Name, Member>>,
}

impl Fleet {
    /// Empty plans for the services declared.
    #[must_use]
    pub fn new(services: &BTreeMap<Name, ServiceConfig>) -> Self {
        let member = |config: &ServiceConfig| {
            let instances = Instances::new(config);
            let mut plan = ServicePlan::new(config.limits.clone());
            plan.set_capacity(instances.room());
            Member { config: config.clone(), plan: Mutex::new(plan), instances: Mutex::new(instances) }
        };
        Self {
            members: Arc::new(services.iter().map(|(name, config)| (name.clone(), member(config))).collect()),
        }
    }

    /// The declared services, by name.
    pub fn members(&self) -> impl Iterator<Item = (&Name, &Member)> {
        self.members.iter()
    }

    /// A service.
    #[must_use]
    pub fn member(&self, service: &Name) -> Option<&Member> {
        self.members.get(service)
    }

    /// Looks at, or changes, the plan of a service; none where it is not declared.
    pub fn with_plan<T>(&self, service: &Name, act: impl FnOnce(&mut ServicePlan) -> T) -> Option<T> {
        self.members.get(service).map(|member| act(&mut member.plan.lock()))
    }

    /// Looks at, or changes, the instances of a service, and takes over how much room they have; none where it is not declared.
    pub fn with_instances<T>(&self, service: &Name, act: impl FnOnce(&mut Instances) -> T) -> Option<T> {
        let member = self.members.get(service)?;
        let (done, room) = {
            let mut instances = member.instances.lock();
            (act(&mut instances), instances.room())
        };
        member.plan.lock().set_capacity(room);
        Some(done)
    }

    /// Notes something about the instances of a service that does not change how much room they have.
    pub fn note_instances<T>(&self, service: &Name, act: impl FnOnce(&mut Instances) -> T) -> Option<T> {
        self.members.get(service).map(|member| act(&mut member.instances.lock()))
    }

    /// An attempt is over: its instance has one less.
    pub(crate) fn over(&self, service: &Name, attempt: AttemptId) {
        if self.note_instances(service, |instances| instances.over(attempt)) == Some(true) {
            self.with_instances(service, |_| ());
        }
    }

    /// Takes a slot for a run that need not be queued, where one is free and nobody waits.
    pub(super) fn try_claim(
        &self,
        service: &Name,
        waiting: &Waiting,
        attempt: AttemptId,
        now: Timestamp,
    ) -> bool {
        self.with_plan(service, |plan| {
            let free = plan.could_go(waiting, now);
            if free {
                plan.occupy(attempt, waiting.clone(), now);
            }
            free
        })
        .unwrap_or(false)
    }

    /// Gives back a slot that was taken in vain.
    pub(super) fn give_back(&self, service: &Name, attempt: AttemptId, now: Timestamp) {
        self.with_plan(service, |plan| plan.release(attempt, Verdict::Neither, now));
    }

    /// What to do next at a service; a run that is granted has its slot.
    pub(super) fn next(&self, service: &Name, world: &dyn World, now: Timestamp) -> Granted {
        let next = self.with_plan(service, |plan| match plan.next(now) {
            Next::Grant(waiting) => {
                let attempt = world.attempt_id();
                plan.occupy(attempt, waiting.clone(), now);
                Granted::Run(waiting, attempt)
            }
            Next::Preempt { victim, attempt, by } => {
                plan.pausing(attempt, true);
                Granted::Preempt { victim, attempt, by }
            }
            Next::At(at) => Granted::At(at),
            Next::Idle => Granted::Nothing,
        });
        next.unwrap_or(Granted::Nothing)
    }

    /// None of a job's runs waits any more, at any service.
    pub(super) fn dequeue_job(&self, job: JobId) {
        for member in self.members.values() {
            member.plan.lock().dequeue_job(job);
        }
    }

    /// Why a run does not go.
    #[must_use]
    pub fn why(&self, service: &Name, job: JobId, run: RunRef, now: Timestamp) -> Option<Blocked> {
        self.with_plan(service, |plan| plan.why(job, run, now)).flatten()
    }
}

impl Member {
    /// Looks at the instances.
    pub fn instances<T>(&self, look: impl FnOnce(&Instances) -> T) -> T {
        look(&self.instances.lock())
    }

    /// Looks at the plan.
    pub fn plan<T>(&self, look: impl FnOnce(&ServicePlan) -> T) -> T {
        look(&self.plan.lock())
    }
}
