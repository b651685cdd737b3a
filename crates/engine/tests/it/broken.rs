//! Each invariant notices the damage that it is there for: a job is put into a good state, then broken by hand.

use engine::{
    command::Outcome,
    ids::{AttemptId, Timestamp},
    invariants::{Rule, check},
    job::{AttemptEnd, End, Job, JobState, PhaseStatus, RunRef, RunResult, RunState},
    payload::Payload,
};
use uuid::Uuid;

use crate::told::Told;

const PIPELINE: &str = "name='p'\n[[phase]]\nid='one'\nservice='s'\n[[phase]]\nid='two'\nservice='s'\nafter=['one']\n[[loop]]\nid='l'\nphases=['two']\nuntil='true'\nmax=2";

type Damage = fn(&mut Job);

/// Under way: `one` is done, `two` has an attempt.
fn job() -> Told {
    let mut told = Told::new(PIPELINE);
    for line in ["start", "grant one", "ok one", "grant two"] {
        told.line(line);
    }
    told
}

fn first(job: &Job) -> AttemptId {
    *job.attempts.keys().next().expect("an attempt")
}

#[test]
fn each_rule_notices_its_damage() {
    let damages: [(Rule, Damage); 14] = [
        (Rule::OneOutcome, |job| {
            let (output, stats) = (Payload::null(), Payload::null());
            job.phases[0].runs[0].state = RunState::Succeeded(RunResult { output, stats, reused_from: None });
        }),
        (Rule::OneOutcome, |job| {
            let outcome = Outcome::Success {
                output: Payload::from_value(&serde_json::json!({})),
                stats: Payload::from_value(&serde_json::json!({})),
            };
            let mut again = job.attempts[&first(job)];
            again.over = Some(AttemptEnd::Reported(outcome.digest()));
            job.attempts.insert(AttemptId(Uuid::from_u128(77)), again);
        }),
        (Rule::JoinSatisfied, |job| job.phases[0].status = PhaseStatus::Failed),
        (Rule::JoinSatisfied, |job| job.phases[0].status = PhaseStatus::Pending),
        (Rule::OneAttempt, |job| {
            let attempt = first(job);
            job.attempts.get_mut(&attempt).expect("it").over = None;
        }),
        (Rule::Slots, |job| job.live_attempts = 0),
        (Rule::Slots, |job| job.attempts.values_mut().for_each(|record| record.over = None)),
        (Rule::NamedWait, |job| {
            job.phases[1].runs[0].state = RunState::Stopped;
            job.deadlines.clear();
        }),
        (Rule::Deadlines, |job| job.deadlines.clear()),
        (Rule::Deadlines, |job| {
            job.deadlines.insert((Timestamp(5), RunRef { phase: engine::ids::PhaseIndex(0), item: 0 }));
        }),
        (Rule::Settled, |job| job.phases[0].status = PhaseStatus::Active),
        (Rule::Bounded, |job| job.phases[1].runs[0].attempts = 4),
        (Rule::Over, |job| job.state = JobState::Ended { end: End::Complete, at: Timestamp(0) }),
        (Rule::Counters, |job| job.phases[0].settled = 0),
    ];
    for (number, (rule, damage)) in damages.into_iter().enumerate() {
        let told = job();
        let mut job = told.job.clone().expect("a job");
        assert_eq!(check(&told.pipeline, &job), []);
        damage(&mut job);
        let found: Vec<Rule> = check(&told.pipeline, &job).iter().map(|violation| violation.rule).collect();
        assert!(found.contains(&rule), "damage {number}: {rule:?} is not among {found:?}");
    }
}
