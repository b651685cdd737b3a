//! `cargo xtask bench`: Segue against the physical limit. Builds both in release, then runs `bench/`, which says how.

use std::{path::Path, process::Command};

/// Runs the benchmark with further arguments for it (`--rounds 5`, `--waiting 1000000`, `--postgres URL`, `--write`).
///
/// # Errors
/// Where something can't be built, a ratio has lost too much, or something was lost, doubled or early.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let manifest = root.join("bench/Cargo.toml");
    let target = root.join("target");
    let program = target.join("release/bench");
    succeed(Command::new(cargo_program()).current_dir(root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "segue",
    ]))?;
    succeed(
        Command::new(cargo_program())
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&target),
    )?;
    let mut bench = Command::new(program);
    bench.arg("run").arg(target.join("release/segue")).arg(root.join("docs"));
    bench.arg("--folder").arg(target.join("bench")).args(arguments);
    succeed(&mut bench)?;
    Ok(String::new())
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{:?} has failed", command.get_program())) }
}
