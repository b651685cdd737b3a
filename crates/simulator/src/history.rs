//! What callers and services asked, when, and what they were told: judged at the end of a run against the order of events.
//!
//! The sequential model is the engine's own `decide`. A call is linearizable where some moment lies between its question and
//! its answer at which the job, as durable, gives just that answer. What was never answered may have happened or not.

use std::collections::BTreeSet;

use engine::{
    command::{Command, Now},
    decide::{self, DecideError},
    event::Event,
    ids::JobId,
    job::{Job, JobState},
};
use orchestrator::core::{CommandError, Reply, StartError, Started};

use crate::{
    clock::short,
    meaning,
    witness::{Shadow, Witness},
};

/// What was asked.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A start: the id that the new job would have.
    Start,
    /// A command.
    Command(Command),
    /// How the job is.
    Look,
}

/// What was answered.
#[derive(Debug)]
pub enum Told {
    /// To a start.
    Start(Result<Started, StartError>),
    /// To a command.
    Command(Result<Reply, CommandError>),
    /// To a look.
    Look(Result<Box<Job>, CommandError>),
}

/// A call.
#[derive(Debug)]
pub struct Call {
    /// Of which job.
    pub job: JobId,
    /// What was asked.
    pub asked: Asked,
    /// How many batches were durable when it was asked.
    pub from: u64,
    /// Which process of the orchestrator was asked.
    pub process: u64,
    /// How many when it was answered, and the answer.
    pub told: Option<(u64, Told)>,
}

/// All calls of a run.
#[derive(Debug, Default)]
pub struct History {
    calls: Vec<Call>,
    /// Starts that were answered, by number.
    started: BTreeSet<u64>,
}

impl History {
    /// Somebody asks.
    pub fn ask(&mut self, job: JobId, asked: Asked, step: u64, process: u64) -> usize {
        self.calls.push(Call { job, asked, from: step, process, told: None });
        self.calls.len() - 1
    }

    /// He is answered.
    pub fn tell(&mut self, call: usize, step: u64, told: Told) {
        if let Some(call) = self.calls.get_mut(call) {
            call.told = Some((step, told));
        }
    }

    /// Calls to a process that it has never answered.
    #[must_use]
    pub fn unanswered(&self, process: u64) -> Vec<String> {
        let unanswered = |call: &&Call| call.process == process && call.told.is_none();
        let calls = self.calls.iter().filter(unanswered);
        calls.map(|call| format!("job {}, {:?} was never answered", short(call.job.0), call.asked)).collect()
    }

    /// The start of that number has its answer.
    pub fn started(&mut self, number: u64) {
        self.started.insert(number);
    }

    /// Whether the start of that number has its answer.
    #[must_use]
    pub fn has_started(&self, number: u64) -> bool {
        self.started.contains(&number)
    }

    /// How many calls there were, and how many were answered.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.calls.len(), self.calls.iter().filter(|call| call.told.is_some()).count())
    }

    /// Every call that no order of calls explains.
    #[must_use]
    pub fn judge(&self, witness: &Witness) -> Vec<String> {
        self.calls.iter().filter_map(|call| judge(call, witness)).collect()
    }
}

fn judge(call: &Call, witness: &Witness) -> Option<String> {
    let (until, told) = call.told.as_ref()?;
    let shadow = witness.jobs.get(&call.job);
    let why = match (&call.asked, told) {
        (Asked::Start, Told::Start(told)) => start(call, *until, told, witness),
        (Asked::Command(command), Told::Command(told)) => match shadow {
            Some(shadow) => commanded(call.from, *until, command, told, shadow),
            None => {
                let unknown = !matches!(told, Ok(_) | Err(CommandError::Rejected(_)));
                (!unknown).then(|| format!("{told:?} of a job that is not there"))
            }
        },
        (Asked::Look, Told::Look(told)) => looked(call.from, *until, told, shadow),
        (asked, told) => Some(format!("{asked:?} was answered by {told:?}")),
    };
    why.map(|why| {
        format!("job {}, {:?} (steps {} to {until}): {why}", short(call.job.0), call.asked, call.from)
    })
}

fn start(call: &Call, until: u64, told: &Result<Started, StartError>, witness: &Witness) -> Option<String> {
    let holder = match told {
        Ok(Started::New(job)) => {
            let began = witness.jobs.get(job).and_then(|shadow| shadow.commits.first());
            let within = began.is_some_and(|(at, _)| *at > call.from && *at <= until);
            return (!within).then(|| format!("answered as new, durable at {began:?}"));
        }
        Ok(Started::Existing(job)) | Err(StartError::KeyInUse { job, .. }) => *job,
        Err(StartError::Command(_)) => return None,
    };
    let Some(shadow) = witness.jobs.get(&holder) else {
        return Some(format!("job {} is named, and never was", short(holder.0)));
    };
    let live = |job: &Job, _: &[Event]| !matches!(job.state, JobState::Ended { .. });
    (!some_moment(call.from, until, shadow, live))
        .then(|| format!("job {} is named, and was not live then", short(holder.0)))
}

/// Whether there is a moment between two steps at which this holds; it gets the job, and the events that came next.
fn some_moment(
    from: u64,
    until: u64,
    shadow: &Shadow,
    mut holds: impl FnMut(&Job, &[Event]) -> bool,
) -> bool {
    let (first, last) = (shadow.count_at(from).max(1), shadow.count_at(until));
    let Some(mut job) = replay(shadow, first) else { return false };
    for count in first..=last {
        if holds(&job, &shadow.events[count..last]) {
            return true;
        }
        let Some(event) = shadow.events.get(count).filter(|_| count < last) else { break };
        if engine::apply::apply(&shadow.pipeline, &mut job, event).is_err() {
            return false;
        }
    }
    false
}

fn replay(shadow: &Shadow, count: usize) -> Option<Job> {
    let (first, rest) = shadow.events.get(..count)?.split_first()?;
    let mut job = engine::apply::create(&shadow.pipeline, first).ok()?;
    for event in rest {
        engine::apply::apply(&shadow.pipeline, &mut job, event).ok()?;
    }
    Some(job)
}

fn commanded(
    from: u64,
    until: u64,
    command: &Command,
    told: &Result<Reply, CommandError>,
    shadow: &Shadow,
) -> Option<String> {
    let model = |job: &Job, at: Option<&Event>| {
        let now = Now(at.map_or(job.updated_at, |event| event.at));
        decide::decide(&shadow.pipeline, &mut job.clone(), command.clone(), now)
    };
    let explained = match told {
        Ok(reply) => {
            if reply.events > 0 && reply.position.is_none() {
                return Some("answered before it was durable".to_owned());
            }
            some_moment(from, until, shadow, |job, next| {
                next.len() >= reply.events
                    && meaning::is_done(command, &next[..reply.events])
                    && model(job, next.first().filter(|_| reply.events > 0))
                        .is_ok_and(|events| events == next[..reply.events])
            })
        }
        Err(CommandError::Rejected(rejection)) => {
            let same = |decided: Result<Vec<Event>, DecideError>| matches!(decided, Err(DecideError::Rejected(other)) if other == *rejection);
            let durable = &shadow.events[..shadow.count_at(until)];
            meaning::may_be_refused(command, rejection, durable)
                && some_moment(from, until, shadow, |job, _| same(model(job, None)))
        }
        Err(CommandError::Unreadable(why)) => return Some(format!("the job can't be read: {why}")),
        // Not taken, and said so. That nothing of it shows is checked by the order of events.
        Err(_) => true,
    };
    (!explained).then(|| format!("nothing explains {told:?}"))
}

fn looked(
    from: u64,
    until: u64,
    told: &Result<Box<Job>, CommandError>,
    shadow: Option<&Shadow>,
) -> Option<String> {
    let Ok(seen) = told else { return None };
    let Some(shadow) = shadow else { return Some("a job was shown that was never durable".to_owned()) };
    let count = usize::try_from(seen.events).unwrap_or(usize::MAX);
    let (first, last) = (shadow.count_at(from), shadow.count_at(until));
    if count < first || count > last {
        return Some(format!("{count} events were shown, {first} to {last} were durable"));
    }
    let same = replay(shadow, count).is_some_and(|job| job == **seen);
    (!same).then(|| format!("what was shown is not what its {count} events say"))
}
