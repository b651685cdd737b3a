//! Reading a surgery from a file: what is written there, with the place of every part, so that a fault names its line.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use toml::Spanned;

use super::{Bed, Person, Surgery, Zone, check};
use crate::model::Action;

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, hint } = self;
        write!(f, "{file}:{line}: {what}")?;
        if hint.is_empty() { Ok(()) } else { write!(f, " ({hint})") }
    }
}

/// Everything that is wrong in a file, or in a folder of them; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Faults(pub Vec<Fault>);

/// Reads one surgery. `file` is its name in messages.
///
/// # Errors
/// All that is wrong, not only the first: what is not TOML, what is missing or unknown, and what does not fit together.
pub fn parse(file: &str, text: &str) -> Result<Surgery, Faults> {
    let raw: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        let hint = "docs/theatre-surgeries.md shows a whole file".to_owned();
        Faults(vec![Fault { file: file.to_owned(), line, what: error.message().to_owned(), hint }])
    })?;
    let mut notes = Notes { file, text, faults: Vec::new() };
    let surgery = check::surgery(raw, &mut notes);
    match surgery {
        Some(surgery) if notes.faults.is_empty() => Ok(surgery),
        _ => Err(Faults(notes.faults)),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// Collects what is wrong.
pub(super) struct Notes<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<Fault>,
}

impl Notes<'_> {
    /// Notes a fault at a part of the file.
    pub(super) fn at<T>(&mut self, part: &Spanned<T>, what: impl Into<String>, hint: impl Into<String>) {
        let line = line_of(self.text, part.span().start);
        let file = self.file.to_owned();
        self.faults.push(Fault { file, line, what: what.into(), hint: hint.into() });
    }

    /// The line of a part, to be named in another's message.
    pub(super) fn line<T>(&self, part: &Spanned<T>) -> usize {
        line_of(self.text, part.span().start)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) surgery: Spanned<String>,
    pub(super) full_name: String,
    pub(super) environment: String,
    pub(super) phases: Spanned<Vec<RawPhase>>,
    pub(super) machines: BTreeMap<Spanned<String>, RawMachine>,
    pub(super) layout: RawLayout,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhase {
    pub(super) id: Spanned<String>,
    pub(super) name: String,
    pub(super) description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMachine {
    pub(super) name: Spanned<String>,
    pub(super) category: String,
    pub(super) description: String,
    pub(super) default_state: Spanned<Action>,
    pub(super) phase_usage: Vec<Spanned<String>>,
    pub(super) triggers: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) aliases: Vec<Spanned<String>>,
    pub(super) ui: RawDrawn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDrawn {
    pub(super) icon: String,
    pub(super) zone: Spanned<String>,
    pub(super) x: Spanned<f64>,
    pub(super) y: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayout {
    pub(super) width: Spanned<f64>,
    pub(super) height: Spanned<f64>,
    pub(super) bed: Bed,
    pub(super) zones: Vec<Spanned<Zone>>,
    pub(super) people: Vec<Spanned<Person>>,
}
