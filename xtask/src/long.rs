//! `cargo xtask kill`, `chaos`, `soak`, `theatre` and `twindocs`: the long tests with any numbers. The tests themselves are with the executable that
//! they run, in `crates/segue/tests/it`; here their numbers are handed over, and what they print is shown as it comes.

use std::process::Command;

/// A long test.
#[derive(Debug)]
struct Long {
    /// Its module in `crates/segue/tests/it`.
    module: &'static str,
    /// Its arguments, and the variables of its environment that they become.
    numbers: &'static [(&'static str, &'static str)],
}

/// All of them.
const ALL: [Long; 5] = [
    // Kills during a course, and compares its files.
    Long {
        module: "kill",
        numbers: &[
            ("--orchestrator", "KILL_ORCHESTRATOR"),
            ("--services", "KILL_SERVICES"),
            ("--seeds", "KILL_SEEDS"),
            ("--random", "KILL_RANDOM"),
        ],
    },
    // Kills and freezes under load, and reads back what was acknowledged.
    Long {
        module: "chaos",
        numbers: &[("--jobs", "CHAOS_JOBS"), ("--kills", "CHAOS_KILLS"), ("--seed", "CHAOS_SEED")],
    },
    // Jobs at a steady rate: memory and disk are flat.
    Long {
        module: "soak",
        numbers: &[
            ("--minutes", "SOAK_MINUTES"),
            ("--rate", "SOAK_RATE"),
            ("--keep", "SOAK_KEEP"),
            ("--bytes", "SOAK_BYTES"),
        ],
    },
    // From a sentence to everybody's screen, in many theatres.
    Long {
        module: "theatre",
        numbers: &[
            ("--theatres", "THEATRE_THEATRES"),
            ("--sentences", "THEATRE_SENTENCES"),
            ("--every", "THEATRE_EVERY"),
        ],
    },
    // Kills while a codebase is documented twice, and compares the packages.
    Long { module: "twindocs", numbers: &[("--kills", "TWINDOCS_KILLS"), ("--seed", "TWINDOCS_SEED")] },
];

/// Runs a long test with these arguments.
///
/// # Errors
/// There is none of this name, an argument is none of its own, or it has failed.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Result<String, String> {
    find(name)?.run(arguments)
}

fn find(name: &str) -> Result<&'static Long, String> {
    ALL.iter().find(|long| long.module == name).ok_or_else(|| format!("there is no long test '{name}'"))
}

impl Long {
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["test", "--quiet", "--package", "segue", "--test", "it"]);
        let (release, numbers): (Vec<&str>, Vec<&str>) =
            arguments.iter().partition(|one| **one == "--release");
        if !release.is_empty() {
            cargo.arg("--release");
        }
        let only = format!("{}::slow::", self.module);
        cargo.envs(self.variables(&numbers)?).args(["--", "--nocapture", &only]);
        let status = cargo.status().map_err(|error| format!("cargo can't be run: {error}"))?;
        if status.success() { Ok(String::new()) } else { Err(format!("{} has failed", self.module)) }
    }

    fn variables(&self, arguments: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
        let mut variables = Vec::new();
        for pair in arguments.chunks(2) {
            let known = self.numbers.iter().find(|(name, _)| *name == pair[0]);
            let (name, variable) = known.ok_or_else(|| format!("unknown argument {}", pair[0]))?;
            let number = pair.get(1).and_then(|text| text.parse::<u64>().ok());
            variables.push((*variable, number.ok_or_else(|| format!("{name} needs a number"))?.to_string()));
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn arguments_become_the_tests_variables() {
        let kill = find("kill").unwrap();
        let read = kill.variables(&["--seeds", "12", "--services", "3"]).unwrap();
        assert_eq!(read, [("KILL_SEEDS", "12".to_owned()), ("KILL_SERVICES", "3".to_owned())]);
        assert!(kill.variables(&["--seeds"]).is_err() && kill.variables(&["--seeds", "x"]).is_err());
        assert!(find("chaos").unwrap().variables(&["--seeds", "1"]).unwrap_err().contains("--seeds"));
    }
}
