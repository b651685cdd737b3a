//! `segue journal`: the journal on disk, also while it is damaged; and copies of any journal.

mod copy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use journal_embedded::inspect;

use crate::{cli, config::read_config, logging::say};

pub(super) async fn run(config: &Path, command: &cli::Journal) -> Result<ExitCode> {
    match command {
        cli::Journal::Copy { from, to } => return copy::run(config, from, to).await,
        cli::Journal::Verify => verify(&folder(config)?)?,
        cli::Journal::Dump { job } => dump(&folder(config)?, job.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the embedded journal is.
fn folder(config: &Path) -> Result<PathBuf> {
    let orchestrator = read_config(config)?.0.orchestrator;
    if orchestrator.journal.is_some() {
        bail!("the journal is in a PostgreSQL, whose own tools check it; this is for a journal in a folder");
    }
    Ok(orchestrator.data.join("journal"))
}

fn verify(folder: &Path) -> Result<()> {
    let report = inspect::verify(folder)?;
    let inspect::Report { segments, records, events, bytes, last, .. } = report;
    say(&format!(
        "{segments} segments, {records} records, {events} events, {bytes} bytes, last position {last}"
    ));
    if report.torn_tail {
        say("the end is torn: what lies there was never finished, and nobody was told of it");
    }
    tell_damage(&report)
}

fn dump(folder: &Path, job: Option<&str>) -> Result<()> {
    let only: Option<engine::ids::JobId> =
        job.map(str::parse).transpose().context("--job is the id of a job")?;
    let report = inspect::dump(folder, |one| {
        if only.is_none_or(|only| only == one.job) {
            let event = String::from_utf8_lossy(&one.event);
            say(&format!("{} {} {} {event}", one.position, one.job, one.seq));
        }
    })?;
    tell_damage(&report)
}

fn tell_damage(report: &inspect::Report) -> Result<()> {
    if report.damaged.is_empty() {
        return Ok(());
    }
    let damage: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    bail!("{}", damage.join("\n       "))
}
