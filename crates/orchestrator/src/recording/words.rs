//! Events in words, each with its reason.

use engine::event::{EventKind, Heal};

/// What happened, for people.
#[expect(clippy::too_many_lines, reason = "one line for each kind of event")]
pub(super) fn words(kind: &EventKind) -> String {
    match kind {
        EventKind::JobStarted { pipeline, key, .. } => format!("job started: {pipeline} for {key}"),
        EventKind::RunReady { run, .. } => format!("{run} is ready: what it waits for is through"),
        EventKind::MapExpanded { phase, items, .. } => {
            format!("{phase} has {} items, a run for each", items.len())
        }
        EventKind::AttemptStarted { run, attempt, number, .. } => {
            format!("{run} has a slot: attempt {number} ({attempt}) is offered to its service")
        }
        EventKind::AttemptAccepted { attempt } => format!("the service has taken attempt {attempt}"),
        EventKind::AttemptSuspected { attempt } => {
            format!("attempt {attempt} is silent for longer than its heartbeat; its service is asked")
        }
        EventKind::AttemptHealed { attempt, by } => {
            let how = match by {
                Heal::Heartbeat => "it said something",
                Heal::Working => "its service says that it is working",
                Heal::Reoffered => {
                    "its service knew nothing of it, and it is offered again under the same key"
                }
            };
            format!("attempt {attempt} is well: {how}")
        }
        EventKind::AttemptSucceeded { run, attempt, .. } => {
            format!("{run} succeeded, by the callback of {attempt}")
        }
        EventKind::AttemptFailed { run, error, reported, .. } => {
            let who = if *reported { "its service says" } else { "found out" };
            let again = if error.retryable { "another attempt may help" } else { "it stays" };
            format!("{run} failed, {who}: {} ({}; {again})", error.message, error.code)
        }
        EventKind::AttemptDeferred { run, .. } => {
            format!("{run}: its service is busy; no attempt is used up")
        }
        EventKind::PauseRequested { attempt, because } => {
            let whom = match because {
                engine::job::PauseReason::Operator => "somebody paused the job".to_owned(),
                engine::job::PauseReason::For(job) => format!("job {job} is more urgent"),
            };
            format!("attempt {attempt} is asked for a checkpoint: {whom}")
        }
        EventKind::PauseRefused { attempt } => format!("attempt {attempt} gave none and goes on"),
        EventKind::AttemptPreempted { run, .. } => format!("{run} gave a checkpoint and its slot"),
        EventKind::AttemptCancelled { run, .. } => format!("the attempt of {run} was ended from our side"),
        EventKind::RetryScheduled { run, .. } => format!("{run} will be tried again"),
        EventKind::RunFailed { run, error } => format!("{run} is not tried again: {}", error.message),
        EventKind::RunSuperseded { run } => format!("{run} gave way to a newer one with the same key"),
        EventKind::RunReused { run, from, .. } => {
            format!("{run}: the result of an equal run of job {from} was taken")
        }
        EventKind::PhaseSkipped { phase, because, .. } => format!("{phase} was not needed ({because:?})"),
        EventKind::GateClosed { phase, error, enforced, .. } => {
            let then = if *enforced { "the job stops" } else { "noted only, in mode full" };
            format!("the gate of {phase} is closed: {} ({then})", error.message)
        }
        EventKind::ApprovalRequested { phase, .. } => format!("{phase} waits for somebody to say go on"),
        EventKind::ApprovalGiven { phase, by, .. } => format!("{by} let {phase} go on"),
        EventKind::PhaseSucceeded { phase, .. } => format!("{phase} is through"),
        EventKind::PhaseFailed { phase, .. } => format!("{phase} failed"),
        EventKind::SignalAwaited { run, signal, .. } => format!("{run} waits for the signal '{signal}'"),
        EventKind::SignalKept { signal, by, .. } => {
            format!("'{signal}' came from {by}; nobody waits for it yet")
        }
        EventKind::SignalTaken { run, signal, by, .. } => {
            format!("{run} has its signal '{signal}', from {by}")
        }
        EventKind::WaitTimedOut { run } => format!("{run}: nobody decided in time"),
        EventKind::LoopTurned { id, turn } => format!("loop {id} begins turn {turn}"),
        EventKind::LoopEnded { id, end } => format!("loop {id} is over ({end:?})"),
        EventKind::ArtifactStored { name, artifact } => format!("artifact {name}, {} bytes", artifact.size),
        EventKind::PriorityChanged { priority, by } => format!("{by} made it {}", priority.as_str()),
        EventKind::JobPaused { by } => format!("{by} paused the job"),
        EventKind::JobResumed { by } => format!("{by} let the job go on"),
        EventKind::JobFailing { failure } => {
            format!("the job will fail because of {}: {}", failure.run, failure.error.message)
        }
        EventKind::JobFailed => "the job ended without success".to_owned(),
        EventKind::JobCancelled { reason, by } => format!("{by} cancelled the job: {reason}"),
        EventKind::JobCompleted => "all phases are through: the job is complete".to_owned(),
        EventKind::JobRetried { by } => format!("{by} has what failed tried again"),
        EventKind::JobRerun { from, by, .. } => format!("{by} has {from}, and all that follows, done again"),
    }
}
