//! `segue journal`: the journal on disk, also while it is damaged.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use journal::Journal;
use journal_embedded::{EmbeddedJournal, Options, inspect};

use crate::{cli, config::read_config, logging::say};

/// Opens the embedded journal in a folder.
pub(super) fn open(folder: &Path) -> Result<Arc<dyn Journal>> {
    let opened = EmbeddedJournal::open(Options::new(folder)).context("the journal can't be opened")?;
    if opened.torn > 0 {
        tracing::warn!(
            bytes = opened.torn,
            "the journal's end was torn by a crash and is cut; nobody was told of it"
        );
    }
    if opened.index_rebuilt {
        tracing::warn!("the journal's index did not fit and was built again");
    }
    Ok(Arc::new(opened.journal))
}

pub(super) fn run(config: &Path, command: &cli::Journal) -> Result<ExitCode> {
    let (config, _) = read_config(config)?;
    let folder = config.orchestrator.data.join("journal");
    let report = match command {
        cli::Journal::Verify => inspect::verify(&folder)?,
        cli::Journal::Dump { job } => {
            let only: Option<engine::ids::JobId> =
                job.as_deref().map(str::parse).transpose().context("--job is the id of a job")?;
            inspect::dump(&folder, |one| {
                if only.is_none_or(|only| only == one.job) {
                    let event = String::from_utf8_lossy(&one.event);
                    say(&format!("{} {} {} {event}", one.position, one.job, one.seq));
                }
            })?
        }
    };
    if let cli::Journal::Verify = command {
        let inspect::Report { segments, records, events, bytes, last, .. } = report;
        say(&format!(
            "{segments} segments, {records} records, {events} events, {bytes} bytes, last position {last}"
        ));
        if report.torn_tail {
            say("the end is torn: what lies there was never finished, and nobody was told of it");
        }
    }
    if report.damaged.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let damage: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    bail!("{}", damage.join("\n       "))
}
