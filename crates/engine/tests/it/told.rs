//! Tells a story: a pipeline, then a command a line. The one place that touches the engine's API.
//!
//! `start {input}`, `grant RUN`, `accept RUN`, `ok RUN [output]`, `fail RUN code[!]` (`!`: permanent), `again RUN` (the last
//! callback of the run once more), `busy RUN 5s`, `refuse RUN code`, `silence RUN`, `beat RUN`, `probe RUN unknown|working|none`, `preempt RUN`,
//! `checkpoint RUN {…}`, `no-pause RUN`, `supersede RUN`, `reuse RUN output`, `adopt RUN output`, `tick 5s`, `signal NAME {…}`, `artifact NAME`,
//! `cancel`, `pause`, `resume`, `retry`, `rerun PHASE [input]`, `priority WORD`, `all` (grant and complete all that is
//! ready), `why`, `sees RUN`, `urgency`.

use std::{fmt::Write as _, sync::Arc};

use engine::{
    apply,
    command::{Command, Now, Outcome, ProbeFinding, Refusal, Rejection, Start},
    decide::{DecideError, decide, start, state_name},
    effect::{Effect, effects, queueable},
    event::{Event, EventKind},
    ids::{AttemptId, JobId, Name, RunId, Timestamp},
    invariants,
    job::{Artifact, Job, RunError, RunRef, RunState},
    payload::Payload,
    pipeline::{Pipeline, duration},
    plan::Blocked,
    priority::priority,
    values::upstream,
    why::{Cause, why},
};
use uuid::Uuid;

use crate::fleet::Fleet;

/// A story as it is being told.
pub(crate) struct Told {
    pub(crate) pipeline: Pipeline,
    pub(crate) job: Option<Job>,
    pub(crate) events: Vec<Event>,
    pub(crate) text: String,
    pub(crate) now: u64,
    next_attempt: u128,
    last: Vec<(RunRef, AttemptId, Outcome)>,
    refused: Option<Rejection>,
    about: Option<AttemptId>,
    replayed: Option<Job>,
    stored: usize,
    fleets: [Fleet; 2],
    decisions: usize,
}

/// What came of a command.
pub(crate) enum Cell {
    /// These events.
    Done(Vec<&'static str>),
    /// A code and what it says.
    Refused(&'static str, String),
}

/// Tells a whole story.
pub(crate) fn tell(story: &str) -> Told {
    let (pipeline, commands) = story.split_once("\n---\n").expect("a line --- after the pipeline");
    let mut told = Told::new(pipeline);
    for line in commands.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        told.line(line);
    }
    told
}

impl Told {
    pub(crate) fn new(pipeline: &str) -> Self {
        let pipeline = Pipeline::parse(pipeline).unwrap_or_else(|error| panic!("{error}"));
        let text = String::new();
        Self {
            pipeline,
            job: None,
            events: Vec::new(),
            text,
            now: 0,
            next_attempt: 1,
            last: Vec::new(),
            refused: None,
            about: None,
            replayed: None,
            stored: 0,
            fleets: [Fleet::default(), Fleet::default()],
            decisions: 0,
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "> {line}");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "start" => self.start(rest),
            "tick" => {
                self.now += u64::try_from(duration::parse(rest).expect(line).as_millis()).expect(line);
                self.give(Command::Tick);
            }
            "all" => self.all(),
            "why" => self.why(rest),
            "sees" => self.sees(rest),
            "urgency" => self.urgency(),
            "again" => {
                let at = self.at(rest);
                let (_, attempt, outcome) =
                    self.last.iter().rev().find(|last| last.0 == at).expect(line).clone();
                self.give(Command::Report { attempt, outcome });
            }
            _ => {
                let command = self.command(word, rest);
                self.give(command);
            }
        }
        let job = self.job.as_ref().expect("start first");
        let _ = writeln!(self.text, "  = {}", state_name(job));
    }

    /// Why the job is not moving, as a tree; `why SERVICE JOB` says whose slots of a service are taken.
    fn why(&mut self, rest: &str) {
        let job = self.job.as_ref().expect("start first");
        let (taken, holder) = rest.split_once(' ').unwrap_or((rest, ""));
        let plan = |service: &Name, _: RunRef| {
            let by: Vec<JobId> = holder.parse().map(|job| JobId(Uuid::from_u128(job))).into_iter().collect();
            (service.as_str() == taken).then_some(Blocked::Capacity { by, ahead: 2 })
        };
        for cause in why(&self.pipeline, job, &plan) {
            tree(&mut self.text, &cause, 1);
        }
    }

    /// How urgent everything is that waits for a slot or has one.
    fn urgency(&mut self) {
        let job = self.job.as_ref().expect("start first");
        for (at, _) in job.open_runs() {
            let urgent = priority(&self.pipeline, job, at.phase).as_str();
            let _ = writeln!(self.text, "  {} is {urgent}", job.run_id(&self.pipeline, at));
        }
    }

    /// What the start request of a run carries.
    fn sees(&mut self, run: &str) {
        let at = self.at(run);
        let job = self.job.as_ref().expect("start first");
        let item = job.run(at).and_then(|run| run.item.as_ref()).map_or("none", |item| item.get());
        let _ = writeln!(self.text, "  input {}, item {item}", job.input.get());
        for one in upstream(&self.pipeline, job, at.phase) {
            let (output, stats) = (one.output.get(), one.stats.get());
            let _ = writeln!(self.text, "  from {}: {output}, stats {stats}", one.phase);
        }
    }

    /// One more line, and what came of it.
    pub(crate) fn cell(&mut self, line: &str) -> Cell {
        let known = self.events.len();
        self.refused = None;
        self.line(line);
        match self.refused.take() {
            Some(rejection) => Cell::Refused(rejection.code(), rejection.to_string()),
            None => Cell::Done(self.events[known..].iter().map(|event| event.kind.name()).collect()),
        }
    }

    /// The same, said of the first attempt that there was, whatever has become of it.
    pub(crate) fn of_first_attempt(&mut self, line: &str) -> Cell {
        self.about = self.job.as_ref().and_then(|job| job.attempts.keys().next()).copied();
        self.cell(line)
    }

    pub(crate) fn start(&mut self, input: &str) {
        let input = Payload::from_text(if input.is_empty() { "{}" } else { input }.to_owned()).expect("JSON");
        let begin = Start {
            job: JobId(Uuid::from_u128(7)),
            key: "story".into(),
            input,
            priority: None,
            mode: None,
            traceparent: None,
            idempotency_key: None,
        };
        let (job, events) = start(&self.pipeline, begin, Now(Timestamp(self.now))).expect("it starts");
        self.job = Some(job);
        self.note(events);
    }

    /// Gives a command; what came of it is printed, and checked against a replay of everything so far.
    pub(crate) fn give(&mut self, command: Command) -> bool {
        let job = self.job.as_mut().expect("start first");
        let before = job.clone();
        if let Command::Report { attempt, outcome } = &command
            && let Some((at, _)) = job.live_attempt(*attempt)
        {
            self.last.push((at, *attempt, outcome.clone()));
        }
        let taken = match &command {
            Command::Grant { run, .. }
            | Command::Supersede { run }
            | Command::Reuse { run, .. }
            | Command::Adopt { run, .. } => Some(*run),
            _ => None,
        };
        match decide(&self.pipeline, job, command, Now(Timestamp(self.now))) {
            Ok(events) => {
                if let Some(run) = taken {
                    self.fleets.iter_mut().for_each(|fleet| fleet.taken(run));
                }
                self.note(events);
                self.slots_are_freed(&before);
                true
            }
            Err(DecideError::Rejected(rejection)) => {
                assert_eq!(*job, before, "a rejection changes nothing");
                let _ = writeln!(self.text, "  refused: {rejection}");
                self.refused = Some(rejection);
                false
            }
            Err(DecideError::Illegal(illegal)) => panic!("{illegal}\n{}", self.text),
        }
    }

    fn note(&mut self, events: Vec<Event>) {
        let job = self.job.as_ref().expect("a job");
        for event in &events {
            let json = serde_json::to_value(&event.kind).expect("JSON");
            let body = json
                .as_object()
                .map_or_else(String::new, |map| map.values().map(ToString::to_string).collect());
            let _ =
                writeln!(self.text, "  {} {}", event.kind.name(), body.chars().take(160).collect::<String>());
            for effect in effects(&self.pipeline, job, event) {
                let _ = writeln!(self.text, "    → {}", effect.name());
            }
        }
        self.events.extend(events);
        let violations = invariants::check(&self.pipeline, job);
        assert!(violations.is_empty(), "{violations:#?}\n{}", self.text);
        self.crash_anywhere();
        self.leave_memory();
        self.fleets_know();
    }

    /// The services' plans hear of what waits: where each decision is a round of its own, and where three make one.
    fn fleets_know(&mut self) {
        let job = self.job.as_ref().expect("a job");
        self.decisions += 1;
        for (fleet, decisions) in self.fleets.iter_mut().zip([1, 3]) {
            if self.decisions.is_multiple_of(decisions) {
                fleet.round(&self.pipeline, job, &self.events);
                let wrong = fleet.wrong(&self.pipeline, job);
                assert!(
                    wrong.is_empty(),
                    "the queues of {decisions} are wrong about {wrong:?}\n{}",
                    self.text
                );
            }
        }
    }

    /// Slots are told of: the decision freed those of the attempts that are over with it, each once, and no other.
    fn slots_are_freed(&self, before: &Job) {
        let job = self.job.as_ref().expect("a job");
        let decided = &self.events[usize::try_from(before.events).expect("few events")..];
        let started = decided.iter().filter_map(|event| match event.kind {
            EventKind::AttemptStarted { attempt, .. } => Some(attempt),
            _ => None,
        });
        let mut over: Vec<AttemptId> = live(before).chain(started).collect();
        over.retain(|attempt| job.live_attempt(*attempt).is_none());
        let told = decided.iter().flat_map(|event| effects(&self.pipeline, job, event));
        let mut freed: Vec<AttemptId> = told
            .filter_map(|effect| match effect {
                Effect::FreeSlot { attempt, .. } => Some(attempt),
                _ => None,
            })
            .collect();
        freed.sort();
        over.sort();
        assert_eq!(freed, over, "the slots freed are those of the attempts that are over\n{}", self.text);
    }

    /// The job leaves memory after every decision and comes back: a story goes on from what its snapshot holds.
    fn leave_memory(&mut self) {
        let snapshot = self.job.as_ref().expect("a job").to_snapshot();
        let back = Job::from_snapshot(&snapshot).expect("it reads back");
        assert_eq!(Some(&back), self.job.as_ref(), "a snapshot is the job\n{}", self.text);
        self.job = Some(back);
    }

    /// After each event a crash: what was durable by then gives a job, and all of it gives the job that lives.
    fn crash_anywhere(&mut self) {
        for event in &self.events[self.stored..] {
            let line = serde_json::to_string(event).expect("JSON");
            let event: Event = serde_json::from_str(&line).expect("reads back");
            match &mut self.replayed {
                None => self.replayed = Some(apply::create(&self.pipeline, &event).expect("a start")),
                Some(job) => apply::apply(&self.pipeline, job, &event).expect("it fits"),
            }
        }
        self.stored = self.events.len();
        assert_eq!(self.replayed, self.job, "live and replayed differ\n{}", self.text);
    }

    /// Grants and completes whatever is ready, until nothing is.
    pub(crate) fn all(&mut self) {
        loop {
            let job = self.job.as_ref().expect("a job");
            let Some(run) = queueable(&self.pipeline, job).first().copied() else { return };
            let attempt = self.attempt();
            assert!(self.give(Command::Grant { run, attempt }), "what may be queued may be granted");
            let output = Payload::from_value(&serde_json::json!({ "n": self.next_attempt.to_string() }));
            let outcome = Outcome::Success { output, stats: Payload::from_value(&serde_json::json!({})) };
            self.give(Command::Report { attempt, outcome });
        }
    }

    pub(crate) fn attempt(&mut self) -> AttemptId {
        self.next_attempt += 1;
        AttemptId(Uuid::from_u128(self.next_attempt))
    }

    fn at(&self, run: &str) -> RunRef {
        let run: RunId = run.parse().unwrap_or_else(|_| panic!("{run} is no run"));
        let job = self.job.as_ref().expect("a job");
        let phase = self.pipeline.find(run.phase.as_str()).unwrap_or_else(|| panic!("no phase {run}"));
        job.run_ref(&self.pipeline, &run).unwrap_or_else(|| RunRef { phase, item: run.item.unwrap_or(0) })
    }

    fn command(&mut self, word: &str, rest: &str) -> Command {
        let by: Arc<str> = "ann".into();
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let payload = |text: &str| {
            Payload::from_text(if text.is_empty() { "{}" } else { text }.to_owned()).expect("JSON")
        };
        match word {
            "grant" => Command::Grant { run: self.at(first), attempt: self.attempt() },
            "supersede" => Command::Supersede { run: self.at(first) },
            "reuse" => {
                let (from, output) = (JobId(Uuid::from_u128(3)), payload(more));
                Command::Reuse { run: self.at(first), from, output, stats: payload("") }
            }
            "adopt" => Command::Adopt { run: self.at(first), output: payload(more), stats: payload(""), by },
            "signal" => {
                Command::Signal { name: Name::new(first).expect("a name"), payload: payload(more), by }
            }
            "artifact" => {
                let artifact =
                    Artifact { hash: "ab".into(), size: 2, media_type: "text/plain".into(), run: None };
                Command::StoreArtifact { name: first.into(), artifact, attempt: None }
            }
            "cancel" => Command::Cancel { reason: "enough".into(), by },
            "pause" => Command::Pause { by },
            "resume" => Command::Resume { by },
            "retry" => Command::Retry { by },
            "rerun" => {
                let input = (!more.is_empty()).then(|| payload(more));
                Command::Rerun { from: self.pipeline.resolve(first).expect("a phase"), input, by }
            }
            "priority" => Command::SetPriority {
                priority: serde_json::from_value(first.into()).expect("a priority"),
                by,
            },
            _ => self.of_attempt(word, first, more, payload),
        }
    }

    fn of_attempt(&self, word: &str, run: &str, more: &str, payload: impl Fn(&str) -> Payload) -> Command {
        let at = self.at(run);
        let live = self.job.as_ref().and_then(|job| match &job.run(at)?.state {
            RunState::Live(attempt) => Some(attempt.id),
            _ => None,
        });
        let last = self.last.iter().rev().find(|last| last.0 == at).map(|last| last.1);
        let made = self.job.as_ref().and_then(|job| {
            let mut made = job.attempts.iter().filter(|(_, record)| record.run == at);
            made.next_back().map(|(attempt, _)| *attempt)
        });
        let attempt = self.about.or(live).or(last).or(made).unwrap_or(AttemptId(Uuid::from_u128(999)));
        let error = |text: &str| match text.strip_suffix('!') {
            Some(code) => RunError::permanent(code, "it broke"),
            None => RunError::retryable(text, "it broke"),
        };
        match word {
            "accept" => Command::Accept { attempt },
            "ok" => {
                let outcome = Outcome::Success { output: payload(more), stats: payload(more) };
                Command::Report { attempt, outcome }
            }
            "fail" => Command::Report { attempt, outcome: Outcome::Failure { error: error(more) } },
            "busy" => {
                let refusal = Refusal::Busy { retry_after: duration::parse(more).expect("a time") };
                Command::Refuse { attempt, refusal }
            }
            "refuse" => Command::Refuse { attempt, refusal: Refusal::Failed { error: error(more) } },
            "silence" => Command::Silence { attempt },
            "beat" => Command::Beat { attempt },
            "probe" => {
                let finding = match more {
                    "unknown" => ProbeFinding::Unknown,
                    "working" => ProbeFinding::Working,
                    _ => ProbeFinding::NoAnswer,
                };
                Command::Probed { attempt, finding }
            }
            "preempt" => Command::Preempt { attempt, by: JobId(Uuid::from_u128(5)) },
            "checkpoint" => Command::PauseAnswered { attempt, checkpoint: payload(more) },
            "no-pause" => Command::PauseRefused { attempt },
            _ => panic!("'{word}' is no word of a story"),
        }
    }
}

fn tree(text: &mut String, cause: &Cause, depth: usize) {
    let one = Cause { because: Vec::new(), ..cause.clone() };
    let _ = writeln!(text, "{}{one}", "  ".repeat(depth));
    for cause in &cause.because {
        tree(text, cause, depth + 1);
    }
}

fn live(job: &Job) -> impl Iterator<Item = AttemptId> {
    job.attempts.iter().filter(|(_, record)| record.over.is_none()).map(|(attempt, _)| *attempt)
}
