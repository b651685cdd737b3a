//! Why a job is not moving: what each open phase waits for, and what that waits for, down to the job that holds the slot.

use engine::{
    ids::PhaseIndex,
    job::{End, Job, JobState as State, PhaseStatus as Status, Run, RunRef, RunState},
    pipeline::{Pipeline, Trigger},
    plan::Blocked,
};
use protocol::{Cause, Reason, Why};

use super::{job_state, moment};
use crate::core::Core;

/// Runs of a map that are explained one by one; of the others the first speaks for all.
const EXPLAINED: usize = 3;

/// The whole answer.
pub(super) fn why(core: &Core, pipeline: &Pipeline, job: &Job) -> Why {
    let mut causes: Vec<Cause> = Vec::new();
    if !job.has_ended() {
        causes.extend(pipeline.indexes().filter_map(|index| of_phase(core, pipeline, job, index)));
    }
    let summary = match &job.state {
        State::Ended { end: End::Complete, .. } => "all phases are through".to_owned(),
        State::Ended { end: End::Cancelled { reason }, .. } => format!("cancelled: {reason}"),
        State::Ended { end: End::Error(failure) | End::ValidationFailed(failure), .. } => {
            format!("{} failed: {}", failure.run, failure.error.message)
        }
        State::Paused { .. } => "somebody paused it; resume lets it go on".to_owned(),
        State::Failing(failure) => {
            format!("it will fail because of {}; {} attempts still run", failure.run, job.live_attempts)
        }
        State::Running => summary_of(&causes),
    };
    Why { job_id: job.id.0, status: job_state(job), summary, causes }
}

/// What moves first; else what blocks first.
fn summary_of(causes: &[Cause]) -> String {
    let texts: Vec<&str> = causes
        .iter()
        .filter(|cause| !cause.reason.text.contains(" waits for "))
        .map(|c| &*c.reason.text)
        .collect();
    match (texts.as_slice(), causes.first()) {
        ([], Some(first)) => first.reason.text.clone(),
        ([], None) => "it is about to go on".to_owned(),
        (texts, _) => texts.join("; "),
    }
}

/// Why a phase is not through; none where it is, or where its turn is too far away to say anything.
pub(super) fn of_phase(core: &Core, pipeline: &Pipeline, job: &Job, index: PhaseIndex) -> Option<Cause> {
    let phase = pipeline.phase(index);
    let state = job.phase(index);
    match &state.status {
        Status::Succeeded | Status::Failed | Status::Skipped(_) => None,
        Status::AwaitingApproval { deadline } => Some(cause(Reason {
            text: format!("{} waits for an approval", phase.id),
            about: Some(phase.id.to_string()),
            since: state.started_at.map(moment),
            until: Some(moment(*deadline)),
            hint: Some(format!("POST /api/jobs/{}/signals/approve", job.id)),
        })),
        Status::Pending => pending(pipeline, job, index),
        Status::Active => active(core, pipeline, job, index),
    }
}

fn cause(reason: Reason) -> Cause {
    Cause { reason, because: Vec::new() }
}

fn plain(text: String, about: &str) -> Reason {
    Reason { text, about: Some(about.to_owned()), since: None, until: None, hint: None }
}

/// Says something only where part of the join is there already, or all of it runs.
fn pending(pipeline: &Pipeline, job: &Job, index: PhaseIndex) -> Option<Cause> {
    let phase = pipeline.phase(index);
    if phase.trigger == Trigger::Failure || phase.after.is_empty() {
        return None;
    }
    let missing: Vec<&str> = phase
        .after
        .iter()
        .filter(|before| !job.phase(**before).status.is_settled())
        .map(|before| pipeline.phase(*before).id.as_str())
        .collect();
    let near = phase.after.iter().any(|before| job.phase(*before).status != Status::Pending);
    if missing.is_empty() || !near {
        return None;
    }
    Some(cause(plain(format!("{} waits for {}", phase.id, missing.join(" and ")), phase.id.as_str())))
}

fn active(core: &Core, pipeline: &Pipeline, job: &Job, index: PhaseIndex) -> Option<Cause> {
    let phase = pipeline.phase(index);
    let state = job.phase(index);
    let open = (0u32..).zip(&state.runs).filter(|(_, run)| !run.state.is_settled());
    let open: Vec<(RunRef, &Run)> = open.map(|(item, run)| (RunRef { phase: index, item }, run)).collect();
    if !state.mapped {
        return open.first().map(|(at, run)| of_run(core, pipeline, job, *at, run));
    }
    let text = format!(
        "{}: {} of {} runs are through, {} run, {} wait",
        phase.id,
        state.settled,
        state.runs.len(),
        state.live,
        open.len().saturating_sub(state.live as usize)
    );
    let shown = open.iter().take(EXPLAINED).map(|(at, run)| of_run(core, pipeline, job, *at, run));
    Some(Cause { reason: plain(text, phase.id.as_str()), because: shown.collect() })
}

fn of_run(core: &Core, pipeline: &Pipeline, job: &Job, at: RunRef, run: &Run) -> Cause {
    let name = job.run_id(pipeline, at).to_string();
    let service = pipeline.phase(at.phase).service().map(|work| work.service.clone());
    let mut reason = plain(String::new(), &name);
    match &run.state {
        RunState::Live(attempt) => {
            let known = core.attempts().get(attempt.id);
            let heard = known.as_ref().map(|known| moment(known.last_heard));
            reason.since = Some(moment(attempt.started_at));
            reason.until = Some(moment(attempt.deadline));
            reason.text =
                match (&attempt.suspect, attempt.accepted || known.is_some_and(|known| known.accepted)) {
                    (Some(since), _) => format!("{name} has been silent since {}", moment(*since)),
                    (None, true) => format!("{name} runs, attempt {}", attempt.number),
                    (None, false) => format!("{name} is offered to its service, which has not taken it yet"),
                };
            if let (Some(heard), Some(_)) = (heard, attempt.suspect) {
                reason.hint = Some(format!("last heard from at {heard}"));
            }
            cause(reason)
        }
        RunState::Backoff { until, .. } => {
            let why = run.last_error.as_ref().map_or("its service was busy", |error| &*error.message);
            reason.text = format!("{name} is tried again after: {why}");
            reason.until = Some(moment(*until));
            reason.hint = Some(format!("POST /api/jobs/{}/retry tries it at once", job.id));
            cause(reason)
        }
        RunState::Waiting { signal, since, deadline } => {
            reason.text = format!("{name} waits for the signal '{signal}'");
            reason.since = Some(moment(*since));
            reason.until = Some(moment(*deadline));
            reason.hint = Some(format!("POST /api/jobs/{}/signals/{signal}", job.id));
            cause(reason)
        }
        RunState::Ready { .. } => {
            reason.since = Some(moment(run.ready_at));
            let now = core.world().now();
            let blocked = service.as_ref().and_then(|service| core.fleet().why(service, job.id, at, now));
            let because =
                blocked.map(|blocked| slot_cause(service.as_ref().map_or("", |s| s.as_str()), &blocked));
            reason.text = format!("{name} waits for a slot");
            Cause { reason, because: because.into_iter().collect() }
        }
        RunState::Succeeded(_) | RunState::Failed(_) | RunState::Superseded | RunState::Stopped => {
            cause(reason)
        }
    }
}

fn slot_cause(service: &str, blocked: &Blocked) -> Cause {
    let mut reason = plain(String::new(), service);
    match blocked {
        Blocked::Stopped => {
            reason.text = format!("{service} takes no work: somebody stopped it");
            reason.hint = Some(format!("POST /api/services/{service}/start"));
        }
        Blocked::Capacity { by, ahead } => {
            reason.text = format!("the slots of {service} are taken, {ahead} runs go before it");
            let holders = by
                .iter()
                .take(EXPLAINED)
                .map(|job| cause(plain(format!("job {job} holds a slot of {service}"), &job.to_string())));
            return Cause { reason, because: holders.collect() };
        }
        Blocked::Rate { until } => {
            reason.text = format!("the rate of {service} is used up");
            reason.until = Some(moment(*until));
        }
        Blocked::Breaker { until } => {
            reason.text = match until {
                Some(_) => format!("{service} failed too often and is left alone"),
                None => format!("{service} failed too often; one run tries whether it works again"),
            };
            reason.until = until.map(moment);
        }
        Blocked::Coalesce { until } => {
            reason.text = "another run with the same key went just now".to_owned();
            reason.until = Some(moment(*until));
        }
        Blocked::Next => reason.text = "it is about to go".to_owned(),
    }
    cause(reason)
}
