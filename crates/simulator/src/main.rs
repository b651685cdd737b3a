//! `cargo xtask simulate`: runs seeds, and shows and shrinks those that fail.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use simulator::campaign::{many, one};

const USAGE: &str = "usage: simulate --seeds N [--from S]    run so many seeds, from S on (else from 0)
       simulate --seed S                run one, and show all that happens";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let outcome = match arguments.as_slice() {
        ["--seed", seed] => number(seed).map(one),
        ["--seeds", count] => number(count).map(|count| many(0, count)),
        ["--seeds", count, "--from", from] => {
            number(count).zip(number(from)).map(|(count, from)| many(from, count))
        }
        _ => None,
    };
    let (text, code) = match outcome {
        Some(Ok((text, true))) => (text, ExitCode::SUCCESS),
        Some(Ok((text, false))) => (text, ExitCode::FAILURE),
        Some(Err(error)) => (error.to_string(), ExitCode::FAILURE),
        None => (USAGE.to_owned(), ExitCode::FAILURE),
    };
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Ok(()) => code,
        Err(_closed_pipe) => ExitCode::FAILURE,
    }
}
