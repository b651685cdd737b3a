//! What can be judged without a model: parameters against the signature, calls against the call graph.
//!
//! It fails that lacks a parameter, says nothing of a result, claims more than 5 % callees that are not there, or lacks more than
//! 10 % of its callers. Corrected is only what the code leaves no doubt of: the names of parameters, calls of confidence 1, and
//! claims that the code rules out. What is found is said as it was before the correction.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    comparison::{
        field::{Field, Side, ends, set},
        truth::{TrueEdge, Truth, Verdict as Claim, bare},
    },
    documenter::derive::{is_nothing, is_required},
    records::documented::{
        Author, CallAccuracy, CallRef, Completeness, Correction, Entry, ParameterDoc, Validation, Verdict,
    },
};

/// Most of the claimed callees that may be wrong.
const MOST_FALSE_CALLEES: f64 = 0.05;
/// Most of the evident callers that may be missing.
const MOST_MISSING_CALLERS: f64 = 0.10;

/// Judges an entry and puts right what the code leaves no doubt of.
#[must_use]
pub fn validate(truth: &Truth<'_>, entry: &Entry, author: Author) -> Entry {
    let mut work = Work { truth, entry: entry.clone(), corrections: Vec::new() };
    let completeness = work.signature();
    let mut accuracy = CallAccuracy::default();
    (accuracy.verified_callees, accuracy.missing_callees, accuracy.false_callees) = work.calls(Side::Callees);
    (accuracy.verified_callers, accuracy.missing_callers, accuracy.false_callers) = work.calls(Side::Callers);
    let right = accuracy.verified_callees.len() + accuracy.verified_callers.len();
    let wrong = [
        &accuracy.missing_callees,
        &accuracy.false_callees,
        &accuracy.missing_callers,
        &accuracy.false_callers,
    ];
    accuracy.score = share(right, right + wrong.iter().map(|all| all.len()).sum::<usize>());
    let verdict = verdict(&completeness, &accuracy, entry, work.corrections.is_empty());
    work.entry.validation = Some(Validation {
        validation_result: verdict,
        author,
        completeness,
        call_graph_accuracy: accuracy,
        corrections_applied: work.corrections,
    });
    work.entry
}

fn verdict(completeness: &Completeness, accuracy: &CallAccuracy, entry: &Entry, untouched: bool) -> Verdict {
    let lacks = |what: &str| completeness.missing_elements.iter().any(|one| one.starts_with(what));
    let callers = accuracy.verified_callers.len() + accuracy.missing_callers.len();
    let false_callees = part(accuracy.false_callees.len(), entry.call_graph.callees.len());
    let missing_callers = part(accuracy.missing_callers.len(), callers);
    if lacks("parameter:")
        || lacks("returns")
        || false_callees > MOST_FALSE_CALLEES
        || missing_callers > MOST_MISSING_CALLERS
    {
        return Verdict::Fail;
    }
    let is_complete = completeness.missing_elements.is_empty() && completeness.extra_elements.is_empty();
    if is_complete && untouched && accuracy.score >= 1.0 { Verdict::Pass } else { Verdict::Warning }
}

/// A share; of nothing it is all.
fn share(some: usize, of: usize) -> f64 {
    if of == 0 { 1.0 } else { some as f64 / of as f64 }
}

/// A part; of nothing it is none.
fn part(some: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { some as f64 / of as f64 }
}

/// Right, missing and false ends of calls.
type Ends = (Vec<String>, Vec<String>, Vec<String>);

struct Work<'w, 'a> {
    truth: &'w Truth<'a>,
    entry: Entry,
    corrections: Vec<Correction>,
}

impl Work<'_, '_> {
    /// The text against the signature.
    fn signature(&mut self) -> Completeness {
        let id = self.entry.component_id.clone();
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        let mut expected = 1;
        if self.entry.documentation.summary.trim().is_empty() {
            missing.push("summary".to_owned());
        }
        if let Some(parameters) = self.truth.parameters(&id) {
            expected += parameters.len();
            let order: Vec<String> = parameters.iter().map(|(name, _)| (*name).to_owned()).collect();
            let said: BTreeSet<String> =
                self.entry.documentation.parameters.iter().map(|one| one.name.clone()).collect();
            for name in &said {
                if !order.iter().any(|one| one == bare(name)) {
                    extra.push(format!("parameter:{name}"));
                    self.correct(
                        &Field::Parameter(name.clone()),
                        &Value::Null,
                        &order,
                        "not in the signature",
                    );
                }
            }
            for (name, parameter) in parameters {
                if said.iter().any(|one| bare(one) == name) {
                    continue;
                }
                missing.push(format!("parameter:{name}"));
                let doc = ParameterDoc {
                    name: name.to_owned(),
                    kind: parameter.kind.clone(),
                    description: String::new(),
                    default: parameter.default.clone(),
                    required: is_required(parameter),
                };
                self.correct(&Field::Parameter(name.to_owned()), &json!(doc), &order, "in the signature");
            }
        }
        let component = self.truth.component(&id);
        let gives = component.and_then(|one| one.returns.as_deref()).is_some_and(|kind| !is_nothing(kind));
        expected += usize::from(gives);
        if gives && self.entry.documentation.returns.is_none() {
            missing.push("returns".to_owned());
        }
        let score = share(expected - missing.len().min(expected), expected + extra.len());
        Completeness { score, missing_elements: missing, extra_elements: extra }
    }

    /// The calls of one side against the code.
    fn calls(&mut self, side: Side) -> Ends {
        let id = self.entry.component_id.clone();
        let truth = self.truth;
        let (mut right, mut missing, mut wrong) = Ends::default();
        let claims: BTreeMap<String, CallRef> =
            ends(&self.entry, side).iter().map(|call| (call.component_id.clone(), call.clone())).collect();
        for (other, call) in &claims {
            match truth.verdict(&id, side, other) {
                Claim::Evident(edge) => {
                    right.push(other.clone());
                    if edge.confidence >= 1.0 {
                        self.place(side, call, edge);
                    }
                }
                Claim::Hint(_) => right.push(other.clone()),
                // Nothing speaks for it, and nothing against it.
                Claim::Open => {}
                Claim::RuledOut => {
                    wrong.push(other.clone());
                    let field = Field::Edge(side, other.clone());
                    self.correct(&field, &Value::Null, &[], "the code has no such call");
                }
            }
        }
        let evident = truth.edges(&id, side).filter(|(_, edge)| edge.evident);
        for (other, edge) in evident.filter(|(other, _)| !claims.contains_key(*other)) {
            missing.push(other.to_owned());
            if edge.confidence >= 1.0 {
                let call = CallRef {
                    component_id: other.to_owned(),
                    call_site_line: edge.line(std::iter::empty()),
                    call_type: edge.kind(std::iter::empty()),
                };
                self.correct(
                    &Field::Edge(side, other.to_owned()),
                    &json!(call),
                    &[],
                    "the code has this call",
                );
            }
        }
        (right, missing, wrong)
    }

    /// Line and kind of a call that is there for certain.
    fn place(&mut self, side: Side, call: &CallRef, edge: &TrueEdge) {
        let other = &call.component_id;
        let line = edge.line(call.call_site_line.into_iter());
        if call.call_site_line.is_some() && call.call_site_line != line {
            let field = Field::EdgeLine(side, other.clone());
            self.correct(&field, &json!(line), &[], "the call is on another line");
        }
        let kind = edge.kind(std::iter::once(call.call_type));
        if call.call_type != kind {
            let field = Field::EdgeKind(side, other.clone());
            self.correct(&field, &json!(kind), &[], "the call is made otherwise");
        }
    }

    fn correct(&mut self, field: &Field, value: &Value, order: &[String], reason: &str) {
        let original_value = field.get(&self.entry);
        match set(&mut self.entry, field, value, order) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(component = %self.entry.component_id, %error, "a correction does not fit");
                return;
            }
        }
        let action = match (original_value.is_null(), value.is_null()) {
            (true, _) => "added",
            (_, true) => "removed",
            _ => "replaced",
        };
        self.corrections.push(Correction {
            field: field.to_string(),
            action: action.to_owned(),
            original_value,
            corrected_value: value.clone(),
            reason: reason.to_owned(),
        });
    }
}
