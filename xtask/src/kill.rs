//! `cargo xtask kill`: the long kill test with any numbers. The test itself is with the executable that it kills,
//! `crates/segue/tests/it/kill.rs`; here its numbers are handed over, and what it prints is shown as it comes.

use std::process::Command;

/// What the test is told by a variable of its environment.
const NUMBERS: [(&str, &str); 4] = [
    ("--orchestrator", "KILL_ORCHESTRATOR"),
    ("--services", "KILL_SERVICES"),
    ("--seeds", "KILL_SEEDS"),
    ("--random", "KILL_RANDOM"),
];

/// Runs the test with these arguments.
///
/// # Errors
/// An argument that is none of ours, or the test's failure.
pub(crate) fn run(arguments: &[&str]) -> Result<String, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet", "--package", "segue", "--test", "it"]);
    let (release, numbers): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|one| **one == "--release");
    if !release.is_empty() {
        cargo.arg("--release");
    }
    cargo.envs(variables(&numbers)?).args(["--", "--nocapture", "kill::slow::"]);
    let status = cargo.status().map_err(|error| format!("cargo can't be run: {error}"))?;
    if status.success() { Ok(String::new()) } else { Err("the kill test has failed".to_owned()) }
}

fn variables(arguments: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
    let mut variables = Vec::new();
    for pair in arguments.chunks(2) {
        let known = NUMBERS.iter().find(|(name, _)| *name == pair[0]);
        let (name, variable) = known.ok_or_else(|| format!("unknown argument {}", pair[0]))?;
        let number = pair.get(1).and_then(|text| text.parse::<u64>().ok());
        variables.push((*variable, number.ok_or_else(|| format!("{name} needs a number"))?.to_string()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn arguments_become_the_tests_variables() {
        let read = variables(&["--seeds", "12", "--services", "3"]).unwrap();
        assert_eq!(read, [("KILL_SEEDS", "12".to_owned()), ("KILL_SERVICES", "3".to_owned())]);
        assert!(variables(&["--seeds"]).is_err() && variables(&["--seeds", "x"]).is_err());
        assert!(variables(&["--sed", "1"]).unwrap_err().contains("--sed"));
    }
}
