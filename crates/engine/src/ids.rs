//! Names and numbers that identify things, each a type of its own, so that one cannot be taken for another.
//!
//! None of them is made here: ids come in from outside, with the command that needs them, so that a simulator can hold them.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One execution of a pipeline. UUIDv7 in practice, so that ids sort by age; the engine only compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

/// One try of a run: the fence against late and forged callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub Uuid);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl FromStr for AttemptId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A text that is not a [`Name`], and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a name: use 1 to {max} of a-z, 0-9 and _, beginning with a letter", max = Name::MAX_LEN)]
pub struct InvalidName {
    /// What was given, cut to 80 characters.
    pub text: String,
}

/// The name of a phase, service, loop, signal or pipeline: an identifier, because conditions refer to phases by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Checks and takes a text as a name.
    ///
    /// # Errors
    /// [`InvalidName`] where it is empty, too long, or has another character than `a-z`, `0-9` and `_`.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let valid = text.len() <= Self::MAX_LEN
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if valid { Ok(Self(text.into())) } else { Err(InvalidName { text: text.chars().take(80).collect() }) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

/// Place of a phase in its pipeline. Valid only with the pipeline that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhaseIndex(pub u16);

impl PhaseIndex {
    /// As an index into the pipeline's list of phases.
    #[must_use]
    pub fn usize(self) -> usize {
        usize::from(self.0)
    }
}

/// One occurrence of a phase in a job, written `baskets`, `baskets[3]`, `compare#2` or `document[3]#2`.
///
/// `turn` counts from 1 and grows with every turn of the loop that the phase belongs to, and with every time the phase is
/// run again, so that a run is never mistaken for its predecessor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    /// The phase.
    pub phase: Name,
    /// From 1.
    pub turn: u32,
    /// Where the phase is a map: which item, from 0.
    pub item: Option<u32>,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phase.as_str())?;
        if let Some(item) = self.item {
            write!(f, "[{item}]")?;
        }
        if self.turn > 1 {
            write!(f, "#{}", self.turn)?;
        }
        Ok(())
    }
}

/// A text that is not a [`RunId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a run: it is written phase, phase[item] or phase[item]#turn")]
pub struct InvalidRunId(String);

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let invalid = || InvalidRunId(text.chars().take(120).collect());
        let (rest, turn) = match text.split_once('#') {
            Some((rest, turn)) => (rest, turn.parse().ok().filter(|&t| t > 1).ok_or_else(invalid)?),
            None => (text, 1),
        };
        let (phase, item) = match rest.strip_suffix(']') {
            Some(open) => {
                let (phase, item) = open.split_once('[').ok_or_else(invalid)?;
                (phase, Some(item.parse().map_err(|_| invalid())?))
            }
            None => (rest, None),
        };
        Ok(Self { phase: Name::new(phase).map_err(|_| invalid())?, turn, item })
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

/// Milliseconds since the Unix epoch. The engine never reads a clock: every command brings its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `span` more; stays at the end of time rather than wrapping.
    #[must_use]
    pub fn after(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier`; zero where it is not after it (clocks jump).
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// How urgent a job is. The order is that of going first: `Urgent` is the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Pushes others aside where they can be interrupted.
    Urgent,
    /// Before medium.
    High,
    /// The default.
    #[default]
    Medium,
    /// After medium.
    Low,
    /// Only when nothing else waits, ageing apart.
    Background,
}

impl Priority {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Background => "background",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_as_it_is_written() {
        for text in ["baskets", "baskets[3]", "compare#2", "document[30]#12"] {
            assert_eq!(text.parse::<RunId>().unwrap().to_string(), text);
        }
        for text in ["", "A", "baskets[", "baskets[x]", "baskets#1", "baskets#0", "baskets]", "a[1][2]"] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_an_identifier() {
        assert!(Name::new("phase_2").is_ok());
        for text in ["", "2nd", "Phase", "a-b", "a b", "é", &"a".repeat(65)] {
            assert!(Name::new(text).is_err(), "{text}");
        }
    }
}
