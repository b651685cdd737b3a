//! What is compared, decided, asked of people and answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Stream;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscrepancyType {
    /// A call that one has and the other has not, or both have against the code.
    CallGraphEdge,
    /// The line of a call.
    CallSiteLine,
    /// The kind of a call.
    CallTypeMismatch,
    /// Summary or description.
    DocumentationContent,
    /// What a parameter is for.
    ParameterDescription,
    /// What comes out.
    ReturnDescription,
    /// When an error is raised.
    ExceptionDocumentation,
    /// A parameter that one does not name.
    MissingParameter,
    /// An error that one does not name.
    MissingException,
    /// The text of a type.
    TypeAnnotation,
}

/// What can block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockingType {
    /// A direct call of the code is in neither or only one stream.
    MissingCriticalCall,
    /// A call is claimed that the code evidently has not.
    FalseCriticalCall,
    /// A public component without a summary.
    MissingPublicApiDoc,
    /// What is said of secrets, passwords, permissions or `unsafe` differs.
    SecurityRelevantGap,
    /// The types of a parameter or result differ.
    TypeMismatch,
    /// The parameters differ.
    SignatureMismatch,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Wording.
    Low,
    /// A reader is told less than he could be.
    Medium,
    /// A reader is told something wrong.
    High,
    /// What is built on it would be wrong.
    Critical,
}

/// Who decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// The analysis: a direct call, a signature.
    Analysis,
    /// The two streams, by saying the same in the next iteration.
    Agreement,
    /// A person.
    People,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A is right.
    AcceptStreamA,
    /// B is right.
    AcceptStreamB,
    /// The code is right, whatever they say.
    AcceptGroundTruth,
    /// They say the same now.
    AcceptConsensus,
    /// Both are right in part: what each has is kept.
    MergeBoth,
    /// A person must say.
    NeedsHumanReview,
    /// The next iteration.
    Deferred,
}

/// What decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionSource {
    /// Agreement.
    Consensus,
    /// The analysis.
    GroundTruthHint,
    /// A person.
    HumanReview,
    /// A rule.
    AutoResolved,
    /// Nothing yet.
    Unresolved,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Stable: a hash of component, type and field. The same difference has the same id in every iteration and every job.
    pub discrepancy_id: String,
    /// The component.
    pub component_id: String,
    /// What differs.
    #[serde(rename = "type")]
    pub kind: DiscrepancyType,
    /// Which field: a JSON pointer into an entry, or `/call_graph/callees/{id}`.
    pub field: String,
    /// What A says.
    pub stream_a_value: Value,
    /// What B says.
    pub stream_b_value: Value,
    /// What the code says, where it is evident.
    pub ground_truth: Value,
    /// How bad.
    pub severity: Severity,
    /// What it blocks by, where it does.
    pub blocking: Option<BlockingType>,
    /// Who decides.
    pub authority: Authority,
    /// What is done.
    pub resolution: Action,
    /// What decided.
    pub resolution_source: ResolutionSource,
    /// 0 to 1: how sure.
    pub confidence: f64,
    /// Whether a person is to be asked.
    pub requires_ticket: bool,
    /// The iteration in which it was first seen.
    pub iteration_found: u32,
}

/// What was measured in an iteration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Components of the codebase.
    pub total_components: usize,
    /// Those of which both say the same.
    pub identical: usize,
    /// Those that a stream could not document.
    pub failed: usize,
    /// Discrepancies found.
    pub discrepancies: usize,
    /// Of them, by severity.
    pub by_severity: BTreeMap<Severity, usize>,
    /// Of them, by type.
    pub by_type: BTreeMap<DiscrepancyType, usize>,
    /// Decided by the analysis.
    pub resolved_by_ground_truth: usize,
    /// To be asked of people.
    pub requires_human_review: usize,
    /// That block.
    pub blocking: usize,
    /// Neither decided nor blocking.
    pub open: usize,
    /// Edges of both streams over the edges of either.
    pub call_graph_match_rate: f64,
    /// Each stream's edges against those that the code evidently has.
    pub precision: BTreeMap<Stream, f64>,
    /// The same.
    pub recall: BTreeMap<Stream, f64>,
    /// Mean similarity of the texts.
    pub documentation_similarity: f64,
    /// What measured it: `lexical`, or the embedding model's name.
    pub similarity_by: String,
}

/// How far the streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing was compared yet.
    NotStarted,
    /// Some criterion fails.
    InProgress,
    /// All criteria hold.
    Converged,
    /// Some criteria hold, and nothing can change by going on (only people's answers are open).
    PartiallyConverged,
    /// The last iteration is over.
    Forced,
    /// No stream could document anything.
    Failed,
}

/// The artifact `comparison/{n}.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`super::VERSION`].
    pub version: String,
    /// The iteration.
    pub iteration: u32,
    /// Figures.
    pub summary: Summary,
    /// What differs, by component and field.
    pub discrepancies: Vec<Discrepancy>,
    /// Tokens used by the comparison.
    pub tokens: u64,
}

/// What a stream is told before it writes a component again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feedback {
    /// The component.
    pub component_id: String,
    /// Callees that only the other one claims.
    pub edges_only_in_other_stream: Vec<String>,
    /// Callees that only this one claims.
    pub edges_to_verify: Vec<String>,
    /// Fields of the text in which they differ, with what the other one says: JSON pointer to value.
    pub other_says: BTreeMap<String, Value>,
    /// In words.
    pub message: String,
}

/// The artifact `resolution/{n}.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// [`super::VERSION`].
    pub version: String,
    /// The iteration.
    pub iteration: u32,
    /// How far they are.
    pub status: Status,
    /// What keeps them from agreeing: one sentence for each criterion that fails.
    pub required_actions: Vec<String>,
    /// All discrepancies of the iteration, as decided.
    pub decided: Vec<Discrepancy>,
    /// What was changed in which stream, by component.
    pub corrections: BTreeMap<Stream, BTreeMap<String, Vec<super::documented::Correction>>>,
    /// What each stream is told, by component: those are written again. Where a component is not here, it is not.
    pub feedback: BTreeMap<Stream, BTreeMap<String, Feedback>>,
}

/// The output of `resolve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The iteration.
    pub iteration: u32,
    /// How far.
    pub status: Status,
    /// Whether the loop is over.
    pub settled: bool,
    /// Components that the next iteration writes again, in either stream.
    pub to_do_again: usize,
    /// Discrepancies that wait for a person.
    pub for_people: usize,
}

/// What a person decided: the artifact `answers/{ticket}.json`. In Beads it is a comment `RESOLUTION: accept_a` with the text in
/// the lines below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketAnswer {
    /// What.
    pub resolution: HumanResolution,
    /// The text that holds, for `manual` (required there), a remark otherwise.
    #[serde(default)]
    pub text: String,
    /// Who says it.
    #[serde(default)]
    pub by: String,
}

/// A person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HumanResolution {
    /// A is right: B gets A's value.
    AcceptA,
    /// B is right: A gets B's value.
    AcceptB,
    /// Both in part: both get what each has.
    Merge,
    /// Neither: both get the text.
    Manual,
}

/// What became of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Waits for a person.
    Pending,
    /// Answered, and the streams say it.
    Applied,
    /// The deadline passed.
    Expired,
    /// What it asked is no longer asked: the streams agreed.
    Cancelled,
}

/// The artifact `outcome.json`: what the package is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`super::VERSION`].
    pub version: String,
    /// The last iteration.
    pub iterations: u32,
    /// How it ended.
    pub status: Status,
    /// Each ticket.
    pub tickets: BTreeMap<String, TicketState>,
    /// Discrepancies that are left, as the last iteration and people left them.
    pub remaining: Vec<Discrepancy>,
    /// Components on which the streams still differ.
    pub divergent: BTreeSet<String>,
    /// The streams as they are in the end: names of artifacts.
    pub streams: BTreeMap<Stream, String>,
}
