//! The words that the theatre's services say to each other: what goes through a job, from an utterance to a state.
//!
//! A job of the pipeline `theatre` is one [`Utterance`]. `rules` makes an [`Understanding`] of it, `llm` a [`ModelAnswer`];
//! each reaches `state` by itself. Names and values on the wire are those of the original's state file, where it has them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A machine of a surgery: `M` and two digits. The same id means another machine in another surgery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineId(String);

/// What is not a machine's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a machine's id: write M and two digits, such as M07")]
pub struct InvalidMachineId(String);

impl MachineId {
    /// Reads an id.
    ///
    /// # Errors
    /// What is not `M` and two digits.
    pub fn parse(text: &str) -> Result<Self, InvalidMachineId> {
        match text.as_bytes() {
            [b'M', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => Ok(Self(text.to_owned())),
            _ => Err(InvalidMachineId(text.to_owned())),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MachineId {
    type Error = InvalidMachineId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MachineId> for String {
    fn from(id: MachineId) -> Self {
        id.0
    }
}

/// What a machine is, or is told to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Running.
    On,
    /// Not running.
    Off,
    /// Ready, not running.
    Standby,
}

/// How a machine was recognised in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    /// By a phrase that means it.
    Trigger,
    /// By another name.
    Alias,
    /// By its name.
    Name,
    /// By the language model.
    Llm,
}

/// When something is to happen, as the sentence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Temporal {
    /// Nothing is said: now.
    #[default]
    None,
    /// Now, with emphasis.
    Immediately,
    /// After something else.
    After,
    /// When something is so.
    When,
    /// In so many minutes or seconds.
    InTime,
    /// Before something else.
    Before,
    /// While something else goes on.
    During,
}

/// The input of a job: one thing that was said, with what is needed to understand it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Utterance {
    /// Which theatre.
    pub theatre: String,
    /// Its number in the theatre, from 1, without gaps: what is said later has a larger one.
    pub seq: u64,
    /// Raised by each choice of a surgery. What belongs to an earlier one changes nothing any more.
    pub epoch: u64,
    /// The surgery's name.
    pub surgery: String,
    /// The phase that the theatre is in: `Phase3`.
    pub phase: String,
    /// What was said.
    pub text: String,
    /// Who said it.
    pub speaker: String,
    /// When it was said.
    pub said_at: Timestamp,
    /// Seconds from the beginning of the session.
    pub session_s: f64,
    /// What it may refer to.
    pub context: Context,
}

/// What an utterance may refer to, as it was when the utterance came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// Machines that are on.
    pub on: Vec<MachineId>,
    /// Machines on standby.
    pub standby: Vec<MachineId>,
    /// What the last understood sentence switched: what "it", "that" and "the other one" refer to.
    pub last: Vec<Reference>,
    /// What was said in the last three minutes, oldest first, this utterance last.
    pub window: Vec<Line>,
}

/// A machine that was spoken of, and what was to become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Which.
    pub machine_id: MachineId,
    /// What it was told to be.
    pub action: Action,
    /// What it was before.
    pub was: Action,
}

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Seconds from the beginning of the session.
    pub session_s: f64,
    /// Who said it.
    pub speaker: String,
    /// What was said.
    pub text: String,
}

/// The output of `rules`: what a sentence means for machines, clause by clause.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Understanding {
    /// The clauses in their order, also those that switch nothing: each says why.
    pub clauses: Vec<Clause>,
    /// What changes now.
    pub toggles: Vec<Toggle>,
    /// What is to change later, or when something is so.
    pub pending: Vec<Pending>,
    /// Negation words that were found.
    pub negations: Vec<String>,
    /// Words that decided something.
    pub matched_keywords: Vec<String>,
    /// The lowest confidence of any toggle; 0 where there is none.
    pub confidence: f64,
    /// Who said it: who is named where it changes something.
    pub speaker: String,
}

/// A part of a sentence with one verb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clause {
    /// Its words.
    pub text: String,
    /// What it is.
    pub kind: ClauseKind,
    /// Why it is taken so: a sentence for people.
    pub why: String,
    /// The machines it speaks of.
    pub machines: Vec<MachineId>,
}

/// What a clause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClauseKind {
    /// It switches something now.
    Command,
    /// It forbids something, or wants the opposite.
    Negated,
    /// It takes something back or puts it right.
    Correction,
    /// It is to happen later, or on a condition.
    Pending,
    /// It asks.
    Question,
    /// It says how something is.
    Remark,
    /// It has nothing to do with machines.
    Chatter,
}

/// A change of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Toggle {
    /// Which.
    pub machine_id: MachineId,
    /// Its name.
    pub name: String,
    /// What it becomes.
    pub action: Action,
    /// The words that named it.
    pub trigger: String,
    /// 0 to 1.
    pub confidence: f64,
    /// How it was recognised.
    pub match_type: MatchType,
}

/// A change that is not for now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// What would change.
    pub toggle: Toggle,
    /// How it is put off.
    pub temporal: Temporal,
    /// The words of the condition: `after the stone is out`.
    pub condition: String,
    /// So many seconds after it was said; none: when somebody confirms it.
    pub in_seconds: Option<u64>,
}

/// The output of `llm`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelAnswer {
    /// The phase the model believes in, one of the surgery's; empty: it does not say.
    pub phase: String,
    /// Why.
    pub reasoning: String,
    /// The phase it expects next.
    pub next_phase: String,
    /// What it would change. Shown, never done: rules decide about machines.
    pub toggles: Vec<Toggle>,
    /// What it would tell the team.
    pub suggestions: Vec<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// No model answered: the rules go on alone.
    pub degraded: bool,
    /// How long the model took, in milliseconds.
    pub took_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_an_id_of_one_form() {
        assert_eq!(MachineId::parse("M07").expect("an id").as_str(), "M07");
        for wrong in ["", "M7", "m07", "M007", "M0x", "Ｍ07"] {
            assert!(MachineId::parse(wrong).is_err(), "{wrong}");
            assert!(serde_json::from_value::<MachineId>(wrong.into()).is_err(), "{wrong}");
        }
    }
}
