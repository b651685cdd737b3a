//! Measures Segue against the physical limit, and draws what came out. `cargo xtask bench` builds and runs it.

mod cli;
mod http;
mod load;
mod pipeline;
mod plot;
mod relay;
mod report;
mod runs;
mod system;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
