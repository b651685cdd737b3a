//! The figures of a comparison, each with its definition.
//!
//! - *Claims*: every call in the lists of a stream, with the component and the side (caller, callee) in whose list it stands.
//! - *Match rate*: claims of both streams over claims of either; of one stream alone, its claims and the evident calls.
//!   Claims that the code leaves open are left out there.
//! - *Precision*: of a stream's claims that are evident or ruled out, those that are evident. *Recall*: of the evident calls, those
//!   that it claims.
//! - *Similarity* of a component: the mean over its fields, by the weights of the settings; a field that neither has is left
//!   out, one that only one has is 0. Of all: the mean over components. Of one stream alone: 1.
//!
//! A share of nothing is 1. Components that a stream could not document are in none of the figures but `failed`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    field::{Side, condition, ends},
    similarity::{Similarities, ratio},
    truth::{Truth, Verdict},
};
use crate::records::{
    Stream,
    compared::{Action, Discrepancy, ResolutionSource, Summary},
    documented::Entry,
    settings::Weights,
};

/// What is counted over all components.
#[derive(Debug, Default)]
pub(super) struct Figures {
    shared: usize,
    either: usize,
    /// Right, judged and evident claims of each stream.
    claims: BTreeMap<Stream, [usize; 3]>,
    alike: f64,
    compared: usize,
    identical: usize,
}

impl Figures {
    /// Counts a component that all streams have.
    pub(super) fn add(
        &mut self,
        truth: &Truth<'_>,
        id: &str,
        entries: &BTreeMap<Stream, &Entry>,
        texts: &Similarities,
        weights: &Weights,
    ) {
        self.compared += 1;
        for side in [Side::Callees, Side::Callers] {
            let evident: BTreeSet<&str> =
                truth.edges(id, side).filter(|it| it.1.evident).map(|it| it.0).collect();
            let mut sets = Vec::new();
            for (stream, entry) in entries {
                let claims: BTreeSet<&str> =
                    ends(entry, side).iter().map(|it| it.component_id.as_str()).collect();
                let right = claims.intersection(&evident).count();
                let ruled_out =
                    claims.iter().filter(|it| truth.verdict(id, side, it) == Verdict::RuledOut).count();
                let counts = self.claims.entry(*stream).or_default();
                counts[0] += right;
                counts[1] += right + ruled_out;
                counts[2] += evident.len();
                sets.push((claims, right + ruled_out));
            }
            match sets.as_slice() {
                [(a, _), (b, _)] => {
                    self.shared += a.intersection(b).count();
                    self.either += a.union(b).count();
                }
                [(only, judged)] => {
                    let right = only.intersection(&evident).count();
                    self.shared += right;
                    self.either += judged + evident.len() - right;
                }
                _ => {}
            }
        }
        let mut all = entries.values();
        match (all.next(), all.next()) {
            (Some(a), Some(b)) => {
                self.alike += similarity(a, b, texts, weights);
                self.identical +=
                    usize::from(a.documentation == b.documentation && a.call_graph == b.call_graph);
            }
            _ => self.alike += 1.0,
        }
    }

    /// The summary of all.
    pub(super) fn summary(self, total: usize, found: &[Discrepancy], by: &str, alone: bool) -> Summary {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let alike = if self.compared == 0 { 1.0 } else { self.alike / self.compared as f64 };
        let with_differences: BTreeSet<&str> = found.iter().map(|it| it.component_id.as_str()).collect();
        let share = |at: usize, of: usize| {
            self.claims.iter().map(|(stream, counts)| (*stream, ratio(counts[at], counts[of]))).collect()
        };
        let mut summary = Summary {
            total_components: total,
            // One stream is never at odds with itself: it says the same as the code.
            identical: if alone {
                self.compared.saturating_sub(with_differences.len())
            } else {
                self.identical
            },
            failed: total - self.compared,
            call_graph_match_rate: ratio(self.shared, self.either),
            precision: share(0, 1),
            recall: share(0, 2),
            documentation_similarity: alike,
            similarity_by: by.to_owned(),
            ..Summary::default()
        };
        count(&mut summary, found);
        summary
    }
}

/// Writes the counts of discrepancies into a summary.
pub fn count(summary: &mut Summary, found: &[Discrepancy]) {
    summary.discrepancies = found.len();
    summary.by_severity = tally(found.iter().map(|it| it.severity));
    summary.by_type = tally(found.iter().map(|it| it.kind));
    let by_code = |it: &&Discrepancy| it.resolution_source == ResolutionSource::GroundTruthHint;
    summary.resolved_by_ground_truth = found.iter().filter(by_code).count();
    summary.requires_human_review = found.iter().filter(|it| it.requires_ticket).count();
    let by_people = |it: &&Discrepancy| it.resolution_source == ResolutionSource::HumanReview;
    summary.blocking = found.iter().filter(|it| it.blocking.is_some() && !by_people(it)).count();
    summary.open = found.iter().filter(|it| it.blocking.is_none() && is_open(it)).count();
}

/// Whether it is not decided.
#[must_use]
pub fn is_open(it: &Discrepancy) -> bool {
    matches!(it.resolution, Action::Deferred | Action::NeedsHumanReview)
}

fn tally<T: Ord>(all: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    all.for_each(|it| *counts.entry(it).or_default() += 1);
    counts
}

/// How alike two entries' texts are.
#[must_use]
pub fn similarity(a: &Entry, b: &Entry, texts: &Similarities, weights: &Weights) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (of, alike) in fields(a, b, texts, weights) {
        sum += of * alike;
        weight += of;
    }
    if weight > 0.0 { sum / weight } else { 1.0 }
}

/// Weight and likeness of each field that one of them has.
fn fields(a: &Entry, b: &Entry, texts: &Similarities, weights: &Weights) -> Vec<(f64, f64)> {
    let (one, other) = (&a.documentation, &b.documentation);
    let mut fields = Vec::new();
    let mut add = |weight: f64, alike: Option<f64>| {
        if let Some(alike) = alike.filter(|_| weight > 0.0) {
            fields.push((weight, alike));
        }
    };
    let text = |one: &str, other: &str| {
        (!one.trim().is_empty() || !other.trim().is_empty()).then(|| texts.of(one, other))
    };
    add(weights.summary, text(&one.summary, &other.summary));
    add(weights.description, text(&one.description, &other.description));
    let purposes = |entry: &Entry| -> BTreeMap<String, String> {
        entry.documentation.parameters.iter().map(|it| (it.name.clone(), it.description.clone())).collect()
    };
    add(weights.parameters, mean(&purposes(a), &purposes(b), texts));
    let returns = match (&one.returns, &other.returns) {
        (Some(one), Some(other)) => Some(texts.of(&one.description, &other.description)),
        (None, None) => None,
        _ => Some(0.0),
    };
    add(weights.returns, returns);
    let conditions = |entry: &Entry| -> BTreeMap<String, String> {
        let kinds = entry.documentation.raises.iter().map(|it| it.kind.clone());
        kinds.map(|kind| (condition(entry, &kind).unwrap_or_default(), kind)).map(|it| (it.1, it.0)).collect()
    };
    add(weights.raises, mean(&conditions(a), &conditions(b), texts));
    fields
}

/// The mean over the names of either; 0 for a name that only one has; none where there are no names.
fn mean(
    one: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
    texts: &Similarities,
) -> Option<f64> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let alike = names.iter().map(|name| match (one.get(*name), other.get(*name)) {
        (Some(one), Some(other)) => texts.of(one, other),
        _ => 0.0,
    });
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = names.len() as f64;
    (!names.is_empty()).then(|| alike.sum::<f64>() / count)
}
