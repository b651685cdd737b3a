//! The `segue` executable: reads the command line, runs the command, says what went wrong. Nothing else happens here.

mod api;
mod catalogs;
mod cli;
mod commands;
mod config;
mod logging;
mod progress;
mod storage;
mod supervise;

use std::process::ExitCode;

use clap::Parser;

/// Events, bodies and payloads are made by one thread and freed by another: what the system's allocator does worst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("no threads could be started")),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    logging::say_error(&format!("segue: {error:#}"));
    ExitCode::FAILURE
}
