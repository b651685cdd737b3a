//! Looking at jobs, and steering them.

use std::process::ExitCode;

use anyhow::{Context, Result};
use protocol::{Cause, JobPage, PhaseState, Why};
use serde_json::Value;

use crate::{
    api::{Api, escape},
    cli::JobRef,
    logging::say,
    progress,
};

pub(super) async fn status(api: &Api, job: &JobRef) -> Result<ExitCode> {
    let status = api.status(&api.resolve(job).await?).await?;
    let state = serde_json::to_value(status.status)?;
    say(&format!("{} {}  {}", status.pipeline, status.key, state.as_str().unwrap_or_default()));
    say(&format!("  {}", status.reason));
    if let Some(estimate) = &status.estimate {
        let ends = estimate.ends_at.map(|at| format!(", until {}", at.p90)).unwrap_or_default();
        say(&format!("  {}{ends} ({})", estimate.text, estimate.why));
        for person in &estimate.waits_for {
            say(&format!("  waits for {person}"));
        }
    }
    for phase in &status.phases {
        let sign = match phase.status {
            PhaseState::Complete => "✓",
            PhaseState::Failed | PhaseState::Cancelled => "✗",
            PhaseState::Running => "▸",
            PhaseState::Skipped => "–",
            PhaseState::Pending => "·",
            PhaseState::Queued | PhaseState::Waiting | PhaseState::Paused => "…",
        };
        let mut line = format!("  {sign} {:15}", phase.phase);
        if let Some(progress) = &phase.progress
            && let (Some(done), Some(total)) = (progress.done, progress.total)
        {
            line.push_str(&format!(" {done}/{total} {}", progress.unit.as_deref().unwrap_or_default()));
        }
        if let Some(reason) = &phase.reason {
            line.push_str(&format!("  {reason}"));
        }
        let figures = progress::figures(phase);
        if !figures.is_empty() {
            line.push_str(&format!("  {figures}"));
        }
        if let Some(error) = &phase.error {
            line.push_str(&format!("  {}: {}", error.code, error.message));
        }
        say(&line);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn list(
    api: &Api,
    pipeline: Option<&str>,
    state: Option<&str>,
    limit: usize,
) -> Result<ExitCode> {
    let mut path = format!("/api/jobs?limit={limit}");
    for (name, value) in [("pipeline", pipeline), ("state", state)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    let page: JobPage = api.get(&path).await?;
    for job in page.jobs {
        let state = serde_json::to_value(job.status)?;
        let state = state.as_str().unwrap_or_default();
        say(&format!("{}  {:12} {:17} {}  {}", job.job_id, job.pipeline, state, job.last_updated, job.key));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn why(api: &Api, job: &JobRef) -> Result<ExitCode> {
    let why: Why = api.get(&format!("/api/jobs/{}/why", api.resolve(job).await?)).await?;
    say(&why.summary);
    for cause in &why.causes {
        tell(cause, 1);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(cause: &Cause, depth: usize) {
    let mut line = format!("{}{}", "  ".repeat(depth), cause.reason.text);
    for (word, at) in [("since", cause.reason.since), ("until", cause.reason.until)] {
        if let Some(at) = at {
            line.push_str(&format!(", {word} {at}"));
        }
    }
    if let Some(hint) = &cause.reason.hint {
        line.push_str(&format!("  [{hint}]"));
    }
    say(&line);
    cause.because.iter().for_each(|cause| tell(cause, depth + 1));
}

pub(super) async fn command(api: &Api, job: &JobRef, action: &str, body: &Value) -> Result<ExitCode> {
    let id = api.resolve(job).await?;
    let answer = api.post(&format!("/api/jobs/{id}/{action}"), body).await?;
    let changed = answer["changed"].as_bool().unwrap_or(true);
    let state = answer["status"].as_str().unwrap_or("?");
    say(&format!("{} is {state}{}", job.job, if changed { "" } else { "; nothing had to change" }));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn signal(api: &Api, job: &JobRef, name: &str, payload: &str) -> Result<ExitCode> {
    let payload: Value = serde_json::from_str(payload).context("--payload is not JSON")?;
    command(api, job, &format!("signals/{}", escape(name)), &payload).await
}
