//! How the streams came to agree, or did not: history, criteria with their gaps, trends, what is left, and what to do about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::{Parts, Turn};
use crate::records::{
    Stream,
    compared::{Action, Discrepancy, ResolutionSource, Status, TicketState},
    documented::Failed,
};

mod advice;

/// One iteration in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Its number.
    pub iteration: u32,
    /// How far the streams were after it.
    pub status: Option<Status>,
    /// Components of the codebase.
    pub total_components: usize,
    /// Those of which both said the same.
    pub identical: usize,
    /// Those that a stream could not document.
    pub failed: usize,
    /// Discrepancies found.
    pub discrepancies: usize,
    /// Of them decided in it, whoever did.
    pub resolved: usize,
    /// Of them decided by people: an answer, not a question.
    pub resolved_by_people: usize,
    /// That block.
    pub blocking: usize,
    /// Neither decided nor blocking.
    pub open: usize,
    /// Edges of both streams over the edges of either.
    pub call_graph_match_rate: f64,
    /// Mean similarity of the texts.
    pub documentation_similarity: f64,
    /// What measured it.
    pub similarity_by: String,
    /// Corrections made in each stream.
    pub corrections: BTreeMap<Stream, usize>,
    /// Each stream's edges against those that the code evidently has.
    pub precision: BTreeMap<Stream, f64>,
    /// The same.
    pub recall: BTreeMap<Stream, f64>,
}

/// A criterion of convergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Which: `call_graph`, `documentation`, `blocking`, `open`.
    pub name: String,
    /// What is asked, in words.
    pub text: String,
    /// What is asked: at least for the first two, at most for the others.
    pub target: f64,
    /// What the last iteration reached.
    pub value: Option<f64>,
    /// How far it is from the target; 0 where it holds.
    pub gap: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
}

/// A component that could not be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedComponent {
    /// In which stream.
    pub stream: Stream,
    /// What went wrong.
    #[serde(flatten)]
    pub failed: Failed,
}

/// `convergence_report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`super::VERSION`].
    pub version: String,
    /// The job.
    pub job: String,
    /// The codebase.
    pub codebase: String,
    /// Iterations that were made.
    pub total_iterations: u32,
    /// How it ended.
    pub final_status: Status,
    /// Whether all criteria held.
    pub converged: bool,
    /// Whether it ended only because iterations were used up.
    pub forced_convergence: bool,
    /// When the job was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When this was written.
    pub completed_at: Timestamp,
    /// By iteration.
    pub history: Vec<HistoryRow>,
    /// What is asked, and how far off it ended.
    pub criteria: Vec<Criterion>,
    /// Each measure by iteration.
    pub trends: BTreeMap<String, Vec<f64>>,
    /// What a person should do about what is left.
    pub recommendations: Vec<String>,
    /// What is left.
    pub remaining_discrepancies: Vec<Discrepancy>,
    /// Components on which the streams still differ.
    pub divergent_components: Vec<String>,
    /// Components that could not be done.
    pub failed_components: Vec<FailedComponent>,
    /// Every ticket.
    pub tickets: BTreeMap<String, TicketState>,
    /// Tickets that nobody answered in time.
    pub expired_tickets: Vec<String>,
    /// Files that were left out or could be read in part only.
    pub files_left_out: Vec<String>,
}

/// Writes the report.
#[must_use]
pub fn report(parts: &Parts) -> Report {
    let outcome = &parts.outcome;
    let history: Vec<HistoryRow> = parts.turns.iter().map(row).collect();
    let criteria = criteria(parts, history.last());
    let expired = |(id, state): (&String, &TicketState)| (*state == TicketState::Expired).then(|| id.clone());
    let mut report = Report {
        version: super::VERSION.to_owned(),
        job: parts.job.id.clone(),
        codebase: parts.job.path.clone(),
        total_iterations: outcome.iterations,
        final_status: outcome.status,
        converged: outcome.status == Status::Converged,
        forced_convergence: outcome.status == Status::Forced,
        started_at: parts.job.started_at,
        completed_at: parts.job.completed_at,
        trends: trends(&history),
        history,
        criteria,
        recommendations: Vec::new(),
        remaining_discrepancies: outcome.remaining.clone(),
        divergent_components: outcome.divergent.iter().cloned().collect(),
        failed_components: failed(parts),
        tickets: outcome.tickets.clone(),
        expired_tickets: outcome.tickets.iter().filter_map(expired).collect(),
        files_left_out: left_out(parts),
    };
    report.recommendations = advice::recommendations(&report, parts);
    report
}

fn row(turn: &Turn) -> HistoryRow {
    let summary = turn.comparison.as_ref().map(|it| it.summary.clone()).unwrap_or_default();
    let resolution = turn.resolution.as_ref();
    let is_decided = |it: &&Discrepancy| {
        it.resolution_source != ResolutionSource::Unresolved
            && !matches!(it.resolution, Action::NeedsHumanReview | Action::Deferred)
    };
    let decided = || resolution.iter().flat_map(|it| &it.decided).filter(is_decided);
    let corrections = |stream: Stream| {
        let all = resolution.and_then(|it| it.corrections.get(&stream));
        all.map_or(0, |by_component| by_component.values().map(Vec::len).sum())
    };
    HistoryRow {
        iteration: turn.iteration,
        status: resolution.map(|it| it.status),
        total_components: summary.total_components,
        identical: summary.identical,
        failed: summary.failed,
        discrepancies: summary.discrepancies,
        resolved: decided().count(),
        resolved_by_people: decided()
            .filter(|it| it.resolution_source == ResolutionSource::HumanReview)
            .count(),
        blocking: summary.blocking,
        open: summary.open,
        call_graph_match_rate: summary.call_graph_match_rate,
        documentation_similarity: summary.documentation_similarity,
        similarity_by: summary.similarity_by,
        corrections: Stream::ALL.map(|it| (it, corrections(it))).into(),
        precision: summary.precision,
        recall: summary.recall,
    }
}

fn criteria(parts: &Parts, last: Option<&HistoryRow>) -> Vec<Criterion> {
    let asked = &parts.settings.convergence;
    let at_least = |name: &str, text: &str, target: f64, value: Option<f64>| Criterion {
        name: name.to_owned(),
        text: text.to_owned(),
        target,
        value,
        gap: value.map(|it| (target - it).max(0.0)),
        holds: value.is_some_and(|it| it >= target),
    };
    let at_most = |name: &str, text: &str, target: usize, value: Option<usize>| Criterion {
        name: name.to_owned(),
        text: text.to_owned(),
        target: target as f64,
        value: value.map(|it| it as f64),
        gap: value.map(|it| it.saturating_sub(target) as f64),
        holds: value.is_some_and(|it| it <= target),
    };
    vec![
        at_least(
            "call_graph",
            "edges that both streams have, of all",
            asked.call_graph,
            last.map(|it| it.call_graph_match_rate),
        ),
        at_least(
            "documentation",
            "mean similarity of the texts",
            asked.documentation,
            last.map(|it| it.documentation_similarity),
        ),
        at_most("blocking", "discrepancies that block", 0, last.map(|it| it.blocking)),
        at_most(
            "open",
            "other discrepancies that nobody has decided",
            asked.max_open,
            last.map(|it| it.open),
        ),
    ]
}

fn trends(history: &[HistoryRow]) -> BTreeMap<String, Vec<f64>> {
    let by = |of: fn(&HistoryRow) -> f64| history.iter().map(of).collect::<Vec<_>>();
    let share = |it: &HistoryRow| it.identical as f64 / it.total_components.max(1) as f64;
    [
        ("call_graph_match_rate", by(|it| it.call_graph_match_rate)),
        ("documentation_similarity", by(|it| it.documentation_similarity)),
        ("identical", by(share)),
        ("discrepancies", by(|it| it.discrepancies as f64)),
        ("blocking", by(|it| it.blocking as f64)),
        ("open", by(|it| it.open as f64)),
    ]
    .into_iter()
    .map(|(name, values)| (name.to_owned(), values))
    .collect()
}

fn failed(parts: &Parts) -> Vec<FailedComponent> {
    let of = |stream: Stream| {
        let ids = parts.streams.get(&stream).into_iter().flat_map(|file| file.failed.keys());
        ids.filter_map(move |id| Some(FailedComponent { stream, failed: parts.failed(stream, id)?.clone() }))
    };
    Stream::ALL.into_iter().flat_map(of).collect()
}

fn left_out(parts: &Parts) -> Vec<String> {
    let skipped = parts.components.skipped.iter().map(|it| format!("{}: {}", it.path, it.reason));
    let partly =
        parts.components.with_errors.iter().map(|it| format!("{it}: read in part, for errors of syntax"));
    skipped.chain(partly).collect()
}
