//! A job's whole state without what its payloads say: what a recording ends with, and a replay is held to.

use engine::{
    job::{AttemptEnd, Job, Run, RunState},
    pipeline::Pipeline,
};
use serde_json::{Value, json};

/// The state of a job: the same for two jobs exactly where they stand at the same place.
#[must_use]
pub fn picture(pipeline: &Pipeline, job: &Job) -> Value {
    let phases = pipeline.indexes().map(|index| {
        let state = job.phase(index);
        let phase = json!({
            "turn": state.turn, "status": state.status, "startedAt": state.started_at, "endedAt": state.ended_at,
            "settled": state.settled, "failed": state.failed, "live": state.live, "released": state.released,
            "mapped": state.mapped, "runs": state.runs.iter().map(run).collect::<Vec<_>>(),
        });
        (pipeline.phase(index).id.to_string(), phase)
    });
    let attempts = job.attempts.iter().map(|(id, record)| {
        let over = match record.over {
            None => "live",
            Some(AttemptEnd::Reported(_)) => "reported",
            Some(AttemptEnd::Superseded) => "superseded",
        };
        let at =
            json!({ "phase": record.run.phase, "item": record.run.item, "turn": record.turn, "over": over });
        (id.to_string(), at)
    });
    let phases: serde_json::Map<String, Value> = phases.collect();
    let attempts: serde_json::Map<String, Value> = attempts.collect();
    json!({
        "job": job.id, "key": job.key, "definition": job.definition, "priority": job.priority, "mode": job.mode,
        "createdAt": job.created_at, "updatedAt": job.updated_at, "events": job.events, "state": job.state,
        "phases": phases, "loops": job.loops, "attempts": attempts, "artifacts": job.artifacts,
        "deadlines": job.deadlines, "liveAttempts": job.live_attempts,
        "signals": job.inbox.iter().map(|signal| &signal.name).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    let state = match &run.state {
        RunState::Ready { checkpoint } => json!({ "ready": { "goesOn": checkpoint.is_some() } }),
        RunState::Backoff { until, checkpoint } => {
            json!({ "backoff": { "until": until, "goesOn": checkpoint.is_some() } })
        }
        RunState::Live(attempt) => json!({ "live": {
            "attempt": attempt.id, "number": attempt.number, "startedAt": attempt.started_at,
            "deadline": attempt.deadline, "accepted": attempt.accepted, "suspect": attempt.suspect,
            "pausing": attempt.pausing,
        } }),
        RunState::Waiting { signal, since, deadline } => {
            json!({ "waiting": { "signal": signal, "since": since, "deadline": deadline } })
        }
        RunState::Succeeded(result) => json!({ "succeeded": { "reusedFrom": result.reused_from } }),
        RunState::Failed(error) => json!({ "failed": error }),
        RunState::Superseded => json!("superseded"),
        RunState::Stopped => json!("stopped"),
    };
    json!({ "state": state, "attempts": run.attempts, "readyAt": run.ready_at, "lastError": run.last_error })
}
