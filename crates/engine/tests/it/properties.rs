//! Whatever is thrown at a job, it stays whole; and when everything succeeds, it ends.

use std::collections::BTreeSet;

use engine::{
    command::{Command, Now, Outcome, ProbeFinding, Refusal, Start},
    decide,
    event::EventKind,
    ids::{AttemptId, JobId, Name, PhaseIndex, Timestamp},
    job::{RunError, RunRef, RunState},
    payload::Payload,
    pipeline::Pipeline,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::told::Told;

/// Pipelines of every shape, small.
const PIPELINES: [&str; 5] = [
    "name='a'\n[[phase]]\nid='one'\nservice='s'\n[[phase]]\nid='two'\nservice='s'\nafter=['one']\ninterruptible=true\n[[phase]]\nid='three'\nservice='s'\nafter=['one']\n[[phase]]\nid='four'\nservice='s'\nafter=['two','three']",
    "name='b'\n[[phase]]\nid='one'\nservice='s'\n[[phase]]\nid='two'\nservice='s'\nmap={over='[1,2,3]',parallel=2,on_error='continue'}\nafter=['one']\n[[phase]]\nid='three'\nservice='s'\nafter=['two']\n[[phase]]\nid='oops'\non='failure'\nservice='s'",
    "name='c'\n[[phase]]\nid='one'\nservice='s'\n[[phase]]\nid='two'\nservice='s'\nafter=['one']\n[[phase]]\nid='three'\nwait={signal='go',timeout='1h',on_timeout='continue'}\nafter=['two']\n[[loop]]\nid='round'\nphases=['one','two']\nuntil='two.turn >= 3'\nmax=5",
    "name='d'\nmode='manual'\n[[phase]]\nid='one'\nservice='s'\n[[phase]]\nid='two'\nservice='s'\n[[phase]]\nid='three'\nservice='s'\nafter=['one','two']\njoin='any'\nretry={attempts=2}",
    "name='e'\non_failure='cancel'\n[[phase]]\nid='one'\nservice='s'\nmap={over='[1,2,3]'}\n[[phase]]\nid='two'\nservice='s'\n[[phase]]\nid='three'\nservice='s'\nmap={over='[1,2]'}\nafter=['one']\n[[phase]]\nid='oops'\non='failure'\nservice='s'",
];

fn command(kind: u8, number: u8, attempt: u8) -> Command {
    let attempt = AttemptId(Uuid::from_u128(u128::from(attempt % 12) + 2));
    let run = RunRef { phase: PhaseIndex(u16::from(number % 3)), item: u32::from(number / 86) };
    let by: std::sync::Arc<str> = "prop".into();
    let payload = || Payload::from_value(&serde_json::json!({ "n": number % 2 }));
    match kind % 20 {
        0..=3 => Command::Grant { run, attempt },
        4..=6 => {
            Command::Report { attempt, outcome: Outcome::Success { output: payload(), stats: payload() } }
        }
        7 => Command::Report { attempt, outcome: Outcome::Failure { error: RunError::retryable("x", "y") } },
        8 => Command::Report { attempt, outcome: Outcome::Failure { error: RunError::permanent("x", "y") } },
        9 => Command::Refuse {
            attempt,
            refusal: Refusal::Busy { retry_after: std::time::Duration::from_secs(1) },
        },
        10 => Command::Accept { attempt },
        11 => Command::Silence { attempt },
        12 => Command::Probed { attempt, finding: ProbeFinding::Unknown },
        13 => Command::Preempt { attempt, by: JobId(Uuid::from_u128(1)) },
        14 => Command::PauseAnswered { attempt, checkpoint: payload() },
        15 => Command::Signal {
            name: Name::new(["go", "approve"][usize::from(number % 2)]).expect("a name"),
            payload: payload(),
            by,
        },
        16 => [Command::Pause { by: by.clone() }, Command::Resume { by }][usize::from(number % 2)].clone(),
        17 => [Command::Retry { by: by.clone() }, Command::Cancel { reason: "x".into(), by }]
            [usize::from(number.is_multiple_of(8))]
        .clone(),
        18 => Command::Rerun { from: run.phase, input: None, by },
        _ => Command::Tick,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No command in no state breaks a job: `Told` checks after each that live equals replayed, that counters and slots
    /// agree with the runs, and that a refusal changes nothing.
    #[test]
    fn nothing_breaks_a_job(
        which in 0..PIPELINES.len(),
        commands in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..60),
    ) {
        let mut told = Told::new(PIPELINES[which]);
        told.start("");
        for (kind, number, attempt) in commands {
            told.give(command(kind, number, attempt));
        }
    }

    /// With everything granted and every attempt a success, and time enough, a job ends or waits for a person.
    #[test]
    fn a_job_that_is_let_go_on_ends(which in 0..PIPELINES.len()) {
        let mut told = Told::new(PIPELINES[which]);
        told.start("");
        for _ in 0..20 {
            told.all();
            let by: std::sync::Arc<str> = "prop".into();
            for name in ["go", "approve"] {
                let name = Name::new(name).unwrap();
                told.give(Command::Signal { name, payload: Payload::null(), by: by.clone() });
            }
        }
        prop_assert!(told.job.as_ref().unwrap().has_ended(), "{}", told.text);
    }
}

/// Seen in a real process: of a retry whose pause was cut to nothing, at the very deadline of the attempt before, the new
/// deadline was taken for the old one and removed. The job hung.
#[test]
fn a_retry_without_a_pause_at_the_very_deadline_is_not_forgotten() {
    let text = "name='p'\n[[phase]]\nid='work'\nservice='s'\ntimeout='2s'\nretry={attempts=2,backoff='1ms'}";
    let pipeline = Pipeline::parse(text).expect("it is sound");
    let at = |millis| Now(Timestamp(millis));
    let run = RunRef { phase: PhaseIndex(0), item: 0 };
    let mut pauses = BTreeSet::new();
    for number in 0..200_u128 {
        let start = Start {
            job: JobId(Uuid::from_u128(number)),
            key: "k".into(),
            input: Payload::null(),
            priority: None,
            mode: None,
            traceparent: None,
            idempotency_key: None,
        };
        let (mut job, _) = decide::start(&pipeline, start, at(1_000)).expect("it starts");
        let attempt = AttemptId(Uuid::from_u128(number + 1_000));
        let mut command = |command, millis| {
            decide::decide(&pipeline, &mut job, command, at(millis)).expect("it may be done")
        };
        command(Command::Grant { run, attempt }, 1_000);
        for event in command(Command::Tick, 3_000) {
            if let EventKind::RetryScheduled { until, .. } = event.kind {
                pauses.insert(until.0 - 3_000);
            }
        }
        command(Command::Tick, 4_000);
        let state = &job.run(run).expect("it is there").state;
        assert!(matches!(state, RunState::Ready { .. }), "{number}: {state:?}");
    }
    assert!(pauses.contains(&0), "some pause is cut to nothing: {pauses:?}");
}
