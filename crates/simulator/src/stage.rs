//! What a run has around the orchestrator and what outlives its crashes: the clock, what is going to happen, what has become
//! durable, and the record of it all.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use engine::ids::{AttemptId, JobId, Name};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{clock::Clock, history::History, scenario::Faults, witness::Witness};

/// Something that is going to happen outside the orchestrator.
#[derive(Debug, Clone)]
pub enum Next {
    /// A caller does something; the number is that of his dice.
    Caller(u64),
    /// Somebody starts the job of this number, unless an earlier start of it was answered.
    StartAgain(u64),
    /// Somebody starts the job of this number again in any case.
    StartTwice(u64),
    /// Somebody starts another job under this one's key.
    Rival(JobId),
    /// Somebody lets a paused job go on.
    Resume(JobId),
    /// A service has done an attempt's work.
    Done(Name, AttemptId),
    /// A callback goes out; one with `true` says something else than the first.
    Callback(Name, AttemptId, bool),
    /// A service says how far it is.
    Beat(Name, AttemptId),
    /// A service is started again.
    ServiceRestart(Name),
    /// The wall clock is set off by so many milliseconds.
    Jump(i64),
    /// The orchestrator is killed.
    Crash,
    /// The disk is full, or has room again.
    Full(bool),
    /// Somebody looks at a job.
    Look(u64),
    /// The faults end.
    Calm,
}

/// What outlives the orchestrator.
#[derive(Debug)]
pub struct Stage {
    /// Time and ids.
    pub clock: Arc<Clock>,
    /// Where all chance comes from.
    pub seed: u64,
    /// What has become durable, and what is wrong with it.
    pub witness: Mutex<Witness>,
    /// What callers and services asked and were told.
    pub history: Mutex<History>,
    agenda: Mutex<Agenda>,
    process: Mutex<Process>,
    /// Wakes whoever runs the orchestrator when it is killed.
    pub killed: Notify,
    /// Wakes whoever waits for the next of the agenda when there is an earlier one.
    pub earlier: Notify,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Agenda {
    next: BTreeMap<(u64, u64), Next>,
    number: u64,
}

#[derive(Debug)]
struct Process {
    number: u64,
    runs: bool,
    faults: Faults,
}

#[derive(Debug)]
struct Record {
    hash: blake3::Hasher,
    /// The lines, where somebody wants to read them.
    lines: Option<Vec<String>>,
}

impl Stage {
    /// Before anything has happened. `told`: every step is kept in words.
    #[must_use]
    pub fn new(seed: u64, faults: Faults, witness: Witness, told: bool) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(Clock::new(seed)),
            seed,
            witness: Mutex::new(witness),
            history: Mutex::default(),
            agenda: Mutex::new(Agenda { next: BTreeMap::new(), number: 0 }),
            process: Mutex::new(Process { number: 0, runs: false, faults }),
            killed: Notify::new(),
            earlier: Notify::new(),
            record: Mutex::new(Record { hash: blake3::Hasher::new(), lines: told.then(Vec::new) }),
        })
    }

    /// Something will happen after a time.
    pub fn after(&self, time: Duration, next: Next) {
        let at = self.clock.steady() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2);
        let mut agenda = self.agenda.lock();
        agenda.number += 1;
        let number = agenda.number;
        let first = agenda.next.first_key_value().is_none_or(|((first, _), _)| at < *first);
        agenda.next.insert((at, number), next);
        if first {
            self.earlier.notify_one();
        }
    }

    /// What is to happen now, else how long that will take.
    ///
    /// # Errors
    /// The time until the next; none where nothing is going to happen.
    pub fn next(&self) -> Result<Next, Option<Duration>> {
        let now = self.clock.steady();
        let mut agenda = self.agenda.lock();
        match agenda.next.first_entry() {
            Some(entry) if entry.key().0 <= now => Ok(entry.remove()),
            Some(entry) => Err(Some(Duration::from_millis(entry.key().0 - now))),
            None => Err(None),
        }
    }

    /// What may go wrong at present.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.process.lock().faults
    }

    /// From now on nothing goes wrong.
    pub fn calm(&self) {
        self.process.lock().faults = Faults::default();
    }

    /// A process of the orchestrator begins; its number.
    pub fn begin(&self, number: u64) {
        let mut process = self.process.lock();
        process.number = number;
        process.runs = true;
    }

    /// The orchestrator is dead from this moment on, wherever it stands.
    pub fn crash(&self, how: &str) {
        self.process.lock().runs = false;
        self.note(|| format!("the orchestrator is killed {how}"));
        self.killed.notify_one();
    }

    /// Whether that process still runs: what a dead one does is not seen by anybody.
    #[must_use]
    pub fn is_running(&self, number: u64) -> bool {
        let process = self.process.lock();
        process.runs && process.number == number
    }

    /// Whether the orchestrator is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        !self.process.lock().runs
    }

    /// Which process of the orchestrator runs.
    #[must_use]
    pub fn process(&self) -> u64 {
        self.process.lock().number
    }

    /// Notes a step.
    pub fn note(&self, words: impl FnOnce() -> String) {
        let words = words();
        let at = self.clock.steady();
        let mut record = self.record.lock();
        record.hash.update(&at.to_le_bytes());
        record.hash.update(words.as_bytes());
        if let Some(lines) = &mut record.lines {
            lines.push(format!("{:>10.3} s  {words}", Duration::from_millis(at).as_secs_f64()));
        }
    }

    /// Notes something that must never be.
    pub fn violated(&self, rule: &'static str, about: String) {
        self.note(|| format!("VIOLATION of {rule}: {about}"));
        self.witness.lock().violated(rule, about);
    }

    /// The hash of everything noted so far.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.record.lock().hash.finalize()
    }

    /// The steps in words, where they were kept.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.record.lock().lines.clone().unwrap_or_default()
    }
}
