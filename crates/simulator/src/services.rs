//! The services: they take offers, work, call back, answer questions and pause, each as badly as its dice say. Like those of
//! phase-kit they call back until somebody answers, and know what they have done until they are started anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use engine::{
    command::{Command, Outcome, ProbeFinding, Refusal},
    ids::{AttemptId, JobId, Name},
    job::RunError,
    payload::Payload,
};
use futures::{FutureExt, future::BoxFuture};
use orchestrator::{
    outbound::{Addresses, Hearing, Offer, Outbound},
    token::TokenKey,
};
use parking_lot::Mutex;
use serde_json::json;

use crate::{
    clock::short,
    dice::Dice,
    scenario::Fault,
    stage::{Next, Stage},
};

/// Waits between offers of one attempt, as the real caller's: about half a minute.
const OFFER_AGAIN: [u64; 9] = [0, 100, 300, 1_000, 2_000, 4_000, 6_000, 8_000, 8_000];
/// How long an answer to an offer is waited for.
const OFFER_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a service says how far it is.
const BEAT: Duration = Duration::from_secs(2);

/// An attempt that a service has taken.
#[derive(Debug, Clone)]
struct Work {
    job: JobId,
    outcome: Outcome,
    done: bool,
    /// Says nothing while it works.
    silent: bool,
    /// The callback goes astray.
    lost: bool,
    /// It has been told to stop, or has paused.
    over: bool,
}

/// All services.
#[derive(Debug)]
pub struct Services {
    stage: Arc<Stage>,
    works: Mutex<BTreeMap<(Name, AttemptId), Work>>,
    /// Callbacks that are not answered yet.
    calling: Mutex<BTreeSet<(Name, AttemptId, bool)>>,
    /// How often each attempt has been offered.
    offers: Mutex<BTreeMap<AttemptId, u64>>,
}

impl Services {
    /// With nothing to do.
    #[must_use]
    pub fn new(stage: Arc<Stage>) -> Arc<Self> {
        Arc::new(Self { stage, works: Mutex::default(), calling: Mutex::default(), offers: Mutex::default() })
    }

    fn dice(&self, about: &str, attempt: AttemptId, number: u64) -> Dice {
        let counted = u64::try_from(attempt.0.as_u128() >> 64).unwrap_or(0);
        Dice::of(self.stage.seed, about, counted.wrapping_mul(1_000).wrapping_add(number))
    }

    fn has(&self, dice: &mut Dice, fault: Fault, of_thousand: u64) -> bool {
        // The dice fall whether the fault is on or not, so that the others fall the same.
        dice.chance(of_thousand) && self.stage.faults().has(fault)
    }

    fn outcome(&self, dice: &mut Dice) -> Outcome {
        let number = dice.below(1_000);
        let good = !number.is_multiple_of(4) || self.stage.faults() == crate::scenario::Faults::default();
        let failed = self.has(dice, Fault::Retryable, 120);
        let broken = self.has(dice, Fault::Permanent, 30);
        if broken {
            return Outcome::Failure { error: RunError::permanent("broken", format!("broken {number}")) };
        }
        if failed {
            return Outcome::Failure { error: RunError::retryable("flaky", format!("flaky {number}")) };
        }
        let list: Vec<u64> = (0..number % 5).collect();
        let output = Payload::from_value(&json!({ "good": good, "list": list, "n": number }));
        Outcome::Success { output, stats: Payload::null() }
    }

    /// Takes an attempt; whether it was new.
    fn accept(&self, offer: &Offer, dice: &mut Dice) -> bool {
        let key = (offer.service.clone(), offer.attempt);
        if self.works.lock().get(&key).is_some_and(|work| !work.over) {
            return false;
        }
        let outcome = self.outcome(dice);
        let silent = self.has(dice, Fault::Silent, 60);
        let lost = self.has(dice, Fault::Never, 50);
        let slow = self.has(dice, Fault::Late, 60);
        let takes = if dice.chance(200) { dice.millis(2_000, 40_000) } else { dice.millis(0, 800) };
        // Some callbacks come at the same instant.
        let takes = if dice.chance(300) { Duration::from_millis(dice.below(4) * 100) } else { takes };
        let takes = if slow { takes + Duration::from_secs(150) } else { takes };
        let work = Work { job: offer.job, outcome, done: false, silent, lost, over: false };
        self.works.lock().insert(key, work);
        self.stage.after(takes, Next::Done(offer.service.clone(), offer.attempt));
        self.stage.after(BEAT, Next::Beat(offer.service.clone(), offer.attempt));
        true
    }

    async fn offer_until_taken(&self, offer: Offer, hearing: &dyn Hearing, process: u64) {
        for wait in OFFER_AGAIN {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            if !hearing.wants(offer.attempt) || !self.stage.is_running(process) {
                return;
            }
            let number = {
                let mut offers = self.offers.lock();
                let number = offers.entry(offer.attempt).or_default();
                *number += 1;
                *number
            };
            let mut dice = self.dice("offer", offer.attempt, number);
            tokio::time::sleep(dice.millis(0, 4)).await;
            if self.offer_once(&offer, hearing, process, &mut dice).await {
                return;
            }
        }
        if hearing.wants(offer.attempt) && self.stage.is_running(process) {
            let error = RunError::retryable("service-unreachable", "no answer");
            hearing.refused(offer.job, offer.attempt, Refusal::Failed { error });
        }
    }

    /// One offer; whether it was answered.
    async fn offer_once(&self, offer: &Offer, hearing: &dyn Hearing, process: u64, dice: &mut Dice) -> bool {
        let (job, attempt) = (offer.job, offer.attempt);
        let lost = self.has(dice, Fault::OfferLost, 80);
        let busy = self.has(dice, Fault::Busy, 100);
        let refused = self.has(dice, Fault::Permanent, 10);
        let at_once = self.has(dice, Fault::Synchronous, 100);
        let early = self.has(dice, Fault::Early, 100);
        let unheard = self.has(dice, Fault::AcceptLost, 120);
        let answer_takes = dice.millis(0, 5);
        if lost {
            self.stage.note(|| format!("offer of {} is lost", short(attempt.0)));
            if dice.chance(500) {
                tokio::time::sleep(OFFER_TIMEOUT).await;
            }
            return false;
        }
        let known = self.works.lock().contains_key(&(offer.service.clone(), attempt));
        if busy && !known {
            let retry_after = dice.millis(100, 5_000);
            hearing.refused(job, attempt, Refusal::Busy { retry_after });
            return true;
        }
        if refused && !known {
            let error = RunError::permanent("refused", "no such thing");
            hearing.refused(job, attempt, Refusal::Failed { error });
            return true;
        }
        let new = self.accept(offer, dice);
        self.stage.note(|| format!("{} takes {} (new: {new})", offer.service, short(attempt.0)));
        if at_once && let Some(outcome) = self.finish(&offer.service, attempt) {
            tokio::time::sleep(answer_takes).await;
            if self.stage.is_running(process) {
                hearing.reported(job, attempt, outcome);
            }
            return true;
        }
        if early && self.finish(&offer.service, attempt).is_some() {
            self.stage.after(Duration::ZERO, Next::Callback(offer.service.clone(), attempt, false));
        }
        if unheard {
            self.stage.note(|| format!("202 for {} is lost", short(attempt.0)));
            tokio::time::sleep(OFFER_TIMEOUT).await;
            return false;
        }
        tokio::time::sleep(answer_takes).await;
        if self.stage.is_running(process) {
            hearing.accepted(job, attempt, Arc::from(offer.service.as_str()));
        }
        true
    }

    fn finish(&self, service: &Name, attempt: AttemptId) -> Option<Outcome> {
        let mut works = self.works.lock();
        let work = works.get_mut(&(service.clone(), attempt)).filter(|work| !work.over)?;
        work.done = true;
        Some(work.outcome.clone())
    }

    /// An attempt's work is done: its callback goes out, or not, or twice.
    pub fn done(&self, service: &Name, attempt: AttemptId) {
        let mut dice = self.dice("done", attempt, 0);
        let twice = self.has(&mut dice, Fault::Twice, 150);
        let other = self.has(&mut dice, Fault::Conflicting, 80);
        let later = dice.millis(0, 3_000);
        if self.finish(service, attempt).is_none() {
            return;
        }
        let lost = self.works.lock().get(&(service.clone(), attempt)).is_none_or(|work| work.lost);
        if lost {
            return;
        }
        self.stage.after(Duration::ZERO, Next::Callback(service.clone(), attempt, false));
        if twice {
            self.stage.after(later, Next::Callback(service.clone(), attempt, false));
        }
        if other {
            self.stage.after(later, Next::Callback(service.clone(), attempt, true));
        }
    }

    /// What a callback says, and of which job; nothing where none is to be sent any more.
    #[must_use]
    pub fn callback(&self, service: &Name, attempt: AttemptId, other: bool) -> Option<(JobId, Command)> {
        let works = self.works.lock();
        let work = works.get(&(service.clone(), attempt))?;
        let outcome = match other {
            false => work.outcome.clone(),
            true => Outcome::Failure { error: RunError::permanent("other", "on second thoughts") },
        };
        Some((work.job, Command::Report { attempt, outcome }))
    }

    /// A callback is under way.
    pub fn calls(&self, service: &Name, attempt: AttemptId, other: bool) {
        self.calling.lock().insert((service.clone(), attempt, other));
    }

    /// A callback was answered.
    pub fn answered(&self, service: &Name, attempt: AttemptId, other: bool) {
        self.calling.lock().remove(&(service.clone(), attempt, other));
    }

    /// Whoever called back and was not answered, since the orchestrator was killed, does it again.
    pub fn call_again(&self) {
        let unanswered = std::mem::take(&mut *self.calling.lock());
        for (service, attempt, other) in unanswered {
            self.stage.after(Duration::from_millis(800), Next::Callback(service, attempt, other));
        }
    }

    /// Whose attempt says now how far it is; nothing where it is over or says nothing.
    #[must_use]
    pub fn beat(&self, service: &Name, attempt: AttemptId) -> Option<JobId> {
        let works = self.works.lock();
        let work = works.get(&(service.clone(), attempt)).filter(|work| !work.done && !work.over)?;
        self.stage.after(BEAT, Next::Beat(service.clone(), attempt));
        (!work.silent).then_some(work.job)
    }

    /// A service is started again and knows nothing.
    pub fn restart(&self, service: &Name) {
        self.works.lock().retain(|(other, _), _| other != service);
    }

    fn status(&self, service: &Name, attempt: AttemptId, dice: &mut Dice) -> Command {
        if self.has(dice, Fault::ProbeUnanswered, 300) {
            return Command::Probed { attempt, finding: ProbeFinding::NoAnswer };
        }
        match self.works.lock().get(&(service.clone(), attempt)).filter(|work| !work.over) {
            None => Command::Probed { attempt, finding: ProbeFinding::Unknown },
            Some(work) if work.done => Command::Report { attempt, outcome: work.outcome.clone() },
            Some(_) => Command::Probed { attempt, finding: ProbeFinding::Working },
        }
    }
}

/// The calls of one process of the orchestrator.
#[derive(Debug)]
pub struct Calls {
    /// The services.
    pub services: Arc<Services>,
    /// Which process.
    pub process: u64,
}

impl Calls {
    async fn on_the_way(&self, about: &'static str, attempt: AttemptId) -> Dice {
        let mut dice = self.services.dice(about, attempt, self.services.stage.clock.steady());
        tokio::time::sleep(dice.millis(0, 6)).await;
        dice
    }
}

impl Outbound for Calls {
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        self.services.offer_until_taken(offer, hearing, self.process).boxed()
    }

    fn cancel<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, bool> {
        async move {
            let mut dice = self.on_the_way("cancel", attempt).await;
            let unheard = self.services.has(&mut dice, Fault::Late, 500);
            match self.services.works.lock().get_mut(&(service.clone(), attempt)) {
                Some(work) if !unheard => {
                    work.over = true;
                    true
                }
                _ => false,
            }
        }
        .boxed()
    }

    fn pause<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        async move {
            let mut dice = self.on_the_way("pause", attempt).await;
            if self.services.has(&mut dice, Fault::PauseOdd, 400) {
                return None;
            }
            let mut works = self.services.works.lock();
            let work = works.get_mut(&(service.clone(), attempt)).filter(|work| !work.done && !work.over)?;
            work.over = true;
            Some(Payload::from_value(&json!({ "at": 1 })))
        }
        .boxed()
    }

    fn probe<'a>(&'a self, service: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command> {
        async move {
            let mut dice = self.on_the_way("probe", attempt).await;
            self.services.status(service, attempt, &mut dice)
        }
        .boxed()
    }

    fn addresses(&self) -> Addresses {
        Addresses { public_url: "http://segue.test".into(), tokens: TokenKey::new([7; 32]) }
    }
}
