//! `cargo xtask fuzz`: every fuzz target for some minutes, one after another, from the seeds of our own tests.
//!
//! Needs cargo-fuzz. The targets need a flag that only nightly compilers take by themselves; the stable one takes it with
//! `RUSTC_BOOTSTRAP=1`, so that they are tried with the compiler that builds the product. No sanitizer: nothing of ours is
//! `unsafe`, and without one it is several times as fast. Overflow checks and debug assertions are on.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// A target, and the longest input that it is given: longer than what finds something, short enough to be quick.
const TARGETS: [(&str, u32); 8] = [
    ("callback_body", 4_096),
    ("pipeline_file", 8_192),
    ("services_file", 4_096),
    ("journal_record", 4_096),
    ("signature_header", 1_024),
    ("other_bodies", 4_096),
    ("condition", 512),
    ("replay", 8_192),
];
/// Memory of a target, in MiB; one that wants more has a fault.
const MEMORY: u32 = 2_048;
/// Seconds that one input may take.
const SLOWEST: u32 = 10;
/// Lines of a target's words that are shown where it has found something.
const SHOWN: usize = 40;

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Wanted<'a> {
    minutes: u64,
    target: Option<&'a str>,
}

/// Runs the targets.
///
/// # Errors
/// What a target has found, with the input's file, or why nothing could be run.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let wanted = read(arguments)?;
    build(root)?;
    let mut summary = String::new();
    for (name, longest) in TARGETS.iter().filter(|(name, _)| wanted.target.is_none_or(|only| only == *name)) {
        let said = try_one(root, name, *longest, wanted.minutes)?;
        let _ = writeln!(summary, "{name}: {said}");
    }
    Ok(summary)
}

fn read<'a>(arguments: &[&'a str]) -> Result<Wanted<'a>, String> {
    let (minutes, target) = match arguments {
        ["--minutes", minutes] => (minutes, None),
        ["--minutes", minutes, target] => (minutes, Some(*target)),
        _ => return Err("usage: cargo xtask fuzz --minutes N [TARGET]".to_owned()),
    };
    if let Some(target) = target.filter(|target| !TARGETS.iter().any(|(name, _)| name == target)) {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no target '{target}'; there are {}", names.join(", ")));
    }
    let minutes = minutes.parse().map_err(|_| format!("'{minutes}' is no number of minutes"))?;
    Ok(Wanted { minutes, target })
}

/// Builds the targets and writes their seeds.
fn build(root: &Path) -> Result<(), String> {
    let built = fuzz(root).args(["build", "--sanitizer", "none"]).status();
    match built {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("the targets can't be built: cargo install --locked cargo-fuzz?".to_owned()),
        Err(error) => return Err(format!("cargo can't be run: {error}")),
    }
    match fuzz(root).args(["run", "--sanitizer", "none", "seeds"]).status() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("the seeds can't be written: {other:?}")),
    }
}

fn fuzz(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("fuzz").current_dir(root).env("RUSTC_BOOTSTRAP", "1");
    cargo
}

/// Runs a target, and says what it did in a line.
fn try_one(root: &Path, name: &str, longest: u32, minutes: u64) -> Result<String, String> {
    let findings = root.join("fuzz/artifacts").join(name);
    fs::create_dir_all(&findings).map_err(|error| format!("{}: {error}", findings.display()))?;
    let mut target = fuzz(root)
        .args(["run", "--sanitizer", "none", name, "--"])
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-max_len={longest}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={SLOWEST}"))
        .arg("-print_final_stats=1")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{name} can't be run: {error}"))?;
    let mut lines = Vec::new();
    if let Some(said) = target.stderr.take() {
        for line in BufReader::new(said).split(b'\n') {
            let line = line.map_err(|error| format!("{name} can't be read: {error}"))?;
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    let status = target.wait().map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        return Ok(done(&lines));
    }
    let last = lines.len().saturating_sub(SHOWN);
    Err(format!("{name} has found something ({}):\n{}", findings.display(), lines[last..].join("\n")))
}

/// From the fuzzer's words: how many inputs, and how much of the code they reach.
fn done(lines: &[String]) -> String {
    let executed = lines.iter().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let reached = lines.iter().rev().find_map(|line| line.split_once(" cov: ")?.1.split_once(' '));
    let (covered, _) = reached.unwrap_or(("?", ""));
    format!("{} inputs, {covered} places reached, nothing found", executed.unwrap_or("?").trim())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::repo;

    #[test]
    fn what_is_asked_for_is_read() {
        assert_eq!(read(&["--minutes", "10"]), Ok(Wanted { minutes: 10, target: None }));
        let one = Wanted { minutes: 1, target: Some("replay") };
        assert_eq!(read(&["--minutes", "1", "replay"]), Ok(one));
        assert!(read(&["--minutes", "1", "nothing"]).unwrap_err().contains("callback_body"));
        assert!(read(&["--minutes", "x"]).is_err() && read(&[]).is_err());
    }

    #[test]
    fn every_target_of_the_folder_is_run() {
        let text = fs::read_to_string(repo::root().join("fuzz/Cargo.toml")).expect("fuzz/Cargo.toml");
        let named = text
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
        let run: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        // It only writes what the others begin with.
        let named = named.filter(|name| *name != "seeds");
        assert_eq!(named.collect::<BTreeSet<_>>(), run);
    }

    #[test]
    fn what_a_target_did_is_read_from_its_words() {
        let lines = [
            "#4096\tpulse  cov: 310 ft: 900 corp: 90/3Kb exec/s: 2048 rss: 40Mb",
            "#8192\tDONE   cov: 312 ft: 905 corp: 92/3Kb lim: 80 exec/s: 2048 rss: 41Mb",
            "stat::number_of_executed_units: 8192",
        ];
        let lines = lines.map(str::to_owned);
        assert_eq!(done(&lines), "8192 inputs, 312 places reached, nothing found");
    }
}
