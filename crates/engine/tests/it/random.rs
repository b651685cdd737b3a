//! Random pipelines in a random world: services that fail, are busy or fall silent, people who pause, cancel, retry and run
//! again. Then the faults stop, time goes on, and every job must come to its end.
//!
//! [`Told`] checks after each decision that all invariants hold, that live equals replayed, that a snapshot is the job, and
//! that exactly the slots of attempts that are over were freed.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use engine::{
    command::{Command, Outcome, ProbeFinding, Refusal},
    effect::queueable,
    event::{EventKind, Heal},
    ids::{AttemptId, JobId, Name, PhaseIndex, Priority},
    job::{JobState, RunError},
    payload::Payload,
    pipeline::Pipeline,
};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use uuid::Uuid;

use crate::told::Told;

/// A phase as numbers; [`text`] makes TOML of it.
#[derive(Debug, Clone)]
struct Shape {
    after: u8,
    join: u8,
    kind: u8,
    extra: u8,
    failure: bool,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (any::<u8>(), 0..8u8, 0..10u8, any::<u8>(), prop::bool::weighted(0.15));
    let shape =
        shape.prop_map(|(after, join, kind, extra, failure)| Shape { after, join, kind, extra, failure });
    prop::collection::vec(shape, 1..8)
}

/// For each phase, those before it: earlier ones of its kind.
fn arrows(shapes: &[Shape]) -> Vec<Vec<usize>> {
    let before = |number: usize| {
        let shape = &shapes[number];
        let chosen = |earlier: &usize| {
            shape.after >> (earlier % 8) & 1 == 1 && shapes[*earlier].failure == shape.failure
        };
        (0..number).filter(chosen).collect()
    };
    (0..shapes.len()).map(before).collect()
}

/// The pipeline's text. Always a good one: a loop holds one phase, or two of which the second follows the first alone, so
/// that it can't have a hole.
fn text(shapes: &[Shape], settings: u8) -> String {
    let mut text = String::from("name='random'\n");
    let mode = ["full", "gated", "manual"][usize::from(settings % 3)];
    let on_failure = ["finish", "cancel"][usize::from(settings / 3 % 2)];
    let _ = writeln!(text, "mode='{mode}'\non_failure='{on_failure}'");
    let arrows = arrows(shapes);
    for (number, shape) in shapes.iter().enumerate() {
        let after = &arrows[number];
        let _ = writeln!(text, "[[phase]]\nid='p{number}'");
        let names: Vec<String> = after.iter().map(|earlier| format!("'p{earlier}'")).collect();
        let _ = writeln!(text, "after=[{}]", names.join(","));
        match shape.join {
            0 | 1 if !after.is_empty() => text.push_str("join='any'\n"),
            2 if after.len() > 1 => text.push_str("join=2\n"),
            _ => {}
        }
        if shape.failure {
            text.push_str("on='failure'\n");
        }
        let next = (number + 1..shapes.len()).find(|&later| arrows[later].contains(&number));
        work(&mut text, shape, after, next);
    }
    loops(&mut text, shapes, &arrows);
    text
}

fn loops(text: &mut String, shapes: &[Shape], arrows: &[Vec<usize>]) {
    let mut last_in_loop = None;
    for (number, shape) in shapes.iter().enumerate() {
        if shape.failure || shape.extra < 170 {
            continue;
        }
        let pair = number > 0 && arrows[number] == [number - 1] && last_in_loop != Some(number - 1);
        let phases = if pair { format!("'p{}','p{number}'", number - 1) } else { format!("'p{number}'") };
        let on_max = ["fail", "continue"][number % 2];
        let _ = writeln!(text, "[[loop]]\nid='l{number}'\nphases=[{phases}]\nuntil='p{number}.turn >= 3'");
        let _ = writeln!(text, "max={}\non_max='{on_max}'", 2 + number % 3);
        last_in_loop = Some(number);
    }
}

fn work(text: &mut String, shape: &Shape, after: &[usize], next: Option<usize>) {
    let extra = shape.extra;
    if shape.kind >= 8 {
        let then = match (extra % 3, next) {
            (0, Some(next)) => format!("{{goto='p{next}'}}"),
            (1, _) => "'fail'".to_owned(),
            _ => "'continue'".to_owned(),
        };
        let _ = writeln!(text, "wait={{signal='go',timeout='1h',on_timeout={then}}}");
    } else {
        let _ = writeln!(text, "service='s{}'\nretry={{attempts={}}}", extra % 2, 1 + extra % 3);
        let _ = writeln!(text, "interruptible={}", extra.is_multiple_of(4));
    }
    match shape.kind {
        0 => text.push_str("map={over='[1,2,3]',parallel=2}\n"),
        1 => text.push_str("map={over='[1,null,3]',on_error='continue'}\n"),
        2 => text.push_str("map={over='input.list'}\n"),
        3 => text.push_str("gate='input.good'\n"),
        4 => text.push_str("when='!input.good'\n"),
        5 => text.push_str("coalesce={key='string(input.list)',every='1s'}\n"),
        6 if !after.is_empty() => {
            let _ = writeln!(text, "when='!p{}.skipped'", after[0]);
        }
        _ => {}
    }
}

/// What the world does next, by a byte, to some attempt that is under way.
fn of_attempt(byte: u8, attempt: AttemptId) -> Command {
    let payload = || Payload::from_value(&serde_json::json!({ "n": byte }));
    let failure = |error: RunError| Command::Report { attempt, outcome: Outcome::Failure { error } };
    match byte % 12 {
        0..=3 => {
            Command::Report { attempt, outcome: Outcome::Success { output: payload(), stats: payload() } }
        }
        4 => failure(RunError::retryable("x", "y")),
        5 if byte > 128 => failure(RunError::permanent("x", "y")),
        6 => Command::Refuse {
            attempt,
            refusal: Refusal::Busy { retry_after: std::time::Duration::from_secs(1) },
        },
        7 => Command::Silence { attempt },
        8 => Command::Probed { attempt, finding: ProbeFinding::NoAnswer },
        9 => Command::Probed { attempt, finding: ProbeFinding::Unknown },
        10 => Command::Preempt { attempt, by: JobId(Uuid::from_u128(1)) },
        11 => Command::PauseAnswered { attempt, checkpoint: payload() },
        12 => Command::PauseRefused { attempt },
        13 => Command::Beat { attempt },
        _ => Command::Accept { attempt },
    }
}

fn of_people(byte: u8, phases: usize) -> Command {
    let by: std::sync::Arc<str> = "prop".into();
    match byte % 10 {
        9 => Command::SetPriority { priority: Priority::Low, by },
        0 => Command::Pause { by },
        1 | 2 => Command::Resume { by },
        3 => Command::Retry { by },
        4 => Command::Rerun {
            from: PhaseIndex(u16::try_from(usize::from(byte / 10) % phases).unwrap()),
            input: None,
            by,
        },
        5 if byte > 200 => Command::Cancel { reason: "x".into(), by },
        6 => Command::Signal { name: Name::new("approve").unwrap(), payload: Payload::null(), by },
        _ => Command::Signal { name: Name::new("go").unwrap(), payload: Payload::null(), by },
    }
}

fn live(told: &Told) -> Vec<AttemptId> {
    let job = told.job.as_ref().unwrap();
    job.attempts.iter().filter(|(_, record)| record.over.is_none()).map(|(attempt, _)| *attempt).collect()
}

/// One thing happens, as two bytes say.
fn happens(told: &mut Told, kind: u8, byte: u8) {
    let ready = queueable(&told.pipeline, told.job.as_ref().unwrap());
    let live = live(told);
    match kind % 10 {
        0..=3 if !ready.is_empty() => {
            let run = ready[usize::from(byte) % ready.len()];
            let attempt = told.attempt();
            assert!(told.give(Command::Grant { run, attempt }));
        }
        4 if !ready.is_empty() => {
            let run = ready[usize::from(byte) % ready.len()];
            let (output, stats) = (Payload::null(), Payload::null());
            told.give(match byte % 3 {
                0 => Command::Supersede { run },
                1 => Command::Adopt { run, output, stats, by: "ann".into() },
                _ => Command::Reuse { run, from: JobId(Uuid::from_u128(2)), output, stats },
            });
        }
        9 => {
            told.give(of_people(byte, told.pipeline.phases.len()));
        }
        7 if !live.is_empty() => {
            let attempt = live[usize::from(byte) % live.len()];
            told.give(Command::Accept { attempt });
            told.give(Command::Preempt { attempt, by: JobId(Uuid::from_u128(1)) });
        }
        8 => pass_time(told, u64::from(byte) * 1000),
        _ if !live.is_empty() => {
            told.give(of_attempt(byte, live[usize::from(byte / 16) % live.len()]));
        }
        _ => pass_time(told, 100),
    }
}

fn pass_time(told: &mut Told, millis: u64) {
    told.now += millis;
    told.give(Command::Tick);
}

/// No more faults: all that waits for a slot gets one and succeeds, deadlines come. Where nothing of that is left, the job
/// must be over.
fn let_it_end(told: &mut Told) {
    if matches!(told.job.as_ref().unwrap().state, JobState::Paused { .. }) {
        told.give(Command::Resume { by: "prop".into() });
    }
    for _ in 0..500 {
        told.all();
        for attempt in live(told) {
            let outcome = Outcome::Success { output: Payload::null(), stats: Payload::null() };
            told.give(Command::Report { attempt, outcome });
        }
        let job = told.job.as_ref().unwrap();
        match job.next_deadline() {
            Some(at) => {
                told.now = told.now.max(at.0);
                told.give(Command::Tick);
            }
            None if queueable(&told.pipeline, job).is_empty() => break,
            None => {}
        }
    }
}

/// What the events of a whole life must show: nothing begins or succeeds twice, and no run is tried more often than it may
/// between two times that somebody asked for more.
fn lived_well(pipeline: &Pipeline, told: &Told) {
    let mut once: BTreeMap<String, u32> = BTreeMap::new();
    let mut failures: BTreeMap<String, u32> = BTreeMap::new();
    for event in &told.events {
        let key = match &event.kind {
            EventKind::MapExpanded { phase, turn, .. } => format!("map {phase}#{turn}"),
            EventKind::PhaseSucceeded { phase, turn } => format!("phase {phase}#{turn}"),
            EventKind::PhaseSkipped { phase, turn, .. } => format!("skipped {phase}#{turn}"),
            EventKind::AttemptSucceeded { run, .. } | EventKind::RunReused { run, .. } => {
                format!("run {run}")
            }
            EventKind::AttemptHealed { by: Heal::Reoffered, .. } => continue,
            EventKind::AttemptFailed { run, .. } => {
                let count = failures.entry(run.to_string()).or_default();
                *count += 1;
                let phase = pipeline.phase(pipeline.find(run.phase.as_str()).unwrap());
                let allowed = phase.service().unwrap().retry.attempts;
                assert!(*count <= allowed, "{run} failed {count} times of {allowed}\n{}", told.text);
                continue;
            }
            EventKind::JobRetried { .. } | EventKind::JobRerun { .. } => {
                failures.clear();
                continue;
            }
            _ => continue,
        };
        let count = once.entry(key.clone()).or_default();
        *count += 1;
        assert_eq!(*count, 1, "{key} happened twice\n{}", told.text);
    }
}

/// One life from its start to its end; the kinds of events in it.
fn life(shapes: &[Shape], settings: u8, input: u8, happenings: &[(u8, u8)]) -> BTreeSet<&'static str> {
    let text = text(shapes, settings);
    let mut told = Told::new(&text);
    let list = [serde_json::json!([1, 2]), serde_json::json!([]), serde_json::json!("no list")];
    let input = serde_json::json!({ "good": input.is_multiple_of(2), "list": list[usize::from(input) % 3] });
    told.start(&input.to_string());
    for (kind, byte) in happenings {
        happens(&mut told, *kind, *byte);
    }
    let_it_end(&mut told);
    let job = told.job.as_ref().unwrap();
    assert!(job.has_ended(), "it does not end\n{text}\n{}", told.text);
    assert!(job.live_attempts == 0 && job.deadlines.is_empty(), "it holds something\n{}", told.text);
    lived_well(&told.pipeline, &told);
    told.events.iter().map(|event| event.kind.name()).collect()
}

#[test]
fn every_job_ends_once_the_faults_are_gone() {
    let kinds = RefCell::new(BTreeMap::<&str, u32>::new());
    let happenings = prop::collection::vec((any::<u8>(), any::<u8>()), 0..80);
    let lives = (shapes(), any::<u8>(), 0..4u8, happenings);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // The same lives each time; `PROPTEST_CASES=20000` lives more of them.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&lives, |(shapes, settings, input, happenings)| {
        for kind in life(&shapes, settings, input, &happenings) {
            *kinds.borrow_mut().entry(kind).or_default() += 1;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // Lives that show little prove little: all that can happen did happen to several.
    let kinds = kinds.into_inner();
    let rare: Vec<_> = kinds.iter().filter(|(_, lives)| **lives < 3).collect();
    assert!(kinds.len() >= 38 && rare.is_empty(), "{} kinds of events; too rare are {rare:?}", kinds.len());
}
