//! Course runs as `scripts/record-runs` recorded them, replayed through the real engine to any moment of theirs.

use std::collections::BTreeMap;

use engine::{
    event::{Event, EventKind},
    ids::{AttemptId, JobId, Name, PhaseIndex, RunId, Timestamp},
    job::Job,
    payload::Payload,
    pipeline::{Mode, Pipeline},
};
use orchestrator::estimates::{
    learn::{Follower, Learning},
    path::{self, Left, Load, Surroundings},
    picture::Picture,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Slots of the course's services, as in services.toml.
const SLOTS: [(&str, u32); 7] = [
    ("translation", 4),
    ("extraction", 2),
    ("baskets", 15),
    ("grammar", 2),
    ("introductions", 4),
    ("manifest", 4),
    ("tts", 4),
];

/// The course's pipeline, as it is in the repository.
pub(crate) fn course() -> Pipeline {
    Pipeline::parse(include_str!("../../../../../pipelines/course.toml")).unwrap()
}

/// The same, changed.
pub(crate) fn course_with(change: impl Fn(&str) -> String) -> Pipeline {
    Pipeline::parse(&change(include_str!("../../../../../pipelines/course.toml"))).unwrap()
}

/// One run: its lines are `[milliseconds since its start, kind, …]`.
pub(crate) struct Recorded {
    pub(crate) number: u128,
    pub(crate) seeds: u64,
    lines: Vec<Vec<Value>>,
}

/// All runs of a file, one in a line.
pub(crate) fn read(text: &str) -> Vec<Recorded> {
    let run = |(number, line): (u128, &str)| {
        let run: Value = serde_json::from_str(line).unwrap();
        let lines = serde_json::from_value(run["events"].clone()).unwrap();
        Recorded { number, seeds: run["seeds"].as_u64().unwrap(), lines }
    };
    (0..).zip(text.lines()).map(run).collect()
}

/// A run up to a moment of it.
pub(crate) struct Replayed {
    job: Job,
    learning: Learning,
    said: BTreeMap<AttemptId, (f64, Timestamp)>,
}

impl Recorded {
    /// How long it took, in milliseconds.
    pub(crate) fn took(&self) -> u64 {
        self.lines.last().unwrap()[0].as_u64().unwrap()
    }

    /// Replays it up to a moment, into what was learned before.
    pub(crate) fn replay(&self, pipeline: &Pipeline, mut learning: Learning, until: u64) -> Replayed {
        let seeds: Vec<u8> = vec![0; usize::try_from(self.seeds).unwrap()];
        let started = EventKind::JobStarted {
            job: JobId(Uuid::from_u128(self.number)),
            pipeline: pipeline.name.clone(),
            definition: pipeline.hash,
            key: "k".into(),
            input: Payload::from_value(&json!({ "seeds": seeds })),
            priority: None,
            mode: Mode::Gated,
            traceparent: None,
            idempotency_key: None,
        };
        let mut job = engine::apply::create(pipeline, &Event { at: Timestamp(0), kind: started }).unwrap();
        let (mut follower, mut said, mut attempts) = (Follower::default(), BTreeMap::new(), BTreeMap::new());
        for line in self.lines.iter().take_while(|line| line[0].as_u64().unwrap() <= until) {
            let at = Timestamp(line[0].as_u64().unwrap());
            if line[1] == "p" {
                let share = line[3].as_f64().unwrap() / line[4].as_f64().unwrap();
                if let Some(attempt) = attempts.get(line[2].as_str().unwrap()) {
                    said.insert(*attempt, (share, at));
                }
                continue;
            }
            let event = Event { at, kind: kind(line, self.number, &mut attempts) };
            engine::apply::apply(pipeline, &mut job, &event).unwrap();
            follower
                .follow(pipeline, &job, &event)
                .iter()
                .for_each(|attempted| learning.attempted(attempted));
        }
        Replayed { job, learning, said }
    }
}

impl Replayed {
    /// What an orchestrator would have learned from it once it is over.
    pub(crate) fn learned(mut self, pipeline: &Pipeline) -> Learning {
        assert!(self.job.has_ended(), "the recording has no end");
        self.learning.job_ended(pipeline, &Picture::of(&self.job, |_| None), |_| "".into());
        self.learning
    }

    /// What an orchestrator would have said at that moment.
    pub(crate) fn left(&self, pipeline: &Pipeline, now: u64) -> Left {
        let picture = Picture::of(&self.job, |attempt| self.said.get(&attempt).copied());
        path::left(
            pipeline,
            &picture,
            &self.learning.known,
            &Alone(&self.learning, &self.job),
            Timestamp(now),
        )
    }
}

fn kind(line: &[Value], number: u128, attempts: &mut BTreeMap<String, AttemptId>) -> EventKind {
    let text = line.get(2).and_then(Value::as_str).unwrap_or_default();
    let run = || text.parse::<RunId>().unwrap();
    let phase = || Name::try_from(text.to_owned()).unwrap();
    match line[1].as_str().unwrap() {
        "r" => EventKind::RunReady { run: run(), item: None, coalesce: None, breaker: None },
        "m" => {
            let items = vec![Payload::null(); usize::try_from(line[3].as_u64().unwrap()).unwrap()];
            EventKind::MapExpanded {
                phase: phase(),
                turn: 1,
                items,
                coalesce: Vec::new(),
                breaker: Vec::new(),
            }
        }
        "s" => {
            let attempt = AttemptId(Uuid::from_u128((number << 32) + attempts.len() as u128));
            attempts.insert(text.to_owned(), attempt);
            EventKind::AttemptStarted { run: run(), attempt, number: 1, deadline: Timestamp(u64::MAX) }
        }
        "d" => EventKind::AttemptSucceeded {
            run: run(),
            attempt: attempts[text],
            output: Payload::null(),
            stats: Payload::from_value(&line[3]),
        },
        "t" => EventKind::PhaseSucceeded { phase: phase(), turn: 1 },
        "end" => EventKind::JobCompleted,
        other => panic!("the recording has a line of kind {other}"),
    }
}

/// The course's services with nobody else at them.
struct Alone<'a>(&'a Learning, &'a Job);

impl Surroundings for Alone<'_> {
    fn load(&self, service: &Name) -> Option<Load> {
        let (_, capacity) = *SLOTS.iter().find(|(name, _)| *service == **name)?;
        let running = self.1.live_attempts as usize;
        Some(Load { version: "".into(), capacity, running, queued: 0, stopped: false })
    }

    fn ahead(&self, _: &Name, _: JobId, _: engine::job::RunRef) -> Option<usize> {
        Some(0)
    }

    fn begun(&self, job: JobId, phase: PhaseIndex, turn: u32) -> Option<Timestamp> {
        self.0.begun(job, phase, turn)
    }
}
