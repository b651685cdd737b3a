//! What both streams say of a component as one text. Where they say the same, that. Where it was decided, both say the decision by
//! now. Where they differ, one of them is taken so that there is a text, both are kept beside it, and the confidence says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    graph::{EdgeSource, MergedEdge, MergedGraph},
    parts::Parts,
};
use crate::records::{
    Stream,
    compared::{BlockingType, Discrepancy, Severity},
    documented::{CallKind, Documentation, Entry, Failed, ParameterDoc, Verdict},
};

/// What is written of each component, by id.
pub type MergedDocumentation = BTreeMap<String, Merged>;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Stream A alone.
    A,
    /// Stream B alone.
    B,
    /// Both.
    #[serde(rename = "merged")]
    Merged,
}

/// Why two values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceState {
    /// Nobody has decided.
    Open,
    /// The comparison takes them for the same, in other words.
    Wording,
}

/// A place where the streams do not say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// JSON pointer into an entry, or `/call_graph/callees/{id}`.
    pub field: String,
    /// What A says.
    pub stream_a: Value,
    /// What B says.
    pub stream_b: Value,
    /// What the code says, where it is evident.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub code: Value,
    /// Why both are here.
    pub state: DifferenceState,
    /// How bad, where it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it blocks by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking: Option<BlockingType>,
    /// Whose value stands in the text.
    pub taken: Stream,
}

/// One end of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedCall {
    /// The other component.
    pub component_id: String,
    /// Where, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_site_line: Option<u32>,
    /// How.
    pub call_type: CallKind,
    /// 0 to 1.
    pub confidence: f64,
}

/// A component's entry in `documentation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The text; none where no stream could write one.
    pub documentation: Option<Documentation>,
    /// Who calls it.
    pub callers: Vec<MergedCall>,
    /// Whom it calls.
    pub callees: Vec<MergedCall>,
    /// 0 to 100: see [`score`].
    pub confidence_score: u8,
    /// Where the text comes from.
    pub source_stream: Option<Source>,
    /// Whether every validator that looked let it through; none where nobody looked.
    pub validation_passed: Option<bool>,
    /// The ticket that asks about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Where the streams do not say the same.
    pub differences: Vec<Difference>,
    /// Why a stream has nothing to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<Stream, Failed>,
}

impl Merged {
    /// Returns the places that nobody has decided.
    pub fn open(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|it| it.state == DifferenceState::Open)
    }
}

/// Joins the streams.
#[must_use]
pub fn documentation(parts: &Parts, graph: &MergedGraph) -> MergedDocumentation {
    let (callees, callers) = (graph.callees(), graph.callers());
    let (remaining, tickets) = (parts.remaining(), parts.ticket_of());
    let none = Vec::new();
    let one = |id: &str| {
        let (out, into) = (callees.get(id).unwrap_or(&none), callers.get(id).unwrap_or(&none));
        let left = remaining.get(id).map_or(&[][..], Vec::as_slice);
        let [a, b] = Stream::ALL.map(|stream| parts.entry(stream, id));
        let (documentation, source, differences) = join(a, b, left);
        let failed = Stream::ALL.iter().filter_map(|it| Some((*it, parts.failed(*it, id)?.clone())));
        Merged {
            confidence_score: score(a, b, &differences, out, parts),
            validation_passed: passed(a, b),
            callers: into.iter().map(|it| call(&it.caller, it)).collect(),
            callees: out.iter().map(|it| call(&it.callee, it)).collect(),
            ticket: tickets.get(id).cloned(),
            source_stream: source,
            failed: failed.collect(),
            documentation,
            differences,
        }
    };
    parts.components.components.iter().map(|it| (it.id.clone(), one(&it.id))).collect()
}

fn call(other: &str, edge: &MergedEdge) -> MergedCall {
    MergedCall {
        component_id: other.to_owned(),
        call_site_line: edge.call_site_line,
        call_type: edge.call_type,
        confidence: edge.confidence,
    }
}

fn passed(a: Option<&Entry>, b: Option<&Entry>) -> Option<bool> {
    let verdicts: Vec<Verdict> = [a, b]
        .into_iter()
        .flatten()
        .filter_map(|it| Some(it.validation.as_ref()?.validation_result))
        .collect();
    if verdicts.is_empty() { None } else { Some(verdicts.iter().all(|it| *it != Verdict::Fail)) }
}

type Joined = (Option<Documentation>, Option<Source>, Vec<Difference>);

fn join(a: Option<&Entry>, b: Option<&Entry>, left: &[&Discrepancy]) -> Joined {
    let (a, b) = match (a, b) {
        (None, None) => return (None, None, open(left, Stream::A)),
        (Some(a), None) => return (Some(a.documentation.clone()), Some(Source::A), open(left, Stream::A)),
        (None, Some(b)) => return (Some(b.documentation.clone()), Some(Source::B), open(left, Stream::B)),
        (Some(a), Some(b)) => (a, b),
    };
    let preferred = preferred(a, b);
    let (first, second) = match preferred {
        Stream::A => (&a.documentation, &b.documentation),
        Stream::B => (&b.documentation, &a.documentation),
    };
    let mut differences = open(left, preferred);
    let is_open =
        |field: &str| left.iter().any(|it| it.field == field || it.field.starts_with(&format!("{field}/")));
    for (field, of_a, of_b) in fields(&a.documentation, &b.documentation) {
        if said(&of_a) != said(&of_b) && !is_open(field) {
            let taken = whose(preferred, &of_a, &of_b);
            differences.push(Difference {
                field: field.to_owned(),
                stream_a: of_a,
                stream_b: of_b,
                code: Value::Null,
                state: DifferenceState::Wording,
                severity: None,
                blocking: None,
                taken,
            });
        }
    }
    (Some(both(first, second)), Some(Source::Merged), differences)
}

/// Whose value stands in the text where nobody has decided: the one that its validator judged better, then the surer one, then A.
fn preferred(a: &Entry, b: &Entry) -> Stream {
    let rank = |entry: &Entry| entry.validation.as_ref().map(|it| it.validation_result);
    let sure = a.metadata.confidence.total_cmp(&b.metadata.confidence);
    // A verdict that is less is better; nobody having looked is between a warning and a failure.
    let place = |entry: &Entry| match rank(entry) {
        Some(Verdict::Pass) => 0,
        Some(Verdict::Warning) => 1,
        None => 2,
        Some(Verdict::Fail) => 3,
    };
    let order = place(b).cmp(&place(a)).then(sure);
    if order.is_lt() { Stream::B } else { Stream::A }
}

fn open(left: &[&Discrepancy], taken: Stream) -> Vec<Difference> {
    let one = |it: &&Discrepancy| Difference {
        field: it.field.clone(),
        stream_a: it.stream_a_value.clone(),
        stream_b: it.stream_b_value.clone(),
        code: it.ground_truth.clone(),
        state: DifferenceState::Open,
        severity: Some(it.severity),
        blocking: it.blocking,
        taken: whose(taken, &it.stream_a_value, &it.stream_b_value),
    };
    left.iter().map(one).collect()
}

/// Whose value stands in the text: the preferred stream's, unless it says nothing.
fn whose(preferred: Stream, a: &Value, b: &Value) -> Stream {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(all) => all.is_empty(),
        _ => false,
    };
    match (is_empty(a), is_empty(b)) {
        (true, false) => Stream::B,
        (false, true) => Stream::A,
        _ => preferred,
    }
}

/// The fields of a text with both values. What only says more (examples, notes, references) is joined and no difference.
fn fields(a: &Documentation, b: &Documentation) -> [(&'static str, Value, Value); 5] {
    [
        ("/documentation/summary", json!(a.summary), json!(b.summary)),
        ("/documentation/description", json!(a.description), json!(b.description)),
        ("/documentation/parameters", json!(a.parameters), json!(b.parameters)),
        ("/documentation/returns", json!(a.returns), json!(b.returns)),
        ("/documentation/raises", json!(a.raises), json!(b.raises)),
    ]
}

/// A value as far as it says something: case, blanks and a full stop at the end say nothing.
fn said(value: &Value) -> String {
    let text = value.to_string().to_lowercase();
    let words: Vec<&str> =
        text.split(|it: char| !it.is_alphanumeric() && it != '_').filter(|it| !it.is_empty()).collect();
    words.join(" ")
}

/// Both texts as one: the first one's, and from the second what the first does not have.
fn both(first: &Documentation, second: &Documentation) -> Documentation {
    let text = |one: &str, other: &str| if one.trim().is_empty() { other.to_owned() } else { one.to_owned() };
    let union = |one: &[String], other: &[String]| {
        let more = other.iter().filter(|it| !one.contains(it));
        one.iter().chain(more).cloned().collect::<Vec<_>>()
    };
    let raises = second.raises.iter().filter(|it| !first.raises.iter().any(|one| one.kind == it.kind));
    Documentation {
        summary: text(&first.summary, &second.summary),
        description: text(&first.description, &second.description),
        parameters: parameters(&first.parameters, &second.parameters),
        returns: first.returns.clone().or_else(|| second.returns.clone()),
        raises: first.raises.iter().chain(raises).cloned().collect(),
        examples: union(&first.examples, &second.examples),
        notes: first.notes.clone().or_else(|| second.notes.clone()),
        see_also: union(&first.see_also, &second.see_also),
    }
}

fn parameters(first: &[ParameterDoc], second: &[ParameterDoc]) -> Vec<ParameterDoc> {
    let of_second = |name: &str| second.iter().find(|it| it.name == name);
    let filled = |one: &ParameterDoc| {
        let mut one = one.clone();
        if let Some(other) = of_second(&one.name) {
            if one.description.trim().is_empty() {
                one.description.clone_from(&other.description);
            }
            one.kind = one.kind.or_else(|| other.kind.clone());
            one.default = one.default.or_else(|| other.default.clone());
        }
        one
    };
    let more = second.iter().filter(|it| !first.iter().any(|one| one.name == it.name)).cloned();
    first.iter().map(filled).chain(more).collect()
}

/// How far an entry may be trusted, 0 to 100: half of it the text, four tenths the calls, a tenth the validation.
///
/// A field of the text counts by its weight in the settings: 1 where both say the same, 0.9 where they say it in other words, 0.6
/// where only one stream has it, 0 where they differ. A call counts its confidence ([`super::graph`]). A validation counts 1 for a
/// pass, 0.7 for a warning, 0.5 where nobody looked, 0 for a failure. Without a text it is 0. With anything undecided it is at most
/// 79, with something that blocks at most 59, however much there is that agrees.
#[must_use]
pub fn score(
    a: Option<&Entry>,
    b: Option<&Entry>,
    differences: &[Difference],
    callees: &[&MergedEdge],
    parts: &Parts,
) -> u8 {
    let there = a.is_some() as usize + b.is_some() as usize;
    if there == 0 {
        return 0;
    }
    let weights = &parts.settings.convergence.weights;
    let all = [
        ("/documentation/summary", weights.summary),
        ("/documentation/description", weights.description),
        ("/documentation/parameters", weights.parameters),
        ("/documentation/returns", weights.returns),
        ("/documentation/raises", weights.raises),
    ];
    let of_field = |field: &str| {
        let about = |it: &&Difference| it.field == field || it.field.starts_with(&format!("{field}/"));
        match differences.iter().filter(about).map(|it| it.state).next() {
            Some(DifferenceState::Open) => 0.0,
            _ if there == 1 => 0.6,
            Some(DifferenceState::Wording) => 0.9,
            None => 1.0,
        }
    };
    let total: f64 = all.iter().map(|it| it.1).sum();
    let text =
        all.iter().map(|(field, weight)| weight * of_field(field)).sum::<f64>() / total.max(f64::EPSILON);
    let calls = callees.iter().map(|it| sure(it)).sum::<f64>() / (callees.len().max(1) as f64);
    let calls = if callees.is_empty() { 1.0 } else { calls };
    let judged = |entry: &Entry| match entry.validation.as_ref().map(|it| it.validation_result) {
        Some(Verdict::Pass) => 1.0,
        Some(Verdict::Warning) => 0.7,
        Some(Verdict::Fail) => 0.0,
        None => 0.5,
    };
    let validation = [a, b].into_iter().flatten().map(judged).sum::<f64>() / there as f64;
    let score = 100.0 * (0.5 * text + 0.4 * calls + 0.1 * validation);
    let undecided = |it: &&Difference| it.state == DifferenceState::Open;
    let most = match differences.iter().filter(undecided).map(|it| it.blocking.is_some()).max() {
        Some(true) => 59.0,
        Some(false) => 79.0,
        None => 100.0,
    };
    score.round().clamp(0.0, most) as u8
}

/// The code's own edges count in full where the text leaves no choice, whatever a stream forgot.
fn sure(edge: &MergedEdge) -> f64 {
    let by_code = edge.sources.contains(&EdgeSource::Code) && edge.confidence >= 0.95 && !edge.open;
    if by_code { 1.0 } else { edge.confidence }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Stream, whose};

    #[test]
    fn a_stream_that_says_nothing_is_not_the_one_that_is_taken() {
        assert_eq!(whose(Stream::A, &json!(" "), &json!("Calls it.")), Stream::B);
        assert_eq!(whose(Stream::B, &json!(["x"]), &Value::Null), Stream::A);
        assert_eq!(whose(Stream::B, &json!("x"), &json!("y")), Stream::B);
        assert_eq!(whose(Stream::A, &Value::Null, &json!([])), Stream::A);
    }
}
