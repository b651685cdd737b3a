//! Says which outside programs are there, what each is for, and the one line that installs it.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::translate::Apertium;

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

/// A program: name, argument that makes it tell its version, what it is for, the line that installs it.
const PROGRAMS: [(&str, &str, &str, &str); 7] = [
    ("apertium", "-V", "translation", "apt-get install apertium"),
    ("lt-proc", "-V", "grammar", "apt-get install lttoolbox"),
    ("espeak-ng", "--version", "speech", "apt-get install espeak-ng"),
    ("piper", "--help", "speech (optional)", "python3 -m pip install piper-tts"),
    ("flite", "--version", "speech in tests (optional)", "apt-get install flite"),
    ("lame", "--version", "speech as MP3 (optional)", "apt-get install lame"),
    ("ffmpeg", "-version", "speech as MP3 (optional)", "apt-get install ffmpeg"),
];

/// Data: name, a file of it, what it is for, the package.
const DATA: [(&str, &str, &str, &str); 7] = [
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
        "PocketSphinx",
        "/usr/lib/python3/dist-packages/pocketsphinx/__init__.py",
        "recognition",
        "python3-pocketsphinx",
    ),
    ("English sounds", "/usr/share/pocketsphinx/model/en-us/en-us/mdef", "recognition", "pocketsphinx-en-us"),
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
    for (program, argument, purpose, install) in PROGRAMS {
        let version = version(program, argument).await;
        findings.push(Finding {
            name: program.to_owned(),
            found: version.is_some(),
            detail: version
                .map_or_else(|| format!("for {purpose}"), |version| format!("{version}, for {purpose}")),
            install: install.to_owned(),
        });
    }
    findings.push(pairs());
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

/// What Apertium translates here without a third language between.
fn pairs() -> Finding {
    let pairs = Apertium::default().pairs().unwrap_or_default();
    Finding {
        name: "Apertium's pairs".to_owned(),
        found: !pairs.is_empty(),
        detail: if pairs.is_empty() { "for translation".to_owned() } else { pairs.join(", ") },
        install: "apt-get install apertium-eng-spa".to_owned(),
    }
}

/// What a program says of its version; none where it can't be started. One that has no version to tell says how to use it.
async fn version(program: &str, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()));
    let line = line.filter(|_| !said.starts_with("usage:"));
    Some(line.unwrap_or("there").trim().chars().take(60).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_says_what_installs_it() {
        assert_eq!(version("no-such-program-anywhere", "-V").await, None);
        let findings = doctor().await;
        assert_eq!(findings.len(), PROGRAMS.len() + DATA.len() + 1);
        assert!(findings.iter().all(|finding| finding.install.contains(" install ")));
    }
}
