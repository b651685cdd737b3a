//! Why a job is not moving, as callers are told: the engine's chain of causes, with what only the live process knows (when an
//! attempt was last heard of, and how far it is) and with what somebody can do about it.

use std::collections::BTreeMap;

use engine::{
    ids::{Name, PhaseIndex},
    job::{End, Job, JobState as State, RunRef, RunState},
    pipeline::Pipeline,
    plan::Blocked,
    why::{Cause as Found, What, why as ask},
};
use protocol::{Cause, Progress, Reason, Why};

use super::job_state;
use crate::{attempts::LiveAttempt, clock::moment, core::Core};

/// The engine's causes for a job, asked for once for all that is said of it.
pub(super) struct Reasons<'a> {
    core: &'a Core,
    pipeline: &'a Pipeline,
    job: &'a Job,
    causes: Vec<Found>,
}

impl<'a> Reasons<'a> {
    pub(super) fn new(core: &'a Core, pipeline: &'a Pipeline, job: &'a Job) -> Self {
        let now = core.world().now();
        let plan = |service: &Name, run: RunRef| core.fleet().why(service, job.id, run, now);
        Self { core, pipeline, job, causes: ask(pipeline, job, &plan) }
    }

    /// The whole answer.
    pub(super) fn answer(&self) -> Why {
        Why {
            job_id: self.job.id.0,
            status: job_state(self.job),
            summary: self.summary(),
            causes: self.causes.iter().map(|cause| self.told(cause)).collect(),
        }
    }

    /// One sentence.
    pub(super) fn summary(&self) -> String {
        match &self.job.state {
            State::Ended { end: End::Complete, .. } => "all phases are through".to_owned(),
            State::Ended { end: End::Cancelled { reason }, .. } => format!("cancelled: {reason}"),
            State::Ended { end: End::Error(failure) | End::ValidationFailed(failure), .. } => {
                format!("{} failed: {}", failure.run, failure.error.message)
            }
            State::Paused { .. } => "somebody paused it; resume lets it go on".to_owned(),
            State::Failing(failure) => {
                format!(
                    "it will fail because of {}; {} attempts still run",
                    failure.run, self.job.live_attempts
                )
            }
            State::Running => {
                let mut texts = Vec::new();
                self.causes.iter().for_each(|cause| self.movers(cause, &mut texts));
                if texts.is_empty() { "it is about to go on".to_owned() } else { texts.join("; ") }
            }
        }
    }

    /// What is under way or stuck, and not what merely waits for it.
    fn movers(&self, cause: &Found, texts: &mut Vec<String>) {
        match &cause.what {
            What::Join { .. } | What::Loop { .. } => {
                cause.because.iter().for_each(|cause| self.movers(cause, texts));
            }
            _ => texts.push(self.reason(cause).text),
        }
    }

    /// For each phase that is not through, what it waits for; nothing where its turn is too far away to say anything.
    pub(super) fn by_phase(&self) -> BTreeMap<PhaseIndex, String> {
        let mut all = BTreeMap::new();
        self.causes.iter().for_each(|cause| self.collect(cause, &mut all));
        all
    }

    fn collect(&self, cause: &Found, all: &mut BTreeMap<PhaseIndex, String>) {
        let named = match &cause.what {
            What::Join { phase, .. }
            | What::Drain { phase }
            | What::Approval { phase }
            | What::Map { phase, .. } => self.pipeline.resolve(phase.as_str()),
            _ => cause.run.map(|run| run.phase),
        };
        if let Some(phase) = named {
            // A map is told before its runs: its figures speak for it.
            all.entry(phase).or_insert_with(|| self.reason(cause).text);
        }
        cause.because.iter().for_each(|cause| self.collect(cause, all));
    }

    fn told(&self, cause: &Found) -> Cause {
        let because = cause.because.iter().map(|cause| self.told(cause)).collect();
        Cause { reason: self.reason(cause), because }
    }

    fn reason(&self, cause: &Found) -> Reason {
        let mut text = cause.what.to_string();
        let known = cause.run.and_then(|run| self.known(run));
        if let What::Works { run, attempt } | What::Offered { run, attempt } = &cause.what
            && let Some(known) = known.as_ref().filter(|known| known.accepted)
        {
            // The service's yes may be known here before it is durable.
            text = format!("{run} runs (attempt {attempt})");
            if let Some(progress) = known.progress.as_ref().and_then(|progress| figures(&progress.said)) {
                text = format!("{text}: {progress}");
            }
        }
        Reason {
            text,
            about: about(cause),
            since: cause.since.map(moment),
            until: cause.until.map(moment),
            hint: self.hint(cause, known.as_ref()),
        }
    }

    fn known(&self, at: RunRef) -> Option<LiveAttempt> {
        let run = self.job.phase(at.phase).runs.get(at.item as usize)?;
        match &run.state {
            RunState::Live(attempt) => self.core.attempts().get(attempt.id),
            _ => None,
        }
    }

    fn hint(&self, cause: &Found, known: Option<&LiveAttempt>) -> Option<String> {
        let job = self.job.id;
        match &cause.what {
            What::Paused => Some(format!("POST /api/jobs/{job}/resume")),
            What::Approval { .. } => Some(format!("POST /api/jobs/{job}/signals/approve")),
            What::Signal { signal, .. } => Some(format!("POST /api/jobs/{job}/signals/{signal}")),
            What::Backoff { .. } => Some(format!("POST /api/jobs/{job}/retry tries it at once")),
            What::Silent { .. } => {
                known.map(|known| format!("last heard from at {}", moment(known.last_heard)))
            }
            What::Plan { service, blocked: Blocked::Stopped } => {
                Some(format!("POST /api/services/{service}/start"))
            }
            _ => None,
        }
    }
}

/// `12 of 40 seeds`.
fn figures(progress: &Progress) -> Option<String> {
    let unit = progress.unit.as_ref().map_or(String::new(), |unit| format!(" {unit}"));
    match (progress.done, progress.total) {
        (Some(done), Some(total)) => Some(format!("{done} of {total}{unit}")),
        (Some(done), None) => Some(format!("{done}{unit}")),
        (None, _) => progress.message.clone(),
    }
}

/// The run, phase, loop, service or job that a cause is about.
fn about(cause: &Found) -> Option<String> {
    match &cause.what {
        What::Paused => None,
        What::Join { phase, .. }
        | What::Drain { phase }
        | What::Approval { phase }
        | What::Map { phase, .. } => Some(phase.to_string()),
        What::Loop { id, .. } => Some(id.to_string()),
        What::Failing { run, .. }
        | What::Works { run, .. }
        | What::Offered { run, .. }
        | What::Silent { run, .. }
        | What::Pausing { run, .. }
        | What::Backoff { run, .. }
        | What::Signal { run, .. }
        | What::Slot { run, .. }
        | What::Parallel { run, .. } => Some(run.to_string()),
        What::Plan { service, .. } => Some(service.to_string()),
        What::Holder { job, .. } => Some(job.to_string()),
    }
}
