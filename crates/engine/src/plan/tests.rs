//! The plan by its promises.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ids::PhaseIndex;

fn plan(capacity: u32, rate: Option<&str>) -> ServicePlan {
    ServicePlan::new(ServiceLimits { capacity, rate: rate.map(|text| Rate::parse(text).unwrap()) })
}

fn waiting(job: u128, priority: Priority, ready_at: u64) -> Waiting {
    Waiting {
        job: JobId(Uuid::from_u128(job)),
        run: RunRef { phase: PhaseIndex(0), item: 0 },
        priority,
        ready_at: Timestamp(ready_at),
        interruptible: false,
        resumes: false,
        coalesce: None,
        breaker: None,
    }
}

fn attempt(n: u128) -> AttemptId {
    AttemptId(Uuid::from_u128(n))
}

/// Grants all that goes now, and says which jobs they were.
fn drain(plan: &mut ServicePlan, now: u64) -> Vec<u128> {
    let mut granted = Vec::new();
    while let Next::Grant(next) = plan.next(Timestamp(now)) {
        granted.push(next.job.0.as_u128());
        plan.occupy(attempt(next.job.0.as_u128()), next, Timestamp(now));
    }
    granted
}

#[test]
fn more_urgent_goes_first_and_first_come_within_one_priority() {
    let mut plan = plan(9, None);
    for (job, priority) in
        [(1, Priority::Low), (2, Priority::Medium), (3, Priority::Urgent), (4, Priority::Medium)]
    {
        plan.enqueue(waiting(job, priority, u64::try_from(job).unwrap()));
    }
    assert_eq!(drain(&mut plan, 10), [3, 2, 4, 1]);
}

#[test]
fn nothing_starves() {
    let mut plan = plan(1, None);
    plan.enqueue(waiting(1, Priority::Background, 0));
    let limit = u64::try_from(AGEING.as_millis()).unwrap() * 4;
    plan.enqueue(waiting(2, Priority::Urgent, limit - 1));
    plan.enqueue(waiting(3, Priority::Urgent, limit + 1));
    assert_eq!(drain(&mut plan, limit + 2), [2]);
    plan.release(attempt(2), Verdict::Good, Timestamp(limit + 3));
    assert_eq!(drain(&mut plan, limit + 3), [1]);
}

#[test]
fn slots_in_use_never_exceed_the_capacity() {
    let mut plan = plan(2, None);
    for job in 1..=5 {
        plan.enqueue(waiting(job, Priority::Medium, 0));
    }
    assert_eq!(drain(&mut plan, 0), [1, 2]);
    assert!(plan.release(attempt(1), Verdict::Good, Timestamp(1)));
    assert!(!plan.release(attempt(1), Verdict::Good, Timestamp(1)), "a slot is given back once");
    assert_eq!(drain(&mut plan, 1), [3]);
    assert_eq!(plan.slots().len(), 2);
}

#[test]
fn a_rate_is_kept_over_any_time() {
    let mut plan = plan(1000, Some("10/s"));
    for job in 1..=40 {
        plan.enqueue(waiting(job, Priority::Medium, 0));
    }
    assert_eq!(drain(&mut plan, 0).len(), 10, "a full bucket goes at once");
    assert_eq!(plan.next(Timestamp(0)), Next::At(Timestamp(100)));
    assert_eq!(drain(&mut plan, 99).len(), 0);
    assert_eq!(drain(&mut plan, 100).len(), 1);
    assert_eq!(drain(&mut plan, 600).len(), 5);
}

#[test]
fn of_runs_with_one_key_only_the_newest_goes_and_not_more_often_than_allowed() {
    let mut plan = plan(9, None);
    let with_key = |job, at| Waiting {
        coalesce: Some(Box::new(("theatre-1".into(), Duration::from_secs(2)))),
        ..waiting(job, Priority::Medium, at)
    };
    assert!(plan.enqueue(with_key(1, 0)).is_empty());
    assert_eq!(drain(&mut plan, 0), [1]);
    assert!(plan.enqueue(with_key(2, 10)).is_empty());
    assert_eq!(
        plan.enqueue(with_key(3, 20)),
        [(JobId(Uuid::from_u128(2)), waiting(2, Priority::Medium, 0).run)]
    );
    assert_eq!(plan.next(Timestamp(20)), Next::At(Timestamp(2000)));
    assert_eq!(drain(&mut plan, 2000), [3]);
}

#[test]
fn a_breaker_opens_after_its_failures_and_the_oldest_run_probes() {
    let mut plan = plan(9, None);
    let guarded = |job, at| Waiting {
        breaker: Some(Box::new(BreakerRule {
            key: "fix:main.rs".into(),
            failures: 3,
            window: Duration::from_secs(60),
        })),
        ..waiting(job, Priority::Medium, at)
    };
    for job in 1..=3 {
        plan.enqueue(guarded(job, 0));
        assert_eq!(drain(&mut plan, 0), [job]);
        plan.release(attempt(job), Verdict::Bad, Timestamp(0));
    }
    plan.enqueue(Waiting { priority: Priority::Urgent, ..guarded(5, 20) });
    plan.enqueue(guarded(4, 10));
    assert_eq!(plan.next(Timestamp(30)), Next::At(Timestamp(60_000)));
    assert_eq!(drain(&mut plan, 60_000), [4], "one probe, the oldest, although another is more urgent");
    plan.release(attempt(4), Verdict::Bad, Timestamp(61_000));
    assert_eq!(plan.next(Timestamp(61_000)), Next::At(Timestamp(121_000)));
    assert_eq!(drain(&mut plan, 121_000), [5]);
    plan.release(attempt(5), Verdict::Good, Timestamp(121_001));
    plan.enqueue(guarded(6, 121_002));
    assert_eq!(drain(&mut plan, 121_002), [6], "a good probe closes it");
}

#[test]
fn an_urgent_run_takes_the_slot_of_the_least_urgent_that_can_be_interrupted() {
    let mut plan = plan(3, None);
    let interruptible = |job, priority| Waiting { interruptible: true, ..waiting(job, priority, 0) };
    plan.enqueue(interruptible(1, Priority::Low));
    plan.enqueue(interruptible(2, Priority::Background));
    plan.enqueue(waiting(3, Priority::Background, 0));
    assert_eq!(drain(&mut plan, 0).len(), 3);
    plan.enqueue(waiting(7, Priority::High, 1));
    assert_eq!(plan.next(Timestamp(1)), Next::Idle, "only an urgent run interrupts");
    plan.enqueue(waiting(8, Priority::Urgent, 2));
    let by = JobId(Uuid::from_u128(8));
    let victim = |job| Next::Preempt { victim: JobId(Uuid::from_u128(job)), attempt: attempt(job), by };
    assert_eq!(plan.next(Timestamp(2)), victim(2));
    plan.pausing(attempt(2), true);
    assert_eq!(plan.next(Timestamp(3)), Next::Idle, "one victim for one urgent run");
    plan.pausing(attempt(2), false);
    assert_eq!(plan.next(Timestamp(4)), victim(2));
}

#[test]
fn who_is_nearly_done_or_would_not_pause_keeps_its_slot() {
    let mut plan = plan(3, None);
    for job in 1..=3 {
        plan.enqueue(Waiting {
            interruptible: true,
            ..waiting(job, Priority::Low, u64::try_from(job).unwrap())
        });
    }
    assert_eq!(drain(&mut plan, 5).len(), 3);
    plan.enqueue(waiting(8, Priority::Urgent, 6));
    let asked = |plan: &ServicePlan| match plan.next(Timestamp(7)) {
        Next::Preempt { attempt, .. } => Some(attempt.0.as_u128()),
        _ => None,
    };
    assert_eq!(asked(&plan), Some(3), "all have done as little: the last");
    plan.progressed(attempt(3), 89, 100);
    assert_eq!(asked(&plan), Some(3));
    plan.progressed(attempt(3), 90, 100);
    assert_eq!(asked(&plan), Some(2), "nine tenths are nearly all");
    plan.pausing(attempt(2), true);
    plan.pause_refused(attempt(2));
    assert_eq!(asked(&plan), Some(1));
    plan.progressed(attempt(1), 1, 0);
    plan.progressed(attempt(1), u64::MAX, u64::MAX - 1);
    assert_eq!(plan.next(Timestamp(7)), Next::Idle, "nobody is left to ask");
}

#[test]
fn a_job_that_became_urgent_is_not_interrupted_and_one_that_no_longer_is_may_be() {
    let mut plan = plan(1, None);
    plan.enqueue(Waiting { interruptible: true, ..waiting(1, Priority::Low, 0) });
    drain(&mut plan, 0);
    plan.enqueue(waiting(2, Priority::Urgent, 1));
    plan.reprioritise(attempt(1), Priority::Urgent);
    assert_eq!(plan.next(Timestamp(2)), Next::Idle);
    plan.reprioritise(attempt(1), Priority::High);
    assert!(matches!(plan.next(Timestamp(2)), Next::Preempt { .. }));
    plan.enqueue(waiting(2, Priority::Medium, 1));
    assert_eq!(plan.next(Timestamp(2)), Next::Idle, "nobody urgent waits any more");
}

#[test]
fn nobody_is_interrupted_for_a_run_that_could_not_go_anyway() {
    let mut plan = plan(1, Some("1/s"));
    plan.enqueue(Waiting { interruptible: true, ..waiting(1, Priority::Low, 0) });
    drain(&mut plan, 0);
    plan.enqueue(waiting(2, Priority::Urgent, 1));
    assert_eq!(plan.next(Timestamp(2)), Next::At(Timestamp(1000)), "the rate allows nobody now");
    assert!(matches!(plan.next(Timestamp(1000)), Next::Preempt { .. }));
    let every = Some(Box::new(("theatre-1".into(), Duration::from_secs(60))));
    let mut plan = self::plan(1, None);
    plan.enqueue(Waiting { coalesce: every.clone(), interruptible: true, ..waiting(1, Priority::Low, 0) });
    drain(&mut plan, 0);
    plan.enqueue(Waiting { coalesce: every, ..waiting(2, Priority::Urgent, 1) });
    assert_eq!(plan.next(Timestamp(2)), Next::Idle, "one with its key went just now");
}

#[test]
fn a_run_that_waits_knows_why() {
    let mut plan = plan(1, None);
    for job in 1..=3 {
        plan.enqueue(waiting(job, Priority::Medium, u64::try_from(job).unwrap()));
    }
    drain(&mut plan, 5);
    let run = RunRef { phase: PhaseIndex(0), item: 0 };
    let why = plan.why(JobId(Uuid::from_u128(3)), run, Timestamp(5));
    assert_eq!(why, Some(Blocked::Capacity { by: vec![JobId(Uuid::from_u128(1))], ahead: 1 }));
    plan.set_stopped(true);
    assert_eq!(plan.why(JobId(Uuid::from_u128(2)), run, Timestamp(5)), Some(Blocked::Stopped));
    assert_eq!(plan.why(JobId(Uuid::from_u128(1)), run, Timestamp(5)), None);
    plan.dequeue_job(JobId(Uuid::from_u128(2)));
    assert_eq!(plan.queue_len(), 1);
}

/// What happens at a service: a run comes, goes, gets a slot, gives it back.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Comes(u8, u8, bool),
    Goes(u8),
    Granted,
    Ends(u8),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        3 => (any::<u8>(), 0..5u8, any::<bool>()).prop_map(|(job, urgent, pause)| Happening::Comes(job, urgent, pause)),
        1 => any::<u8>().prop_map(Happening::Goes),
        3 => Just(Happening::Granted),
        2 => any::<u8>().prop_map(Happening::Ends),
    ];
    prop::collection::vec(one, 0..80)
}

const PRIORITIES: [Priority; 5] =
    [Priority::Urgent, Priority::High, Priority::Medium, Priority::Low, Priority::Background];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Slots never exceed the capacity; nothing waits beside a free slot; whoever waits has a reason; and a plan that is
    /// filled again from what the jobs hold, as after a restart, decides the same.
    #[test]
    fn a_plan_keeps_its_promises(capacity in 1..4u32, happenings in happenings()) {
        let mut plan = plan(capacity, None);
        let mut granted = 0;
        for (now, happening) in (1u64..).zip(happenings) {
            match happening {
                Happening::Comes(job, urgent, interruptible) => {
                    let priority = PRIORITIES[usize::from(urgent)];
                    plan.enqueue(Waiting { interruptible, ..waiting(u128::from(job), priority, now) });
                }
                Happening::Goes(job) => plan.dequeue_job(JobId(Uuid::from_u128(u128::from(job)))),
                Happening::Granted => {
                    if let Next::Grant(next) = plan.next(Timestamp(now)) {
                        plan.dequeue(next.job, next.run);
                        granted += 1;
                        plan.occupy(attempt(granted), next, Timestamp(now));
                    }
                }
                Happening::Ends(which) => {
                    let held: Vec<AttemptId> = plan.slots().keys().copied().collect();
                    if !held.is_empty() {
                        plan.release(held[usize::from(which) % held.len()], Verdict::Good, Timestamp(now));
                    }
                }
            }
            prop_assert!(plan.slots().len() <= capacity as usize);
            let free = plan.slots().len() < capacity as usize;
            let next = plan.next(Timestamp(now));
            let idle = plan.queue_len() == 0;
            prop_assert_eq!(matches!(next, Next::Grant(_)), free && !idle, "{:?}", next);
            for waiting in plan.queue() {
                prop_assert!(plan.why(waiting.job, waiting.run, Timestamp(now)).is_some());
            }
            prop_assert_eq!(restarted(&plan, Timestamp(now)).next(Timestamp(now)), next);
        }
    }
}

/// The plan that the same slots and waiting runs make, in another order.
fn restarted(plan: &ServicePlan, now: Timestamp) -> ServicePlan {
    let mut again = ServicePlan::new(plan.limits().clone());
    for (attempt, slot) in plan.slots() {
        again.occupy(*attempt, slot.holder.clone(), slot.since.min(now));
        again.pausing(*attempt, slot.pausing);
    }
    let mut waiting: Vec<Waiting> = plan.queue().cloned().collect();
    waiting.reverse();
    for one in waiting {
        again.enqueue(one);
    }
    again
}

#[test]
fn a_slot_that_was_given_up_goes_to_who_is_urgent_even_where_others_have_aged() {
    let mut plan = plan(1, None);
    let old = |job| Waiting { interruptible: true, ..waiting(job, Priority::Background, 0) };
    let hours = Timestamp(0).after(AGEING * 20);
    for job in [1, 2, 3] {
        plan.enqueue(old(job));
    }
    plan.occupy(attempt(1), old(1), Timestamp(0));
    plan.enqueue(waiting(4, Priority::Urgent, hours.0));
    assert!(matches!(plan.next(hours), Next::Preempt { attempt: one, .. } if one == attempt(1)));
    plan.pausing(attempt(1), true);
    plan.release(attempt(1), Verdict::Neither, hours);
    plan.enqueue(Waiting { resumes: true, ..old(1) });
    let Next::Grant(goes) = plan.next(hours) else { panic!("the slot is free") };
    assert_eq!(goes.priority, Priority::Urgent, "neither the one that was interrupted nor others as old");
    plan.occupy(attempt(2), goes, hours);
    plan.release(attempt(2), Verdict::Good, hours);
    let Next::Grant(goes) = plan.next(hours) else { panic!("the slot is free") };
    assert_eq!(
        (goes.job, goes.resumes),
        (old(1).job, true),
        "then the one that was interrupted, in its old place"
    );
}

#[test]
fn who_has_only_waited_and_goes_before_an_urgent_one_keeps_the_slot() {
    let mut plan = plan(1, None);
    let hours = Timestamp(0).after(AGEING * 20);
    plan.occupy(attempt(1), waiting(1, Priority::Urgent, 0), Timestamp(0));
    let old = Waiting { interruptible: true, ..waiting(2, Priority::Background, 0) };
    plan.enqueue(old.clone());
    plan.enqueue(waiting(3, Priority::Urgent, hours.0));
    plan.release(attempt(1), Verdict::Good, hours);
    assert_eq!(plan.next(hours), Next::Grant(old.clone()));
    plan.occupy(attempt(2), old, hours);
    assert_eq!(plan.next(hours), Next::Idle, "it would lose at once what it has waited for");
}

#[test]
fn with_less_room_what_runs_goes_on_and_nobody_is_asked_to_pause_in_vain() {
    let mut plan = plan(2, None);
    for job in [1, 2] {
        plan.enqueue(Waiting { interruptible: true, ..waiting(job, Priority::Medium, 1) });
    }
    assert_eq!(drain(&mut plan, 1), [1, 2]);
    plan.enqueue(waiting(3, Priority::Urgent, 2));
    // An instance drains: one that lets go would make room for nobody.
    plan.set_capacity(1);
    assert_eq!(plan.next(Timestamp(2)), Next::Idle);
    assert!(plan.release(attempt(1), Verdict::Good, Timestamp(3)));
    assert!(matches!(plan.next(Timestamp(3)), Next::Preempt { .. }));
    // Another comes.
    plan.set_capacity(2);
    assert_eq!(drain(&mut plan, 3), [3]);
}
