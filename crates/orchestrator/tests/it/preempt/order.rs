//! Ten thousand jobs of mixed priority on four slots: who goes first, and how long the last waits.
//!
//! Once with the plan alone and a time that is reckoned, so that hours of it take a second; once over real HTTP.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use engine::{
    effect::Verdict,
    ids::{AttemptId, JobId, PhaseIndex, Priority, Timestamp},
    job::RunRef,
    plan::{AGEING, Next, ServiceLimits, ServicePlan, Slot, Waiting},
};
use serde_json::json;
use uuid::Uuid;

use super::Stage;

const CAPACITY: u32 = 4;
const PRIORITIES: [Priority; 5] =
    [Priority::Urgent, Priority::High, Priority::Medium, Priority::Low, Priority::Background];
/// The longest job, in milliseconds.
const LONGEST: u64 = 60_000;

/// Numbers that look random and are the same each time (Lehmer).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        self.0 % sides
    }
}

/// A job of the simulation; times in milliseconds.
#[derive(Clone)]
struct Done {
    waiting: Waiting,
    work: u64,
    left: u64,
    first_start: Option<u64>,
    ended: u64,
}

struct Simulation {
    plan: ServicePlan,
    jobs: Vec<Done>,
    /// When a slot will be free, which attempt's, which job's.
    ends: BinaryHeap<Reverse<(u64, u128, usize)>>,
    began: BTreeMap<u128, u64>,
    attempts: u128,
    preempted: usize,
}

fn rank(priority: Priority) -> u32 {
    u32::try_from(PRIORITIES.iter().position(|one| *one == priority).unwrap()).unwrap()
}

impl Simulation {
    /// Jobs that come somewhat faster than four slots can do them, in waves.
    fn new(jobs: usize) -> Self {
        let (mut dice, mut now) = (Dice(20_261_121), 0);
        let mut all = Vec::new();
        for number in 0..jobs {
            // A thousand jobs in a rush, then a lull.
            now += dice.roll(if number / 1_000 % 2 == 0 { 11_000 } else { 20_000 });
            let priority = PRIORITIES[usize::try_from(dice.roll(100)).unwrap().min(99) / 20];
            let work = 1 + dice.roll(LONGEST);
            let waiting = Waiting {
                job: JobId(Uuid::from_u128(number as u128 + 1)),
                run: RunRef { phase: PhaseIndex(0), item: 0 },
                priority,
                ready_at: Timestamp(now),
                interruptible: dice.roll(2) == 0,
                resumes: false,
                coalesce: None,
                breaker: None,
            };
            all.push(Done { waiting, work, left: work, first_start: None, ended: 0 });
        }
        Self {
            plan: ServicePlan::new(ServiceLimits { capacity: CAPACITY, rate: None }),
            jobs: all,
            ends: BinaryHeap::new(),
            began: BTreeMap::new(),
            attempts: 0,
            preempted: 0,
        }
    }

    fn run(&mut self) {
        let mut next = 0;
        loop {
            let arrival = self.jobs.get(next).map(|job| job.waiting.ready_at.0);
            let end = self.ends.peek().map(|Reverse((at, ..))| *at);
            let now = match (arrival, end) {
                (Some(arrival), Some(end)) if end <= arrival => self.end(),
                (Some(arrival), _) => {
                    self.plan.enqueue(self.jobs[next].waiting.clone());
                    next += 1;
                    arrival
                }
                (None, Some(_)) => self.end(),
                (None, None) => return,
            };
            self.pump(now);
        }
    }

    fn end(&mut self) -> u64 {
        let Reverse((now, attempt, job)) = self.ends.pop().unwrap();
        // An attempt that was interrupted is over already.
        if self.began.remove(&attempt).is_some() {
            assert!(self.plan.release(AttemptId(Uuid::from_u128(attempt)), Verdict::Good, Timestamp(now)));
            self.jobs[job].left = 0;
            self.jobs[job].ended = now;
        }
        now
    }

    fn pump(&mut self, now: u64) {
        loop {
            match self.plan.next(Timestamp(now)) {
                Next::Grant(waiting) => self.grant(waiting, now),
                Next::Preempt { victim, attempt, by } => self.preempt(victim, attempt, by, now),
                Next::At(_) | Next::Idle => return self.check_urgent(),
            }
        }
    }

    fn grant(&mut self, waiting: Waiting, now: u64) {
        self.check_no_inversion(&waiting);
        self.attempts += 1;
        let at = usize::try_from(waiting.job.0.as_u128() - 1).unwrap();
        self.plan.occupy(AttemptId(Uuid::from_u128(self.attempts)), waiting, Timestamp(now));
        assert!(self.plan.slots().len() <= CAPACITY as usize);
        self.jobs[at].first_start.get_or_insert(now);
        self.began.insert(self.attempts, now);
        self.ends.push(Reverse((now + self.jobs[at].left, self.attempts, at)));
    }

    fn preempt(&mut self, victim: JobId, attempt: AttemptId, by: JobId, now: u64) {
        let of = |job: JobId| usize::try_from(job.0.as_u128() - 1).unwrap();
        let loses = &self.jobs[of(victim)].waiting;
        assert!(loses.interruptible && loses.priority > self.jobs[of(by)].waiting.priority);
        let less_urgent = self.plan.slots().values().filter(|slot| slot.holder.interruptible && !slot.stays);
        assert_eq!(
            less_urgent.map(|slot| slot.holder.priority).max(),
            Some(loses.priority),
            "the least urgent"
        );
        let began = self.began.remove(&attempt.0.as_u128()).unwrap();
        let job = &mut self.jobs[of(victim)];
        job.left -= now - began;
        self.preempted += 1;
        let again = Waiting { resumes: true, ..job.waiting.clone() };
        self.plan.pausing(attempt, true);
        self.plan.release(attempt, Verdict::Neither, Timestamp(now));
        // In its old place: since it was ready for the first time.
        self.plan.enqueue(again);
    }

    /// Nobody goes while somebody more urgent waits, unless he has waited an ageing longer for each step between them.
    fn check_no_inversion(&self, goes: &Waiting) {
        for other in self.plan.queue().filter(|other| other.priority < goes.priority) {
            let steps = rank(goes.priority) - rank(other.priority);
            let longer = other.ready_at.since(goes.ready_at);
            assert!(longer >= AGEING * steps, "{goes:?} goes before {other:?}");
        }
        let equals = self.plan.queue().filter(|other| other.priority == goes.priority);
        assert!(
            equals.map(|other| (other.ready_at, other.job)).all(|other| other >= (goes.ready_at, goes.job))
        );
    }

    /// Somebody urgent waits only where nobody who has a slot would let go of it.
    fn check_urgent(&self) {
        if self.plan.queue().any(|waiting| waiting.priority == Priority::Urgent) {
            let lets_go = |slot: &&Slot| {
                !slot.stays && slot.holder.interruptible && slot.holder.priority > Priority::Urgent
            };
            assert_eq!(self.plan.slots().values().find(lets_go), None);
        }
    }

    /// How long a job may wait: four times the ageing, then for what is there that came before that and is not done, and at
    /// last for whoever has a slot just then, and for an urgent one that he was interrupted for.
    fn bound(&self, job: &Done) -> u64 {
        let until = job.waiting.ready_at.after(AGEING * rank(job.waiting.priority)).0;
        let unfinished =
            self.jobs.iter().filter(|other| other.waiting.ready_at.0 <= until && other.ended > until);
        let work: u64 = unfinished.map(|other| other.work).sum();
        until - job.waiting.ready_at.0 + work / u64::from(CAPACITY) + 2 * LONGEST
    }
}

#[test]
fn of_ten_thousand_jobs_none_is_passed_over_and_none_waits_longer_than_is_written() {
    let mut simulation = Simulation::new(10_000);
    simulation.run();
    let mut longest = BTreeMap::new();
    for job in &simulation.jobs {
        assert_eq!(job.left, 0, "each is done");
        let waited = job.first_start.unwrap() - job.waiting.ready_at.0;
        assert!(waited <= simulation.bound(job), "{:?} waited {waited} ms", job.waiting);
        let most = longest.entry(rank(job.waiting.priority)).or_insert(0);
        *most = waited.max(*most);
    }
    assert!(simulation.preempted > 100, "{}", simulation.preempted);
    let longest = longest.values().map(|&waited| Duration::from_millis(waited)).collect::<Vec<_>>();
    eprintln!("longest waits from urgent to background: {longest:?}; {} interruptions", simulation.preempted);
    assert!(longest.is_sorted(), "who is in less of a hurry waits longer: {longest:?}");
    assert!(longest[4] > AGEING, "it was busy enough for ageing to matter: {longest:?}");
}

/// Four jobs hold all slots, the others come in the order of their numbers; then the slots are let go.
async fn goes_by_priority(jobs: usize) {
    let stage = Stage::new(CAPACITY as usize).await;
    for number in 0..CAPACITY {
        let key = format!("holds-{number}");
        stage.start(&key, "urgent", &json!({ "keeps": true, "gate": "all" })).await;
        stage.log.begun(&key, 1).await;
    }
    let mut dice = Dice(6);
    let mut wanted: Vec<(u64, usize)> = Vec::new();
    for number in 0..jobs {
        let priority = dice.roll(5);
        let word = ["urgent", "high", "medium", "low", "background"][usize::try_from(priority).unwrap()];
        stage.start(&format!("{number}"), word, &json!({ "units": 1 })).await;
        wanted.push((priority, number));
    }
    wanted.sort_unstable();
    let place: BTreeMap<String, usize> =
        wanted.iter().enumerate().map(|(place, (_, number))| (number.to_string(), place)).collect();
    stage.log.let_go("all");
    let slots = CAPACITY as usize;
    stage.log.until("all of them", |seen| (seen.begun.len() == jobs + slots).then_some(())).await;
    let order = stage.log.order();
    for (at, key) in order[slots..].iter().enumerate() {
        // What was granted before may still be on its way to the service, in the other slots.
        assert!(at + slots > place[key], "{key} began as number {at}, its place was {}", place[key]);
    }
    stage.log.until("the end of all", |seen| (seen.at_work == 0).then_some(())).await;
    stage.log.see(|seen| {
        assert_eq!(seen.most_at_work, slots);
        assert!(seen.units.values().all(|units| units.len() <= 1), "none ran twice");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_what_waits_goes_by_priority_and_then_by_its_age() {
    goes_by_priority(300).await;
}

mod slow {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn over_http_ten_thousand_go_by_priority() {
        let began = std::time::Instant::now();
        super::goes_by_priority(10_000).await;
        eprintln!("10,000 jobs of mixed priority on 4 slots: {:?}", began.elapsed());
    }
}
