//! What each word of a text can be, according to an Apertium analyser.
//!
//! The analyser is a GPL program and runs as a process of its own: one call for all texts of a course, about a second.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt, process::Command};

/// What a word can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its base form.
    pub lemma: String,
    /// Part of speech and features, as Apertium names them: `n`, `f`, `sg`, …
    pub tags: Vec<String>,
}

/// A word and all that it can be; nothing where it is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub surface: String,
    /// All readings.
    pub readings: Vec<Reading>,
}

impl Word {
    /// Whether some reading has all these tags.
    #[must_use]
    pub fn can_be(&self, tags: &[&str]) -> bool {
        self.readings.iter().any(|reading| reading.has(tags))
    }

    /// Whether every reading has one of these as its part of speech.
    #[must_use]
    pub fn is_only(&self, parts: &[&str]) -> bool {
        !self.readings.is_empty()
            && self
                .readings
                .iter()
                .all(|reading| reading.tags.first().is_some_and(|tag| parts.contains(&&**tag)))
    }
}

impl Reading {
    /// Whether it has all these tags.
    #[must_use]
    pub fn has(&self, tags: &[&str]) -> bool {
        tags.iter().all(|tag| self.tags.iter().any(|have| have == tag))
    }
}

/// Why nothing could be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyseError {
    /// The program is not there.
    #[error("{program} can't be started ({error}): apt-get install {package}")]
    Missing {
        /// Which.
        program: String,
        /// What installs it.
        package: String,
        /// What the system said.
        error: String,
    },
    /// The program broke off.
    #[error("the analyser gave {got} answers for {asked} texts")]
    Incomplete {
        /// Texts given.
        asked: usize,
        /// Answers.
        got: usize,
    },
}

/// The dictionary for a language, where one is installed: the file, and the package it came with.
#[must_use]
pub fn dictionary(language: &str) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&str, &str, &str); 5] = [
        ("spa", "/usr/share/apertium/apertium-spa-cat/spa-cat.automorf.bin", "apertium-spa-cat"),
        ("spa", "/usr/share/apertium/apertium-eng-spa/spa-eng.automorf.bin", "apertium-eng-spa"),
        ("cat", "/usr/share/apertium/apertium-spa-cat/cat-spa.automorf.bin", "apertium-spa-cat"),
        ("ita", "/usr/share/apertium/apertium-spa-ita/ita-spa.automorf.bin", "apertium-spa-ita"),
        ("por", "/usr/share/apertium/apertium-es-pt/pt-es.automorf.bin", "apertium-es-pt"),
    ];
    let found = KNOWN.iter().find(|(code, file, _)| *code == language && Path::new(file).exists());
    found.map(|(_, file, package)| (*file, *package))
}

/// Analyses texts, one answer each, with a dictionary.
///
/// # Errors
/// [`AnalyseError`].
pub async fn analyse(
    dictionary: &str,
    package: &str,
    texts: &[String],
) -> Result<Vec<Vec<Word>>, AnalyseError> {
    let missing = |error: std::io::Error| AnalyseError::Missing {
        program: "lt-proc".to_owned(),
        package: format!("lttoolbox {package}"),
        error: error.to_string(),
    };
    let mut child = Command::new("lt-proc")
        .args(["-w", dictionary])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    let mut input = child.stdin.take().ok_or_else(|| missing(std::io::ErrorKind::BrokenPipe.into()))?;
    let given: String = texts.iter().map(|text| format!("{}\n", plain(text))).collect();
    // Written beside reading: neither side's pipe may fill up while the other waits.
    let write = async move { input.write_all(given.as_bytes()).await };
    let (written, output) = tokio::join!(write, child.wait_with_output());
    written.map_err(missing)?;
    let output = output.map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<Vec<Word>> = text.lines().map(parse_line).collect();
    if answers.len() != texts.len() {
        return Err(AnalyseError::Incomplete { asked: texts.len(), got: answers.len() });
    }
    Ok(answers)
}

/// Words alone: what the analyser takes for its own marks never reaches it.
fn plain(text: &str) -> String {
    crate::text::words(text).join(" ")
}

/// `^quiero/querer<vblex><pri><p1><sg>/…$ ^hablar/…$`
fn parse_line(line: &str) -> Vec<Word> {
    let units = line.split('^').skip(1).filter_map(|unit| unit.split_once('$')).map(|(unit, _)| unit);
    units.map(parse_unit).collect()
}

fn parse_unit(unit: &str) -> Word {
    let mut parts = unit.split('/');
    let surface = parts.next().unwrap_or_default().to_owned();
    let readings = parts.filter(|reading| !reading.starts_with('*')).map(parse_reading).collect();
    Word { surface, readings }
}

fn parse_reading(reading: &str) -> Reading {
    // Of joined words (`ayudar<vblex><inf>+yo<prn>…`) the first decides what the whole does.
    let reading = reading.split('+').next().unwrap_or_default();
    let (lemma, tags) = reading.split_once('<').unwrap_or((reading, ""));
    let tags = tags.split(['<', '>']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    Reading { lemma: lemma.to_owned(), tags }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let words = parse_line("^la/el<det><def><f><sg>/lo<prn><pro><p3><f><sg>$ ^xyz/*xyz$");
        assert!(words[0].can_be(&["det", "f", "sg"]) && !words[0].can_be(&["det", "m"]));
        assert!(words[1].readings.is_empty());
    }
}
