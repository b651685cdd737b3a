//! `segue check http://service`: runs the callback contract (docs/protocol.md) against a service in any language. It plays
//! the orchestrator: real starts to the service, a real listener for its callbacks, and answers as good and as bad as in life.
//!
//! Nothing is concluded from how fast things are. What must not come is looked for at the end, when things that began later
//! have come; `--takes` only limits how long something that must come is waited for.

mod artifacts;
mod callbacks;
mod crash;
mod findings;
mod listener;
mod optional;
mod probe;
mod process;
mod starts;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

use self::{
    findings::{Finding, Report},
    probe::Probe,
    process::Process,
};
use crate::{cli::check::Check, logging::say};

/// How often something is looked at that tells nobody when it changes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn run(check: &Check) -> Result<ExitCode> {
    let mut probe = Probe::new(check).await?;
    let mut process = match &check.run {
        Some(line) => Some(Process::start(line, &probe.service, probe.patience).await?),
        None => None,
    };
    if check.phase.is_none()
        && let Some(phase) = probe.health().await.and_then(|health| health.phases.into_iter().next())
    {
        probe.phase = phase;
    }
    let found = all(&probe, process.as_mut()).await?;
    let report = Report::new(&probe.service, &probe.phase, check.strict, found);
    say(&if check.json { serde_json::to_string_pretty(&report)? } else { report.text() });
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every check, in an order in which later ones make earlier ones certain.
async fn all(probe: &Probe, process: Option<&mut Process>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let Some((first, at_once)) = starts::first(probe, &mut found).await? else { return Ok(found) };
    if !at_once && !callbacks::form(probe, &first, &mut found).await {
        return Ok(found);
    }
    let (twice, worst) = starts::twice(probe).await?;
    let unwanted = callbacks::unwanted(probe).await?;
    callbacks::again(probe, &mut found).await?;
    found.push(callbacks::judge_stops(probe, &unwanted));
    found.push(starts::judge_twice(probe, &twice, &worst));
    if !starts::unreadable(probe, &mut found).await? {
        return Ok(found);
    }
    starts::signed(probe, &mut found).await?;
    optional::health(probe, &mut found).await;
    optional::status(probe, &first, &mut found).await;
    optional::cancel(probe, &mut found).await?;
    optional::pause(probe, &mut found).await?;
    optional::progress(probe, &[&first, &twice], &mut found);
    crash::crash(probe, process, &mut found).await?;
    Ok(found)
}
