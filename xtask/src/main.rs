//! Repository tasks: `cargo xtask tidy`, `bench`, `compose`, `fuzz`, `kill`, `chaos`, `soak`, `theatre`, `twindocs` and `simulate`.
//!
//! Why a program and not shell: the checks run as tests too, on every system that has cargo, and each is tested on text
//! that breaks it. Arguments are matched by hand: eight commands do not pay for a parser's build time.

mod bench;
mod compose;
mod fuzz;
mod long;
mod repo;
mod rust_text;
mod simulate;
mod tidy;

use std::{
    io::{self, Write},
    process::ExitCode,
};

const USAGE: &str = include_str!("usage.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => repo::Repo::load(&repo::root()).and_then(|repo| tidy::run(&repo)),
        ["bench", arguments @ ..] => bench::run(&repo::root(), arguments),
        ["compose", segue] => compose::dry_run(&repo::root(), segue),
        ["fuzz", arguments @ ..] => fuzz::run(&repo::root(), arguments),
        [name @ ("kill" | "chaos" | "soak" | "theatre" | "twindocs"), arguments @ ..] => {
            long::run(name, arguments)
        }
        ["simulate", arguments @ ..] => simulate::run(arguments),
        _ => Err(USAGE.to_owned()),
    };
    let (text, code) = match outcome {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Ok(()) => code,
        Err(_closed_pipe) => ExitCode::FAILURE,
    }
}
