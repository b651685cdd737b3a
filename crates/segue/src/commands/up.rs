//! `segue up`: the orchestrator and its services on one machine, each a process, with one readable log.

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use engine::ids::Name;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Setup, read_setup},
    logging::say_error,
    supervise,
};

pub(super) async fn run(config: &Path, only: Option<&str>) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    let services = wanted(&setup, only)?;
    let shutdown = CancellationToken::new();
    supervise::cancel_on_signal(shutdown.clone());
    let file = setup.file.display().to_string();
    let mut running = Vec::new();
    let orchestrate = format!("segue --config {file} orchestrate");
    running.push(tokio::spawn(supervise::keep_running(
        "orchestrator".to_owned(),
        orchestrate,
        shutdown.clone(),
    )));
    for (name, service) in setup.config.services.iter().filter(|(name, _)| services.contains(*name)) {
        let Some(line) = &service.run else { continue };
        // Our own services read the configuration that we were given.
        let line = match line.strip_prefix("segue ") {
            Some(rest) => format!("segue --config {file} {rest}"),
            None => line.clone(),
        };
        running.push(tokio::spawn(supervise::keep_running(name.to_string(), line, shutdown.clone())));
    }
    let listen = setup.config.orchestrator.public_url;
    say_error(&format!(
        "{:>14} │ {} processes; the API is at {listen}; Ctrl-C stops all",
        "up",
        running.len()
    ));
    for one in running {
        one.await.context("a supervisor broke down")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(setup: &Setup, only: Option<&str>) -> Result<BTreeSet<Name>> {
    let Some(only) = only else { return Ok(setup.config.services.keys().cloned().collect()) };
    let pipeline = setup.pipelines.iter().find(|pipeline| pipeline.name == *only);
    let pipeline = pipeline.with_context(|| format!("there is no pipeline '{only}'"))?;
    Ok(pipeline.phases.iter().filter_map(|phase| phase.service()).map(|work| work.service.clone()).collect())
}
