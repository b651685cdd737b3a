//! One file per command, or per few that are alike; here only which is which.

mod answer;
mod artifacts;
mod check;
mod course;
mod fake;
mod graph;
mod health;
mod jobs;
mod journal;
mod orchestrate;
mod recorder;
mod serve;
mod start;
mod up;
mod validate;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    api::Api,
    cli::{Cli, Command},
    config, logging,
};

/// Runs the command that was given.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let api = || client(&cli);
    match &cli.command {
        Command::Up { only } => up::run(&cli.config, only.as_deref()).await,
        Command::Orchestrate => orchestrate::run(&cli.config).await,
        Command::Serve(serve) => serve::run(&cli.config, cli.token.as_deref(), serve).await,
        Command::Check(check) => check::run(check).await,
        Command::Fake(fake) => fake::run(&cli.config, cli.token.as_deref(), fake).await,
        Command::Start(start) => start::run(&api()?, start).await,
        Command::Status { job, wait: false } => jobs::status(&api()?, job).await,
        Command::Status { job, wait: true } => {
            let api = api()?;
            start::wait(&api, &api.resolve(job).await?).await
        }
        Command::Jobs { pipeline, state, limit } => {
            jobs::list(&api()?, pipeline.as_deref(), state.as_deref(), *limit).await
        }
        Command::Why(job) => jobs::why(&api()?, job).await,
        Command::Cancel { job, reason } => {
            jobs::command(&api()?, job, "cancel", &serde_json::json!({ "reason": reason })).await
        }
        Command::Pause(job) => jobs::command(&api()?, job, "pause", &serde_json::json!({})).await,
        Command::Resume(job) => jobs::command(&api()?, job, "resume", &serde_json::json!({})).await,
        Command::Retry(job) => jobs::command(&api()?, job, "retry", &serde_json::json!({})).await,
        Command::Rerun { job, from } => {
            let action = format!("rerun?from={}", crate::api::escape(from));
            jobs::command(&api()?, job, &action, &serde_json::json!({})).await
        }
        Command::Signal { job, name, payload } => jobs::signal(&api()?, job, name, payload).await,
        Command::Export(export) => recorder::export(&api()?, export).await,
        Command::Replay(replay) => recorder::run(replay).await,
        Command::Trace { job, otlp } => recorder::trace(&api()?, job, *otlp).await,
        Command::Artifacts(command) => artifacts::run(&api()?, command).await,
        Command::Doctor => validate::doctor(&cli.config).await,
        Command::Validate => validate::validate(&cli.config),
        Command::Graph { pipeline, svg } => graph::run(&cli.config, pipeline, *svg),
        Command::Journal(command) => journal::run(&cli.config, command).await,
        Command::Course(command) => course::run(command),
        Command::Health { url } => health::run(url).await,
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "segue", &mut text);
            logging::say(&String::from_utf8_lossy(&text));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The orchestrator's API, where the command line or else the configuration says.
fn client(cli: &Cli) -> Result<Api> {
    let base = match &cli.url {
        Some(url) => url.clone(),
        None if cli.config.exists() => config::read_config(&cli.config)?.0.orchestrator.public_url,
        None => "http://127.0.0.1:3456".to_owned(),
    };
    Api::new(&base, cli.token.clone())
}
