//! What documenters and validators write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Stream;
use crate::analysis::calls::{Around, CallType};

/// Longest summary, in characters.
pub const LONGEST_SUMMARY: usize = 200;

/// The artifact `sources.json`: the text of every component, by id. A module's or a type's is what is in it but in no component of
/// its own.
pub type Sources = BTreeMap<String, String>;

/// What is said of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Documentation {
    /// One line, at most [`LONGEST_SUMMARY`] characters.
    pub summary: String,
    /// The text.
    pub description: String,
    /// What goes in, in the order of the signature.
    pub parameters: Vec<ParameterDoc>,
    /// What comes out; none where nothing does.
    pub returns: Option<ReturnsDoc>,
    /// What is raised, returned as an error, or panics.
    pub raises: Vec<RaisesDoc>,
    /// How it is used.
    pub examples: Vec<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Ids of other components.
    pub see_also: Vec<String>,
}

/// A parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParameterDoc {
    /// Its name.
    pub name: String,
    /// The text of its type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it is for.
    pub description: String,
    /// Its default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
}

/// A result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReturnsDoc {
    /// The text of its type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it says.
    pub description: String,
}

/// An error.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RaisesDoc {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub condition: String,
}

/// How a call is made, in the words of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Always.
    Direct,
    /// Under a condition.
    Conditional,
    /// In a loop.
    Loop,
    /// When something has failed.
    Exception,
    /// By whoever was handed it.
    Callback,
    /// It may be another one.
    Dynamic,
}

impl CallKind {
    /// The kind of an edge of the analysis.
    #[must_use]
    pub fn of(call: CallType, around: Around) -> Self {
        match (call, around) {
            (CallType::Callback, _) => Self::Callback,
            (CallType::Dynamic, _) => Self::Dynamic,
            (_, Around::Plain) => Self::Direct,
            (_, Around::Conditional) => Self::Conditional,
            (_, Around::Loop) => Self::Loop,
            (_, Around::Exception) => Self::Exception,
        }
    }
}

/// One end of a call, as a stream claims it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallRef {
    /// The other component.
    pub component_id: String,
    /// Where it is called, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_site_line: Option<u32>,
    /// How.
    pub call_type: CallKind,
}

/// The calls that a stream claims for one component. Each other component at most once, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    /// Who calls it.
    pub callers: Vec<CallRef>,
    /// Whom it calls.
    pub callees: Vec<CallRef>,
}

/// Who wrote something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Author {
    /// `A1`, `A2`, `B1`, `B2`: stream, and documenter or validator.
    pub agent_id: String,
    /// The stream.
    pub stream_id: Stream,
    /// The model as the server names it; `derived` or `skimmed` where no model was asked.
    pub model: String,
    /// 0 to 1: how sure the author is.
    pub confidence: f64,
    /// Its place in the order of work, from 0.
    pub processing_order: u32,
    /// Tokens of question and answer; none where no model was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_count: Option<u64>,
    /// What they cost in US dollars, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

/// What a stream says of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The component.
    pub component_id: String,
    /// Its text.
    pub documentation: Documentation,
    /// Its calls.
    pub call_graph: Calls,
    /// Who wrote it.
    pub metadata: Author,
    /// The iteration in which the text was written last.
    pub written_in: u32,
    /// Hash of everything that the author was given: equal hash, equal work, nothing is asked again.
    pub key: String,
    /// What the validator found; none where it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// How a validation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to say.
    Pass,
    /// Something small.
    Warning,
    /// It must be done again.
    Fail,
}

/// What a validator found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// In one word.
    pub validation_result: Verdict,
    /// Who looked.
    pub author: Author,
    /// The text against the signature.
    pub completeness: Completeness,
    /// The calls against the code.
    pub call_graph_accuracy: CallAccuracy,
    /// What it changed.
    pub corrections_applied: Vec<Correction>,
}

/// The text against the signature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Completeness {
    /// 0 to 1.
    pub score: f64,
    /// What is not there: `parameter:name`, `returns`.
    pub missing_elements: Vec<String>,
    /// What is there and should not be.
    pub extra_elements: Vec<String>,
}

/// The calls against the code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallAccuracy {
    /// 0 to 1.
    pub score: f64,
    /// Right.
    pub verified_callees: Vec<String>,
    /// In the code and not claimed.
    pub missing_callees: Vec<String>,
    /// Claimed and, as far as the code is evident, not there.
    pub false_callees: Vec<String>,
    /// Right.
    pub verified_callers: Vec<String>,
    /// In the code and not claimed.
    pub missing_callers: Vec<String>,
    /// Claimed and not there.
    pub false_callers: Vec<String>,
}

/// A change of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// JSON pointer into the entry: `/documentation/returns`.
    pub field: String,
    /// `added`, `removed`, `replaced`.
    pub action: String,
    /// What was there.
    pub original_value: serde_json::Value,
    /// What is there now.
    pub corrected_value: serde_json::Value,
    /// Why.
    pub reason: String,
}

/// A component that could not be documented or validated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failed {
    /// The component.
    pub component_id: String,
    /// A code: `model-failed`, `invalid-answer`, `over-budget`.
    pub code: String,
    /// The last thing that went wrong.
    pub message: String,
}

/// All of a stream, or a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamFile {
    /// [`super::VERSION`].
    pub version: String,
    /// The stream.
    pub stream: Stream,
    /// The iteration.
    pub iteration: u32,
    /// By component id.
    pub entries: BTreeMap<String, Entry>,
    /// Those that could not be done, by component id.
    pub failed: BTreeMap<String, Failed>,
}

/// The output of `document_a` and `document_b`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Documented {
    /// The stream.
    pub stream: Stream,
    /// The iteration.
    pub iteration: u32,
    /// Components that an author wrote in this iteration.
    pub written: usize,
    /// Components taken over: nothing that the author would be given has changed.
    pub reused: usize,
    /// Components that could not be done.
    pub failed: usize,
    /// Tokens used in this iteration.
    pub tokens: u64,
    /// What they cost in US dollars.
    pub usd: f64,
    /// What a validator's runs are given: the ids of each batch. Empty where validation is left out.
    pub batches: Vec<Batch>,
}

/// A validator's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Its number, from 0: names the artifact.
    pub number: usize,
    /// The stream.
    pub stream: Stream,
    /// The components.
    pub components: Vec<String>,
}

/// The output of a run of `validate_a` and `validate_b`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validated {
    /// The batch.
    pub number: usize,
    /// How many passed, were corrected or warned of, failed.
    pub passed: usize,
    /// With a warning.
    pub warned: usize,
    /// To be done again.
    pub failed: usize,
    /// Tokens used.
    pub tokens: u64,
    /// What they cost in US dollars.
    pub usd: f64,
}
