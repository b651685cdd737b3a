//! Whether the streams agree: the four criteria, and what keeps them from it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::records::{
    Stream,
    compared::{Action, Comparison, Discrepancy, ResolutionSource, Status, Summary},
    settings::Convergence,
};

/// What was checked, with one sentence for each criterion that fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many of the four hold.
    pub hold: usize,
    /// What must happen.
    pub required_actions: Vec<String>,
}

impl Verdict {
    /// Whether all hold.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        self.hold == 4
    }
}

/// Checks the criteria.
#[must_use]
pub fn check(summary: &Summary, wanted: &Convergence) -> Verdict {
    let checks = [
        (
            summary.call_graph_match_rate >= wanted.call_graph,
            format!(
                "calls: the streams share {:.4} of their calls, and {:.4} is wanted",
                summary.call_graph_match_rate, wanted.call_graph
            ),
        ),
        (
            summary.documentation_similarity >= wanted.documentation,
            format!(
                "texts: they are alike {:.4} ({}), and {:.4} is wanted",
                summary.documentation_similarity, summary.similarity_by, wanted.documentation
            ),
        ),
        (summary.blocking == 0, format!("blocking: {} discrepancies block, and none may", summary.blocking)),
        (
            summary.open <= wanted.max_open,
            format!("open: {} discrepancies are open, and {} may be", summary.open, wanted.max_open),
        ),
    ];
    let hold = checks.iter().filter(|it| it.0).count();
    let required_actions = checks.into_iter().filter(|it| !it.0).map(|it| it.1).collect();
    Verdict { hold, required_actions }
}

/// What the iterations before tell: where nothing moves, and where something has become worse. `earlier` has the last one first.
#[must_use]
pub fn trends(summary: &Summary, earlier: &[&Comparison]) -> Vec<String> {
    let mut said = Vec::new();
    if let [before, first, ..] = earlier
        && summary.blocking > 0
        && [before, first].iter().all(|it| it.summary.blocking == summary.blocking)
    {
        said.push(format!("stalled: {} discrepancies block for the third iteration", summary.blocking));
    }
    if let Some(before) = earlier.first().map(|it| &it.summary) {
        let figures = [
            ("calls", before.call_graph_match_rate, summary.call_graph_match_rate),
            ("texts", before.documentation_similarity, summary.documentation_similarity),
        ];
        for (what, was, is) in figures {
            if is < was {
                said.push(format!("declining: the likeness of the {what} fell from {was:.4} to {is:.4}"));
            }
        }
    }
    said
}

/// Says what is to be done next, in the words of the original system.
#[must_use]
pub fn recommendation(status: Status, for_people: usize) -> &'static str {
    match status {
        Status::Converged => "finalize",
        _ if for_people > 0 => "generate_beads_tickets",
        Status::Forced => "max_iterations_reached",
        Status::NotStarted | Status::InProgress => "continue",
        Status::PartiallyConverged | Status::Failed => "finalize",
    }
}

/// Whether two iterations found the same and decided the same, so that a third would too.
#[must_use]
pub fn nothing_moved(now: &[Discrepancy], before: &[Discrepancy]) -> bool {
    let (now, before) = (keys(now), keys(before));
    now.len() == before.len() && now.iter().all(|(id, it)| before.get(id) == Some(it))
}

/// What was said and done, by discrepancy.
fn keys(all: &[Discrepancy]) -> BTreeMap<&str, (&Value, &Value, Action)> {
    all.iter()
        .filter(|it| it.resolution_source != ResolutionSource::Consensus)
        .map(|it| (&*it.discrepancy_id, (&it.stream_a_value, &it.stream_b_value, it.resolution)))
        .collect()
}

/// Sentences for streams that could not document everything.
#[must_use]
pub fn failures(failed: &BTreeMap<Stream, usize>) -> Vec<String> {
    let some = failed.iter().filter(|it| *it.1 > 0);
    some.map(|(stream, count)| format!("failed: stream {stream} could not document {count} components"))
        .collect()
}
