//! Says which outside programs are there, what each is for, and the one line that installs it.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

/// What is known of one program or data package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub name: String,
    /// Whether it is there.
    pub found: bool,
    /// Its version, or what it is for.
    pub detail: String,
    /// What installs it.
    pub install: String,
}

/// A program: name, argument that makes it tell its version, what it is for, the package.
const PROGRAMS: [(&str, &str, &str, &str); 5] = [
    ("apertium", "-V", "translation", "apertium"),
    ("lt-proc", "-V", "grammar", "lttoolbox"),
    ("espeak-ng", "--version", "speech", "espeak-ng"),
    ("lame", "--version", "speech as MP3 (optional)", "lame"),
    ("ffmpeg", "-version", "speech as MP3 (optional)", "ffmpeg"),
];

/// Data: name, a file of it, what it is for, the package.
const DATA: [(&str, &str, &str, &str); 5] = [
    ("English to Spanish", "/usr/share/apertium/modes/eng-spa.mode", "translation", "apertium-eng-spa"),
    (
        "English to Catalan",
        "/usr/share/apertium/modes/eng-cat.mode",
        "translation (optional)",
        "apertium-eng-cat",
    ),
    (
        "Spanish to Italian",
        "/usr/share/apertium/modes/spa-ita.mode",
        "translation by way of Spanish (optional)",
        "apertium-spa-ita",
    ),
    (
        "Spanish to Portuguese",
        "/usr/share/apertium/modes/es-pt.mode",
        "translation by way of Spanish (optional)",
        "apertium-es-pt",
    ),
    (
        "Spanish words",
        "/usr/share/apertium/apertium-spa-cat/spa-cat.automorf.bin",
        "grammar",
        "apertium-spa-cat",
    ),
];

/// Looks at this machine.
pub async fn doctor() -> Vec<Finding> {
    let mut findings = Vec::new();
    for (program, argument, purpose, package) in PROGRAMS {
        let version = version(program, argument).await;
        findings.push(Finding {
            name: program.to_owned(),
            found: version.is_some(),
            detail: version
                .map_or_else(|| format!("for {purpose}"), |version| format!("{version}, for {purpose}")),
            install: format!("apt-get install {package}"),
        });
    }
    for (name, file, purpose, package) in DATA {
        findings.push(Finding {
            name: name.to_owned(),
            found: Path::new(file).exists(),
            detail: format!("for {purpose}"),
            install: format!("apt-get install {package}"),
        });
    }
    findings
}

/// The first line with a number that a program says of itself; none where it can't be started.
async fn version(program: &str, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()));
    Some(line.unwrap_or("there").trim().chars().take(60).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_says_what_installs_it() {
        assert_eq!(version("no-such-program-anywhere", "-V").await, None);
        let findings = doctor().await;
        assert_eq!(findings.len(), PROGRAMS.len() + DATA.len());
        assert!(findings.iter().all(|finding| finding.install.starts_with("apt-get install ")));
    }
}
