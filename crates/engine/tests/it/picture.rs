//! A job as lines of text, for comparison with one that was written down years before: only what a user could see of it, so
//! that a new field of [`Job`] does not change the pictures of old journals.

use std::fmt::Write as _;

use engine::{
    decide::state_name,
    ids::PhaseIndex,
    job::{AttemptEnd, Job, PhaseState, PhaseStatus, Run, RunState},
    pipeline::Pipeline,
};

/// The picture.
pub(crate) fn picture(pipeline: &Pipeline, job: &Job) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "job {} '{}' {} {:?}", job.id, job.key, state_name(job), job.mode);
    let _ = writeln!(text, "  input {} priority {:?}", job.input.get(), job.priority);
    let _ = writeln!(text, "  from {} to {}, {} events", job.created_at.0, job.updated_at.0, job.events);
    if let Some(failure) = job.failure() {
        let _ = writeln!(text, "  failure {:?} {} {:?}", failure.kind, failure.run, failure.error);
    }
    for index in pipeline.indexes() {
        phase(&mut text, pipeline, job, index);
    }
    for (one, state) in pipeline.loops.iter().zip(&job.loops) {
        let _ = writeln!(text, "loop {} turn {} ended {:?}", one.id, state.turn, state.ended);
    }
    for (attempt, record) in &job.attempts {
        let over = match record.over {
            None => "live".to_owned(),
            Some(AttemptEnd::Superseded) => "superseded".to_owned(),
            Some(AttemptEnd::Reported(digest)) => format!("reported {:02x?}", digest.0),
        };
        let place = format!("{}[{}]#{}", record.run.phase.0, record.run.item, record.turn);
        let _ = writeln!(text, "attempt {attempt} of {place} {over}");
    }
    for (at, run) in &job.deadlines {
        let _ = writeln!(text, "deadline {} of {}[{}]", at.0, run.phase.0, run.item);
    }
    for signal in &job.inbox {
        let _ = writeln!(text, "kept {} {} by {}", signal.name, signal.payload.get(), signal.by);
    }
    for (name, artifact) in &job.artifacts {
        let _ = writeln!(text, "artifact {name} {} {} {}", artifact.hash, artifact.size, artifact.media_type);
    }
    text
}

fn phase(text: &mut String, pipeline: &Pipeline, job: &Job, index: PhaseIndex) {
    let PhaseState { turn, status, runs, started_at, ended_at, previous, .. } = job.phase(index);
    let status = match status {
        PhaseStatus::AwaitingApproval { deadline } => format!("awaiting approval until {}", deadline.0),
        PhaseStatus::Skipped(because) => format!("skipped {because:?}"),
        PhaseStatus::Pending | PhaseStatus::Active | PhaseStatus::Succeeded | PhaseStatus::Failed => {
            format!("{status:?}").to_lowercase()
        }
    };
    let times = [started_at, ended_at].map(|at| at.map_or("-".to_owned(), |at| at.0.to_string()));
    let id = &pipeline.phase(index).id;
    let _ = writeln!(text, "phase {id} turn {turn} {status} from {} to {}", times[0], times[1]);
    if let Some(previous) = previous {
        let _ = writeln!(text, "  before: {}", previous.output.get());
    }
    for (item, entry) in runs.iter().enumerate() {
        let _ = writeln!(text, "  [{item}] {}", run(entry));
    }
}

fn run(run: &Run) -> String {
    let state = match &run.state {
        RunState::Ready { checkpoint } => format!("ready from {checkpoint:?}"),
        RunState::Backoff { until, checkpoint } => format!("backoff until {} from {checkpoint:?}", until.0),
        RunState::Live(attempt) => format!(
            "live {} number {} until {} accepted {} suspect {:?} pausing {:?} from {:?}",
            attempt.id,
            attempt.number,
            attempt.deadline.0,
            attempt.accepted,
            attempt.suspect,
            attempt.pausing,
            attempt.checkpoint
        ),
        RunState::Waiting { signal, since, deadline } => {
            format!("waiting for {signal} since {} until {}", since.0, deadline.0)
        }
        RunState::Succeeded(result) => {
            let (output, stats) = (result.output.get(), result.stats.get());
            format!("succeeded {output} {stats} reused from {:?}", result.reused_from)
        }
        RunState::Failed(error) => format!("failed {} {} {}", error.code, error.message, error.retryable),
        RunState::Superseded => "superseded".to_owned(),
        RunState::Stopped => "stopped".to_owned(),
    };
    let item = run.item.as_ref().map_or("", |item| item.get());
    let error = run.last_error.as_ref().map_or("", |error| &error.code);
    format!("{state}; attempts {} item {item} ready at {} last error {error}", run.attempts, run.ready_at.0)
}
