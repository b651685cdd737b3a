//! What a person should do about what is left: one sentence for each thing, with names and figures, the worst first.

use std::collections::BTreeMap;

use super::{Criterion, HistoryRow, Report};
use crate::{
    package::parts::Parts,
    records::{Stream, compared::Status},
};

type Measure = fn(&HistoryRow) -> f64;

/// Names in one sentence at most; the rest is counted.
const NAMED: usize = 5;
/// Iterations with the same number of blocking discrepancies that are a standstill.
const STANDSTILL: usize = 3;

pub(super) fn recommendations(report: &Report, parts: &Parts) -> Vec<String> {
    let mut all = Vec::new();
    if report.final_status == Status::Failed {
        all.push(
            "No stream could document anything: look at the failed components, then start the job again."
                .to_owned(),
        );
    }
    if parts.settings.dry_run {
        all.push("This was a dry run: no model was asked, and there is no text.".to_owned());
    }
    by_component(report, &mut all);
    for criterion in report.criteria.iter().filter(|it| !it.holds) {
        all.push(gap(criterion));
    }
    movement(&report.history, &mut all);
    if let [stream] = &*parts.settings.streams {
        all.push(format!(
            "Only stream {} was documented: nothing was compared but its calls with the code. Run both for a second opinion.",
            stream.letter().to_uppercase()
        ));
    }
    let unresolved = parts.graph.unresolved.len();
    if unresolved > 0 {
        all.push(format!(
            "{unresolved} calls could not be resolved from the text of the code, so neither stream was held to them."
        ));
    }
    if !report.files_left_out.is_empty() {
        all.push(format!(
            "{} files were left out or read in part only: {}.",
            report.files_left_out.len(),
            few(report.files_left_out.iter().map(String::as_str))
        ));
    }
    if all.is_empty() {
        all.push("Nothing is left to do: every criterion holds.".to_owned());
    }
    all
}

fn by_component(report: &Report, all: &mut Vec<String>) {
    let blocking: Vec<&str> = report
        .remaining_discrepancies
        .iter()
        .filter(|it| it.blocking.is_some())
        .map(|it| it.component_id.as_str())
        .collect();
    if !blocking.is_empty() {
        all.push(format!(
            "Decide what blocks first, {} in all: {}.",
            blocking.len(),
            few(blocking.into_iter())
        ));
    }
    if !report.expired_tickets.is_empty() {
        all.push(format!(
            "{} tickets expired without an answer ({}): answer them and start the job again; what has not changed is not written again.",
            report.expired_tickets.len(),
            few(report.expired_tickets.iter().map(String::as_str))
        ));
    }
    let mut failed: BTreeMap<(&str, Stream), Vec<&str>> = BTreeMap::new();
    for one in &report.failed_components {
        failed.entry((&one.failed.code, one.stream)).or_default().push(&one.failed.component_id);
    }
    for ((code, stream), ids) in failed {
        let what = match code {
            "over-budget" => "were not written, for the budget was used up: raise it",
            "invalid-answer" => "got answers that do not fit: try another model",
            _ => "could not be written: look at the model's server",
        };
        let stream = stream.letter().to_uppercase();
        all.push(format!(
            "{} components of stream {stream} {what} ({code}): {}.",
            ids.len(),
            few(ids.into_iter())
        ));
    }
}

fn gap(criterion: &Criterion) -> String {
    let Criterion { text, target, value, .. } = criterion;
    match (&*criterion.name, value) {
        (_, None) => format!("Nothing was measured for: {text}."),
        ("blocking" | "open", Some(value)) => format!("{text}: {value}, and at most {target} are asked for."),
        (_, Some(value)) => {
            format!("{text}: {:.3}, and {target} is asked for; {:.3} is missing.", value, target - value)
        }
    }
}

fn movement(history: &[HistoryRow], all: &mut Vec<String>) {
    let last: Vec<usize> = history.iter().rev().take(STANDSTILL).map(|it| it.blocking).collect();
    if last.len() == STANDSTILL && last[0] > 0 && last.iter().all(|it| *it == last[0]) {
        all.push(format!(
            "The same number of discrepancies blocked in the last {STANDSTILL} iterations ({}): more of them change nothing.",
            last[0]
        ));
    }
    let measures: [(&str, Measure); 2] = [
        ("The call graphs' agreement", |it| it.call_graph_match_rate),
        ("The texts' similarity", |it| it.documentation_similarity),
    ];
    if let [.., before, after] = history {
        for (name, of) in measures.iter().filter(|it| it.1(after) + 0.001 < it.1(before)) {
            all.push(format!(
                "{name} fell in the last iteration, from {:.3} to {:.3}: the feedback leads the streams apart.",
                of(before),
                of(after)
            ));
        }
    }
}

fn few<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(NAMED).map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
