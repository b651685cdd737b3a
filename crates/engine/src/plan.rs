//! Who goes next at a service, across jobs: capacity, rate, priority with ageing, preemption, breakers, coalescing.
//!
//! A plan holds nothing that is not in the jobs' own states (rate and breaker windows apart, which only delay): after a
//! restart it is filled again from them and decides the same. It answers one question, [`ServicePlan::next`], in words that
//! can be shown, and is as pure as the rest of the engine.
//!
//! **Order.** A run's place is the moment it became ready plus one [`AGEING`] for each step of priority below urgent; the
//! smallest goes first. Among runs that became ready within one `AGEING` of each other this is strictly by priority, first
//! come first served within one; and no run waits more than four `AGEING` longer than an urgent one that came when it did.
//!
//! **Preemption.** An urgent run that finds no slot is given that of the least urgent attempt that may be interrupted. One that
//! is nearly done keeps it, and one whose service would not let go of it is not asked again. The slot goes to an urgent run,
//! even where somebody waits who has aged past it: else he would be interrupted next, and the one after him. Who is given a
//! slot before an urgent run because he has only waited all the time keeps it.

mod breaker;
mod rate;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use breaker::Breakers;
pub use breaker::{BreakerRule, BreakerState};
use rate::Bucket;
pub use rate::Rate;

use crate::{
    effect::Verdict,
    ids::{AttemptId, JobId, Priority, Timestamp},
    job::RunRef,
};

/// How much longer each step of priority may wait.
pub const AGEING: Duration = Duration::from_secs(10 * 60);

/// From this part of its work on an attempt is nearly done: to pause it would cost more than to wait.
const NEARLY_DONE: (u64, u64) = (9, 10);

/// What a service can take, from `services.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceLimits {
    /// Attempts at once.
    pub capacity: u32,
    /// Attempts started in a time; none: no limit.
    pub rate: Option<Rate>,
}

/// A run that waits for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its job.
    pub job: JobId,
    /// The run.
    pub run: RunRef,
    /// How urgent.
    pub priority: Priority,
    /// Since when.
    pub ready_at: Timestamp,
    /// Whether its attempt may be asked to pause once it runs.
    pub interruptible: bool,
    /// Whether it was interrupted before and goes on from there.
    pub resumes: bool,
    /// Of runs with one key only the newest goes, and not more often than every so often.
    pub coalesce: Option<(Arc<str>, Duration)>,
    /// The breaker that guards it.
    pub breaker: Option<BreakerRule>,
}

/// A slot in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Whose it is.
    pub holder: Waiting,
    /// Since when.
    pub since: Timestamp,
    /// Asked to pause.
    pub pausing: bool,
    /// It keeps its slot whoever asks: its service would not pause it, it is nearly done, or it was given the slot before
    /// somebody urgent because it had waited so long.
    pub stays: bool,
}

/// What to do next at a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Start this run.
    Grant(Waiting),
    /// Ask this attempt to pause, for that run.
    Preempt {
        /// Whose slot is wanted.
        victim: JobId,
        /// Which attempt holds it.
        attempt: AttemptId,
        /// Who wants it.
        by: JobId,
    },
    /// Nothing before then.
    At(Timestamp),
    /// Nothing until something changes.
    Idle,
}

/// Why a run does not go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// The service takes no work.
    Stopped,
    /// All slots are taken, by these jobs.
    Capacity {
        /// Who holds them, each job once.
        by: Vec<JobId>,
        /// How many runs go before it.
        ahead: usize,
    },
    /// Too many were started just now.
    Rate {
        /// Until when.
        until: Timestamp,
    },
    /// The service failed too often.
    Breaker {
        /// Until when; none while a probe is under way.
        until: Option<Timestamp>,
    },
    /// One with the same key went just now.
    Coalesce {
        /// Until when.
        until: Timestamp,
    },
    /// It is about to go.
    Next,
}

type Place = (u64, Timestamp, JobId, RunRef);

/// The plan of one service.
#[derive(Debug)]
pub struct ServicePlan {
    limits: ServiceLimits,
    stopped: bool,
    queue: BTreeMap<Place, Waiting>,
    /// The urgent ones of the queue.
    urgent: BTreeSet<Place>,
    places: BTreeMap<(JobId, RunRef), Place>,
    slots: BTreeMap<AttemptId, Slot>,
    bucket: Bucket,
    breakers: Breakers,
    coalesced: BTreeMap<Arc<str>, Timestamp>,
    /// Slots that were given up for urgent runs that have not got them yet.
    owed: usize,
}

impl ServicePlan {
    /// An empty plan.
    #[must_use]
    pub fn new(limits: ServiceLimits) -> Self {
        let bucket = Bucket::new(limits.rate);
        Self {
            limits,
            stopped: false,
            queue: BTreeMap::new(),
            urgent: BTreeSet::new(),
            places: BTreeMap::new(),
            slots: BTreeMap::new(),
            bucket,
            breakers: Breakers::default(),
            coalesced: BTreeMap::new(),
            owed: 0,
        }
    }

    /// A run waits. Returns the runs that give way to it: older ones with the same coalescing key.
    pub fn enqueue(&mut self, waiting: Waiting) -> Vec<(JobId, RunRef)> {
        self.dequeue(waiting.job, waiting.run);
        let mut superseded = Vec::new();
        if let Some((key, _)) = &waiting.coalesce {
            let same = |other: &&Waiting| other.coalesce.as_ref().is_some_and(|(theirs, _)| theirs == key);
            superseded = self.queue.values().filter(same).map(|old| (old.job, old.run)).collect();
            for &(job, run) in &superseded {
                self.dequeue(job, run);
            }
        }
        let place = place(&waiting);
        self.places.insert((waiting.job, waiting.run), place);
        if waiting.priority == Priority::Urgent {
            self.urgent.insert(place);
        }
        self.queue.insert(place, waiting);
        superseded
    }

    /// A run no longer waits.
    pub fn dequeue(&mut self, job: JobId, run: RunRef) {
        if let Some(place) = self.places.remove(&(job, run)) {
            self.queue.remove(&place);
            self.urgent.remove(&place);
            self.owed = self.owed.min(self.urgent.len());
        }
    }

    /// None of a job's runs waits any more.
    pub fn dequeue_job(&mut self, job: JobId) {
        let first = RunRef { phase: crate::ids::PhaseIndex(0), item: 0 };
        let last = RunRef { phase: crate::ids::PhaseIndex(u16::MAX), item: u32::MAX };
        let runs: Vec<RunRef> =
            self.places.range((job, first)..=(job, last)).map(|((_, run), _)| *run).collect();
        for run in runs {
            self.dequeue(job, run);
        }
    }

    /// What to do next. Changes nothing: a grant takes effect by [`ServicePlan::occupy`], a preemption by
    /// [`ServicePlan::pausing`].
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        if self.stopped || self.queue.is_empty() {
            return Next::Idle;
        }
        if self.slots.len() >= self.limits.capacity as usize {
            return self.preemption(now);
        }
        if let Some(until) = self.bucket.blocked_until(now) {
            return Next::At(until);
        }
        let mut earliest: Option<Timestamp> = None;
        let first = self.urgent.iter().filter(|_| self.owed > 0).filter_map(|place| self.queue.get(place));
        for waiting in first.chain(self.queue.values()) {
            match self.blocked(waiting, now) {
                None => return Next::Grant(waiting.clone()),
                Some(Blocked::Breaker { until: Some(until) } | Blocked::Coalesce { until }) => {
                    earliest = Some(earliest.map_or(until, |at| at.min(until)));
                }
                Some(_) => {}
            }
        }
        earliest.map_or(Next::Idle, Next::At)
    }

    /// Whether this run, which need not be queued, could have a slot at once without passing anybody.
    #[must_use]
    pub fn could_go(&self, waiting: &Waiting, now: Timestamp) -> bool {
        !self.stopped
            && self.queue.is_empty()
            && self.slots.len() < self.limits.capacity as usize
            && self.bucket.blocked_until(now).is_none()
            && self.blocked(waiting, now).is_none()
    }

    /// A slot is taken: the run's attempt has started.
    pub fn occupy(&mut self, attempt: AttemptId, holder: Waiting, now: Timestamp) {
        self.dequeue(holder.job, holder.run);
        let stays = match holder.priority {
            Priority::Urgent => {
                self.owed = self.owed.saturating_sub(1);
                false
            }
            _ => !holder.resumes && self.urgent.range(place(&holder)..).next().is_some(),
        };
        self.bucket.take(now);
        if let Some((key, every)) = &holder.coalesce {
            self.coalesced.insert(key.clone(), now.after(*every));
            self.coalesced.retain(|_, until| *until > now);
        }
        if let Some(rule) = &holder.breaker {
            self.breakers.started(rule, attempt, now);
        }
        self.slots.insert(attempt, Slot { holder, since: now, pausing: false, stays });
    }

    /// A slot is free. Returns false where the attempt held none.
    pub fn release(&mut self, attempt: AttemptId, verdict: Verdict, now: Timestamp) -> bool {
        let Some(slot) = self.slots.remove(&attempt) else { return false };
        if slot.pausing {
            self.owed = (self.owed + 1).min(self.urgent.len());
        }
        if let Some(rule) = &slot.holder.breaker {
            self.breakers.ended(rule, attempt, verdict, now);
        }
        true
    }

    /// An attempt was asked to pause (or, with false, goes on after all).
    pub fn pausing(&mut self, attempt: AttemptId, pausing: bool) {
        if let Some(slot) = self.slots.get_mut(&attempt) {
            slot.pausing = pausing;
        }
    }

    /// An attempt would not pause: it is not asked again.
    pub fn pause_refused(&mut self, attempt: AttemptId) {
        if let Some(slot) = self.slots.get_mut(&attempt) {
            (slot.pausing, slot.stays) = (false, true);
        }
    }

    /// An attempt has said how far it is.
    pub fn progressed(&mut self, attempt: AttemptId, done: u64, total: u64) {
        if let Some(slot) = self.slots.get_mut(&attempt)
            && total > 0
            && done.saturating_mul(NEARLY_DONE.1) >= total.saturating_mul(NEARLY_DONE.0)
        {
            slot.stays = true;
        }
    }

    /// An attempt is as urgent as its job is now.
    pub fn reprioritise(&mut self, attempt: AttemptId, priority: Priority) {
        if let Some(slot) = self.slots.get_mut(&attempt) {
            slot.holder.priority = priority;
        }
    }

    /// Whether somebody urgent waits, who may interrupt others.
    #[must_use]
    pub fn urgent_waits(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// So many attempts at once from now on. What runs beyond that goes on.
    pub fn set_capacity(&mut self, capacity: u32) {
        self.limits.capacity = capacity;
    }

    /// Stops or starts taking work.
    pub fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// Whether it takes no work.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &ServiceLimits {
        &self.limits
    }

    /// The slots in use, by attempt.
    #[must_use]
    pub fn slots(&self) -> &BTreeMap<AttemptId, Slot> {
        &self.slots
    }

    /// The runs that wait, first to go first.
    pub fn queue(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.values()
    }

    /// How many runs wait.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// The breakers that are not closed, with their keys.
    pub fn breakers(&self) -> impl Iterator<Item = (&Arc<str>, &BreakerState)> {
        self.breakers.tripped()
    }

    /// Why a run does not go; none where it does not wait here.
    #[must_use]
    pub fn why(&self, job: JobId, run: RunRef, now: Timestamp) -> Option<Blocked> {
        let place = self.places.get(&(job, run))?;
        let waiting = self.queue.get(place)?;
        if self.stopped {
            return Some(Blocked::Stopped);
        }
        if let Some(blocked) = self.blocked(waiting, now) {
            return Some(blocked);
        }
        if self.slots.len() >= self.limits.capacity as usize {
            let by: BTreeSet<JobId> = self.slots.values().map(|slot| slot.holder.job).collect();
            let ahead = self.queue.range(..place).count();
            return Some(Blocked::Capacity { by: by.into_iter().collect(), ahead });
        }
        Some(self.bucket.blocked_until(now).map_or(Blocked::Next, |until| Blocked::Rate { until }))
    }

    fn blocked(&self, waiting: &Waiting, now: Timestamp) -> Option<Blocked> {
        if let Some((key, _)) = &waiting.coalesce
            && let Some(&until) = self.coalesced.get(key)
            && until > now
        {
            return Some(Blocked::Coalesce { until });
        }
        let rule = waiting.breaker.as_ref()?;
        match self.breakers.state(&rule.key) {
            None | Some(BreakerState::Closed { .. }) => None,
            Some(BreakerState::Open { until }) if *until > now => {
                Some(Blocked::Breaker { until: Some(*until) })
            }
            // The probe after the window is the oldest run that waits.
            Some(BreakerState::Open { .. }) => {
                let same =
                    |other: &&Waiting| other.breaker.as_ref().is_some_and(|theirs| theirs.key == rule.key);
                let oldest = self.queue.values().filter(same).min_by_key(|other| (other.ready_at, other.job));
                let is_oldest =
                    oldest.is_none_or(|oldest| (oldest.job, oldest.run) == (waiting.job, waiting.run));
                (!is_oldest).then_some(Blocked::Breaker { until: None })
            }
            Some(BreakerState::Probing { .. }) => Some(Blocked::Breaker { until: None }),
        }
    }

    /// An urgent run that finds no slot takes that of the least urgent attempt that can be interrupted: of several the one
    /// that has done least. One is asked for each urgent run that could go, not more.
    fn preemption(&self, now: Timestamp) -> Next {
        // Where more runs than there is room for, one that lets go makes no room.
        if self.urgent.is_empty() || self.slots.len() > self.limits.capacity as usize {
            return Next::Idle;
        }
        let asked = self.slots.values().filter(|slot| slot.pausing).count();
        let may_go = |waiting: &&Waiting| self.blocked(waiting, now).is_none();
        let wants = self.urgent.iter().filter_map(|place| self.queue.get(place)).filter(may_go).nth(asked);
        let Some(by) = wants.map(|waiting| waiting.job) else { return Next::Idle };
        if let Some(until) = self.bucket.blocked_until(now) {
            return Next::At(until);
        }
        let lets_go = |slot: &Slot| {
            let asked = slot.pausing || slot.stays;
            slot.holder.interruptible && !asked && slot.holder.priority > Priority::Urgent
        };
        self.slots
            .iter()
            .filter(|(_, slot)| lets_go(slot))
            .max_by_key(|(attempt, slot)| (slot.holder.priority, slot.since, **attempt))
            .map_or(Next::Idle, |(attempt, slot)| Next::Preempt {
                victim: slot.holder.job,
                attempt: *attempt,
                by,
            })
    }
}

fn place(waiting: &Waiting) -> Place {
    let steps = match waiting.priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Medium => 2,
        Priority::Low => 3,
        Priority::Background => 4,
    };
    (waiting.ready_at.after(AGEING * steps).0, waiting.ready_at, waiting.job, waiting.run)
}

#[cfg(test)]
mod tests;
