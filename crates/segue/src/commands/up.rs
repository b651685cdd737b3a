//! `segue up`: the orchestrator and its services on one machine, each a process, with one readable log.

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use engine::ids::Name;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Setup, read_setup},
    logging::say_error,
    supervise::{self, Ending},
};

pub(super) async fn run(config: &Path, only: Option<&str>) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    let services = wanted(&setup, only)?;
    let (asked, at_once) = (CancellationToken::new(), CancellationToken::new());
    supervise::cancel_on_signals(vec![asked.clone(), at_once.clone()]);
    let ending = || Ending { at_once: at_once.clone(), ..Ending::default() };
    let (orchestrator, workers) = (ending(), ending());
    let keep = |name: String, line: String, ending: Ending| {
        tokio::spawn(supervise::keep_running(name, line, setup.file.clone(), ending))
    };
    let orchestrating = keep("orchestrator".to_owned(), "segue orchestrate".to_owned(), orchestrator.clone());
    let mut serving = Vec::new();
    for (name, service) in setup.config.services.iter().filter(|(name, _)| services.contains(*name)) {
        if let Some(line) = &service.run {
            serving.push(keep(name.to_string(), line.clone(), workers.clone()));
        }
    }
    let processes = serving.len() + 1;
    let listen = &setup.config.orchestrator.public_url;
    say_error(&format!("{:>14} │ {processes} processes; the API is at {listen}; Ctrl-C stops all", "up"));
    asked.cancelled().await;
    say_error(&format!("{:>14} │ stopping; what is under way may end, Ctrl-C again kills it", "up"));
    // Nothing new is offered; services end while somebody still takes their results; then nobody is left to need that.
    orchestrator.handover.cancel();
    workers.stop.cancel();
    for one in serving {
        one.await.context("a supervisor broke down")?;
    }
    orchestrator.stop.cancel();
    orchestrating.await.context("a supervisor broke down")?;
    Ok(ExitCode::SUCCESS)
}

fn wanted(setup: &Setup, only: Option<&str>) -> Result<BTreeSet<Name>> {
    let Some(only) = only else { return Ok(setup.config.services.keys().cloned().collect()) };
    let pipeline = setup.pipelines.iter().find(|pipeline| pipeline.name == *only);
    let pipeline = pipeline.with_context(|| format!("there is no pipeline '{only}'"))?;
    Ok(pipeline.phases.iter().filter_map(|phase| phase.service()).map(|work| work.service.clone()).collect())
}
