//! `segue health URL`: for health checks of containers, which have no curl.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::logging::say;

pub(super) async fn run(url: &str) -> Result<ExitCode> {
    let http = phase_kit::http_client().context("no HTTP client")?;
    let address = format!("{}/health", url.trim_end_matches('/'));
    let answer = http.get(&address).send().await.with_context(|| format!("{address} does not answer"))?;
    let status = answer.status();
    say(answer.text().await.unwrap_or_default().trim());
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
