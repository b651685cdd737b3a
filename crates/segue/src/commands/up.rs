//! `segue up`: the orchestrator and its services on one machine, each a process, with one readable log. What a service needs is
//! there before it, and stays until it is gone.

use std::{collections::BTreeSet, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use engine::ids::Name;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Setup, read_setup},
    logging::say_error,
    supervise::{self, Ending},
};

/// What others need may take so long to answer; then they are started all the same.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// So often is it asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The processes of one round.
type Round = (CancellationToken, Vec<JoinHandle<()>>);

pub(super) async fn run(config: &Path, only: Option<&str>) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    let services = wanted(&setup, only)?;
    let (asked, at_once) = (CancellationToken::new(), CancellationToken::new());
    supervise::cancel_on_signals(vec![asked.clone(), at_once.clone()]);
    let ending = || Ending { at_once: at_once.clone(), ..Ending::default() };
    let orchestrator = ending();
    let keep = |name: String, line: String, ending: Ending| {
        tokio::spawn(supervise::keep_running(name, line, setup.file.clone(), ending))
    };
    let orchestrating = keep("orchestrator".to_owned(), "segue orchestrate".to_owned(), orchestrator.clone());
    let rounds = setup.config.rounds(services.as_ref());
    let (mut processes, mut serving) = (1, Vec::<Round>::new());
    for (index, round) in rounds.iter().enumerate() {
        let workers = ending();
        let lines =
            round.iter().filter_map(|name| Some((name, setup.config.services.get(name)?.run.clone()?)));
        let started: Vec<_> =
            lines.map(|(name, line)| keep(name.to_string(), line, workers.clone())).collect();
        processes += started.len();
        serving.push((workers.stop, started));
        if index + 1 < rounds.len() {
            let ready = until_ready(&setup, needed_later(&setup, round, &rounds[index + 1..]));
            asked.run_until_cancelled(ready).await;
        }
    }
    let listen = &setup.config.orchestrator.public_url;
    say_error(&format!("{:>14} │ {processes} processes; the API is at {listen}; Ctrl-C stops all", "up"));
    asked.cancelled().await;
    say_error(&format!("{:>14} │ stopping; what is under way may end, Ctrl-C again kills it", "up"));
    // Nothing new is offered; services end while somebody still takes their results; then nobody is left to need that.
    orchestrator.handover.cancel();
    for (stop, round) in serving.into_iter().rev() {
        stop.cancel();
        for one in round {
            one.await.context("a supervisor broke down")?;
        }
    }
    orchestrator.stop.cancel();
    orchestrating.await.context("a supervisor broke down")?;
    Ok(ExitCode::SUCCESS)
}

/// What of a round is needed by a later one, of what we start.
fn needed_later<'a>(setup: &'a Setup, round: &'a [Name], later: &[Vec<Name>]) -> Vec<&'a Name> {
    let services = &setup.config.services;
    let is_needed = |name: &&Name| {
        let wants = |other: &Name| services.get(other).is_some_and(|service| service.needs.contains(name));
        later.iter().flatten().any(wants) && services.get(*name).is_some_and(|service| service.run.is_some())
    };
    round.iter().filter(is_needed).collect()
}

/// Waits until these services answer, or have had their time.
async fn until_ready(setup: &Setup, names: Vec<&Name>) {
    let Ok(http) = phase_kit::http_client() else { return };
    let answer = async {
        for name in &names {
            let Some(service) = setup.config.services.get(*name) else { continue };
            let Some(url) = service.urls.first() else { continue };
            let address = format!("{url}/health");
            while http.get(&address).timeout(Duration::from_secs(2)).send().await.is_err() {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
    };
    if tokio::time::timeout(READY_WITHIN, answer).await.is_err() {
        say_error(&format!(
            "{:>14} │ what others need does not answer yet; they are started all the same",
            "up"
        ));
    }
}

/// The services of one pipeline, and those that say that they are for it. `None`: all.
fn wanted(setup: &Setup, only: Option<&str>) -> Result<Option<BTreeSet<Name>>> {
    let Some(only) = only else { return Ok(None) };
    let pipeline = setup.pipelines.iter().find(|pipeline| pipeline.name == *only);
    let pipeline = pipeline.with_context(|| format!("there is no pipeline '{only}'"))?;
    let of_phases =
        pipeline.phases.iter().filter_map(|phase| phase.service()).map(|work| work.service.clone());
    Ok(Some(of_phases.chain(setup.config.services_for(only).cloned()).collect()))
}
