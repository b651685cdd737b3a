//! `segue start`: starts a job, and with `--wait` shows it to its end.

use std::process::ExitCode;

use anyhow::{Context, Result};
use protocol::JobState;
use serde_json::{Value, json};

use crate::{api::Api, cli::Start, logging::say, progress};

pub(super) async fn run(api: &Api, start: &Start) -> Result<ExitCode> {
    let mut body =
        json!({ "pipeline": start.pipeline, "key": start.key, "input": read_json(&start.input, "--input")? });
    if let Some(priority) = &start.priority {
        body["priority"] = json!(priority);
    }
    let answer = api.post("/api/jobs", &body).await?;
    let id = answer["jobId"].as_str().context("the orchestrator's answer names no job")?.to_owned();
    say(&format!("{} {} is job {id}", start.pipeline, start.key));
    if !start.wait {
        say(&format!("  segue status {}     segue why {}", start.key, start.key));
        return Ok(ExitCode::SUCCESS);
    }
    wait(api, &id).await
}

/// Shows a job to its end; the exit code says how it ended.
pub(super) async fn wait(api: &Api, id: &str) -> Result<ExitCode> {
    let status = progress::watch(api, id).await?;
    say(&format!("{}: {}", status.key, status.reason));
    match status.status {
        JobState::Complete => Ok(ExitCode::SUCCESS),
        JobState::Waiting => {
            say(&format!("  it waits for a person; segue why {}", status.key));
            Ok(ExitCode::from(3))
        }
        JobState::Idle
        | JobState::Running
        | JobState::Paused
        | JobState::ValidationFailed
        | JobState::Error
        | JobState::Cancelled => Ok(ExitCode::FAILURE),
    }
}

/// JSON as written, or out of a file (`@FILE`).
pub(super) fn read_json(text: &str, option: &str) -> Result<Value> {
    let (text, from) = match text.strip_prefix('@') {
        Some(file) => (std::fs::read_to_string(file).with_context(|| format!("{file} can't be read"))?, file),
        None => (text.to_owned(), option),
    };
    serde_json::from_str(&text).with_context(|| format!("{from} is not JSON"))
}
