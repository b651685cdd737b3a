//! The command line, and what each command does.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};

use crate::{
    http::Error,
    relay, report,
    runs::{self, Plan, Results, Round},
};

#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The relay; with a file it is durable
    Relay { listen: SocketAddr, stub: String, log: Option<PathBuf> },
    /// Measures
    Run(Run),
}

#[derive(clap::Args)]
pub(crate) struct Run {
    /// Segue's executable
    segue: PathBuf,
    /// The repository's docs: its performance.md and performance/results.json are compared with, or written
    docs: PathBuf,
    /// For what the systems write; on the disk that is to be measured
    #[arg(long)]
    folder: PathBuf,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Jobs at a time
    #[arg(long, value_delimiter = ',', default_value = "1,64,512")]
    concurrency: Vec<usize>,
    /// Most jobs that wait for a callback: 1,000, and ten times as many up to this
    #[arg(long, default_value_t = 0)]
    waiting: u64,
    /// A PostgreSQL database, which is filled with jobs
    #[arg(long)]
    postgres: Option<String>,
    /// Writes the page and the plots instead of comparing
    #[arg(long)]
    write: bool,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Where something can't be measured, or has become worse.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Relay { listen, stub, log } => relay::run(listen, stub, log.as_deref()).await,
            Self::Run(run) => measure(run).await,
        }
    }
}

async fn measure(run: Run) -> Result<(), Error> {
    let settings = format!(
        "Release build, {} rounds of {} s after one of warming up; journal and relay's log on the same disk.",
        run.rounds, run.seconds
    );
    let plan = Plan {
        segue: run.segue,
        folder: run.folder,
        rounds: run.rounds,
        seconds: run.seconds,
        concurrencies: run.concurrency,
        waiting: run.waiting,
        postgres: run.postgres,
    };
    let results = runs::run(&plan, &mut |line| println!("{line}")).await?;
    for one in report::ratios(&results) {
        println!(
            "{} with {} at a time: {:.2} of durable, {:.2} of bare, p50 {:.2}, p99 {:.2}",
            one.system, one.concurrency, one.of_durable, one.of_bare, one.p50, one.p99
        );
    }
    let recorded = run.docs.join("performance/results.json");
    if run.write {
        return write(&run.docs, &recorded, results, &settings);
    }
    let recorded: Results = serde_json::from_str(&fs::read_to_string(recorded)?)?;
    let losses = report::losses(&recorded, &results);
    if losses.is_empty() { Ok(()) } else { Err(losses.join("\n").into()) }
}

/// Writes the page. What was not measured this time stays as it was recorded.
fn write(docs: &Path, recorded: &Path, mut results: Results, settings: &str) -> Result<(), Error> {
    if recorded.exists() {
        let before: Results = serde_json::from_str(&fs::read_to_string(recorded)?)?;
        let measured =
            |one: &Round| results.rounds.iter().any(|new| new.outcome.concurrency == one.outcome.concurrency);
        let kept: Vec<Round> = before.rounds.into_iter().filter(|one| !measured(one)).collect();
        results.rounds.extend(kept);
        if results.waiting.is_empty() {
            results.waiting = before.waiting;
        }
    }
    let (page, plots) = report::page(&results, settings);
    fs::create_dir_all(docs.join("performance"))?;
    for (name, svg) in plots {
        fs::write(docs.join("performance").join(name), svg)?;
    }
    fs::write(recorded, serde_json::to_string_pretty(&results)?)?;
    fs::write(docs.join("performance.md"), page)?;
    Ok(())
}
