//! Repository tasks: `cargo xtask tidy`, `compose`, `fuzz`, `kill`, `chaos`, `soak`, `theatre` and `simulate`.
//!
//! Why a program and not shell: the checks run as tests too, on every system that has cargo, and each is tested on text
//! that breaks it. Arguments are matched by hand: seven commands do not pay for a parser's build time.

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

const USAGE: &str = "\
usage: cargo xtask tidy                    check the rules of this repository (CONTRIBUTING.md lists them)
       cargo xtask compose SEGUE           check that SEGUE, an executable, accepts every command of docker-compose.yml
       cargo xtask fuzz --minutes N [TARGET]
                                            try each reader of what others wrote with made-up inputs (needs cargo-fuzz)
       cargo xtask kill [--orchestrator N] [--services N] [--seeds N] [--random N] [--release]
                                            kill so many processes during a course, and compare all of its files with
                                            those of an undisturbed one; --random repeats the moments of an earlier run
       cargo xtask chaos [--jobs N] [--kills N] [--seed N] [--release]
                                            kill (-9) and freeze processes under load, behind a network that loses and
                                            doubles; then read back whatever was acknowledged
       cargo xtask soak [--minutes N] [--rate N] [--keep N] [--bytes N] [--release]
                                            so many jobs a second, ended ones kept for so many seconds: memory and
                                            data folder must be flat; SOAK_SVG=FILE draws them
       cargo xtask theatre [--theatres N] [--sentences N] [--every MS] [--release]
                                            from a sentence to everybody's screen, a model taking its time
       cargo xtask simulate --seeds N [--from S] [--release]
                                            run the whole system under so many seeds, with faults; --seed S shows one
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => repo::Repo::load(&repo::root()).and_then(|repo| tidy::run(&repo)),
        ["compose", segue] => compose::dry_run(&repo::root(), segue),
        ["fuzz", arguments @ ..] => fuzz::run(&repo::root(), arguments),
        [name @ ("kill" | "chaos" | "soak" | "theatre"), arguments @ ..] => long::run(name, arguments),
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
