//! Causes in words: one phrase for each, and a chain of them as a sentence.

use std::fmt;

use super::{Cause, What};
use crate::{
    ids::{Name, Timestamp},
    job::RunError,
    pipeline::Join,
    plan::Blocked,
};

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("somebody paused the job"),
            Self::Failing { run, error } => write!(f, "the job fails because of {run}: {}", error.message),
            Self::Join { phase, join, missing } => join_words(f, phase, *join, missing),
            Self::Loop { id, turn, max } => write!(f, "loop {id} is in turn {turn} of at most {max}"),
            Self::Drain { phase } => write!(f, "{phase} waits until nothing runs any more"),
            Self::Approval { phase } => write!(f, "{phase} waits for an approval"),
            Self::Map { phase, runs, settled, failed, live } => {
                write!(f, "{phase}: {settled} of {runs} runs are through")?;
                if *failed > 0 {
                    write!(f, " ({failed} failed)")?;
                }
                write!(f, ", {live} run, {} wait", runs.saturating_sub(settled + live))
            }
            Self::Works { run, attempt } => write!(f, "{run} runs (attempt {attempt})"),
            Self::Offered { run, attempt } => {
                write!(f, "{run} is offered to its service, which has not taken it yet (attempt {attempt})")
            }
            Self::Silent { run, attempt } => write!(f, "{run} is silent (attempt {attempt})"),
            Self::Pausing { run, attempt } => write!(f, "{run} is asked to pause (attempt {attempt})"),
            Self::Backoff { run, attempts, error: Some(RunError { message, .. }) } => {
                write!(f, "{run} is tried again after attempt {attempts}: {message}")
            }
            Self::Backoff { run, error: None, .. } => {
                write!(f, "{run} is offered again: its service was busy")
            }
            Self::Signal { run, signal } => write!(f, "{run} waits for the signal '{signal}'"),
            Self::Slot { run, service } => write!(f, "{run} waits for a slot of {service}"),
            Self::Parallel { run, parallel } => {
                write!(f, "{run} waits for other items: at most {parallel} run at once")
            }
            Self::Plan { service, blocked } => blocked_words(f, service, blocked),
            Self::Holder { service, job } => write!(f, "job {job} holds a slot of {service}"),
        }
    }
}

fn join_words(f: &mut fmt::Formatter<'_>, phase: &Name, join: Join, missing: &[Name]) -> fmt::Result {
    let names: Vec<&str> = missing.iter().map(Name::as_str).collect();
    match (join, names.as_slice()) {
        (Join::All, _) => write!(f, "{phase} waits for {}", names.join(" and ")),
        (Join::Any, [one]) => write!(f, "{phase} waits for {one}"),
        (Join::Any, _) => write!(f, "{phase} waits for one of {}", names.join(", ")),
        (Join::Count(count), _) => {
            write!(f, "{phase} waits until {count} are through, by {}", names.join(", "))
        }
    }
}

fn blocked_words(f: &mut fmt::Formatter<'_>, service: &Name, blocked: &Blocked) -> fmt::Result {
    match blocked {
        Blocked::Stopped => write!(f, "somebody stopped {service}: it takes no work"),
        Blocked::Capacity { ahead: 0, .. } => write!(f, "the slots of {service} are taken, it goes next"),
        Blocked::Capacity { ahead: 1, .. } => {
            write!(f, "the slots of {service} are taken, one run goes before it")
        }
        Blocked::Capacity { ahead, .. } => {
            write!(f, "the slots of {service} are taken, {ahead} runs go before it")
        }
        Blocked::Rate { .. } => write!(f, "the rate of {service} is used up"),
        Blocked::Breaker { until: Some(_) } => write!(f, "{service} failed too often and is left alone"),
        Blocked::Breaker { until: None } => {
            write!(f, "{service} failed too often: one run tries whether it works again")
        }
        Blocked::Coalesce { .. } => write!(f, "another run of {service} with the same key went just now"),
        Blocked::Next => f.write_str("it is about to go"),
    }
}

/// The whole chain: `manifest waits for introductions: introductions is silent (attempt 2), since …`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        let times = [("since", self.since), ("until", self.until)];
        for (word, at) in times.into_iter().filter_map(|(word, at)| at.map(|at| (word, at))) {
            write!(f, ", {word} {}", moment(at))?;
        }
        for (number, cause) in self.because.iter().enumerate() {
            write!(f, "{}{cause}", if number == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

fn moment(at: Timestamp) -> String {
    let known = i64::try_from(at.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    known.map_or_else(|| "the end of time".to_owned(), |at| at.to_string())
}
