//! `cargo xtask simulate`: the simulator by hand. It is a crate of its own, since what builds the whole orchestrator is too
//! much for the checks; here it is only built and run.

use std::process::Command;

/// Runs the simulator with these arguments; `--release` is ours.
///
/// # Errors
/// Where a seed fails, or the simulator can't be built.
pub(crate) fn run(arguments: &[&str]) -> Result<String, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let (release, rest) = split(arguments);
    cargo.args(["run", "--quiet", "--package", "simulator"]);
    if release {
        cargo.arg("--release");
    }
    let status = cargo.arg("--").args(rest).status();
    let status = status.map_err(|error| format!("cargo can't be run: {error}"))?;
    if status.success() { Ok(String::new()) } else { Err("the simulation has failed".to_owned()) }
}

fn split<'a>(arguments: &[&'a str]) -> (bool, Vec<&'a str>) {
    let (release, rest): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|one| **one == "--release");
    (!release.is_empty(), rest)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn release_is_for_cargo_and_the_rest_for_the_simulator() {
        assert_eq!(split(&["--release", "--seeds", "9"]), (true, vec!["--seeds", "9"]));
        assert_eq!(split(&["--seed", "9"]), (false, vec!["--seed", "9"]));
    }
}
