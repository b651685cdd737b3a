//! The judge of histories finds what it is there for: it must not pass because it looks away.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    command::{Command, Now, Rejection, Start},
    decide,
    event::Event,
    ids::{JobId, Timestamp},
    job::Job,
    payload::Payload,
    pipeline::Pipeline,
};
use journal::{Batch, Position};
use orchestrator::core::{CommandError, Reply, Started};
use simulator::{
    history::{Asked, History, Told},
    pipelines,
    witness::Witness,
};
use uuid::Uuid;

const JOB: JobId = JobId(Uuid::from_u128(1));

fn cancel() -> Command {
    Command::Cancel { reason: "enough".into(), by: "somebody".into() }
}

fn commit(witness: &mut Witness, job: &Job, events: &[Event]) {
    let bytes = events.iter().map(|event| serde_json::to_vec(event).unwrap().into()).collect();
    let expected = job.events - events.len() as u64;
    witness.commit(&Batch { job: JOB, expected, events: bytes, index: None });
}

/// A job that was started (step 1) and cancelled (step 2).
fn started_and_cancelled() -> (Witness, usize) {
    let all: Vec<Arc<Pipeline>> = pipelines::all();
    let mut witness = Witness::new(&all, BTreeMap::new());
    let start = Start {
        job: JOB,
        key: "k".into(),
        input: Payload::null(),
        priority: None,
        mode: None,
        traceparent: None,
        idempotency_key: None,
    };
    let (mut job, events) = decide::start(&all[0], start, Now(Timestamp(5))).unwrap();
    commit(&mut witness, &job, &events);
    let events = decide::decide(&all[0], &mut job, cancel(), Now(Timestamp(9))).unwrap();
    commit(&mut witness, &job, &events);
    assert!(witness.violations.is_empty(), "{:?}", witness.violations);
    (witness, events.len())
}

fn is_explained(asked: Asked, from: u64, until: u64, told: Told) -> bool {
    let (witness, _) = started_and_cancelled();
    let mut history = History::default();
    let call = history.ask(JOB, asked, from, 0);
    history.tell(call, until, told);
    history.judge(&witness).is_empty()
}

fn done(events: usize) -> Told {
    Told::Command(Ok(Reply { events, position: Some(Position(2)) }))
}

#[test]
fn what_was_answered_before_it_was_durable_is_found() {
    let (_, events) = started_and_cancelled();
    assert!(is_explained(Asked::Command(cancel()), 1, 2, done(events)));
    assert!(!is_explained(Asked::Command(cancel()), 1, 1, done(events)), "it was not durable then");
    assert!(!is_explained(Asked::Command(cancel()), 2, 2, done(events)), "it happened before it was asked");
    let unplaced = Told::Command(Ok(Reply { events, position: None }));
    assert!(!is_explained(Asked::Command(cancel()), 1, 2, unplaced));
    assert!(is_explained(Asked::Start, 0, 1, Told::Start(Ok(Started::New(JOB)))));
    assert!(!is_explained(Asked::Start, 0, 0, Told::Start(Ok(Started::New(JOB)))));
}

#[test]
fn a_refusal_that_nothing_durable_explains_is_found() {
    let (_, events) = started_and_cancelled();
    let refused =
        |state| Told::Command(Err(CommandError::Rejected(Rejection::NotNow { command: "pause", state })));
    let pause = || Asked::Command(Command::Pause { by: "somebody".into() });
    assert!(is_explained(pause(), 1, 2, refused("cancelled")));
    assert!(!is_explained(pause(), 1, 1, refused("cancelled")));
    assert!(!is_explained(pause(), 1, 2, refused("complete")));
    assert!(!is_explained(pause(), 1, 2, done(events)), "a pause is no cancel");
}
