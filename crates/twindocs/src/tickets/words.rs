//! What a ticket says: enough to decide without opening anything else.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use super::{Desk, beads, id_of};
use crate::{
    comparison::{
        absent,
        field::{Field, Side},
    },
    records::{Stream, compared::Discrepancy},
    resolution::answer::question,
};

/// Most lines of code in a ticket.
const MOST_LINES: usize = 60;
/// Most characters of a value in a table.
const MOST_OF_A_VALUE: usize = 400;
/// Most calls that could not be followed.
const MOST_CALLS: usize = 8;
/// Most fields that a ticket for several lists.
const MOST_LISTED: usize = 200;

/// `[AI-DOC] missing_parameter: src/a.py::f`.
pub(super) fn title(group: &[&Discrepancy]) -> String {
    match group {
        [one, ..] if is_one(group) => beads::title(&format!("[AI-DOC] {}: {}", kind(one), one.component_id)),
        several => beads::title(&format!("[AI-DOC] {} further questions", several.len())),
    }
}

/// Whether it is one question: a field, or both ends of a call.
fn is_one(group: &[&Discrepancy]) -> bool {
    group.iter().map(|it| id_of(it)).collect::<BTreeSet<_>>().len() == 1
}

/// The type's word.
pub(super) fn kind(it: &Discrepancy) -> String {
    serde_json::to_value(it.kind).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn description(desk: Desk<'_>, ticket: &str, group: &[&Discrepancy]) -> String {
    let mut text = String::new();
    match group {
        [one, ..] if is_one(group) => single(&mut text, desk, one),
        several => list(&mut text, several),
    }
    answer(&mut text, ticket, !is_one(group));
    text
}

fn single(text: &mut String, desk: Desk<'_>, it: &Discrepancy) {
    let field = it.field.parse::<Field>();
    let asks = field.as_ref().map_or_else(|_| it.field.clone(), question);
    // What settles whether something is called is the caller's text.
    let shown = match &field {
        Ok(Field::Edge(Side::Callers, caller)) => caller,
        _ => &it.component_id,
    };
    let _ = writeln!(text, "**{asks}**\n");
    let _ = writeln!(text, "- Component: `{}`", it.component_id);
    if let Some(component) = desk.truth.component(shown) {
        let _ = writeln!(text, "- Where: {}:{}-{}", component.path, component.line_start, component.line_end);
    }
    let _ = writeln!(text, "- Field: `{}`", it.field);
    let _ = writeln!(text, "- Iteration: {} (first seen in {})\n", desk.iteration, it.iteration_found);
    let model = |stream: Stream| desk.models.get(&stream).map_or("none", String::as_str);
    let _ = writeln!(text, "| Aspect | A ({}) | B ({}) |", model(Stream::A), model(Stream::B));
    text.push_str("|---|---|---|\n");
    let _ = writeln!(
        text,
        "| {} | {} | {} |\n",
        kind(it).replace('_', " "),
        cell(&it.stream_a_value),
        cell(&it.stream_b_value)
    );
    let code = match &it.ground_truth {
        Value::Null if matches!(field, Ok(Field::Edge(..))) => unresolved(desk, shown),
        Value::Null => "nothing that would settle it".to_owned(),
        truth if *truth == absent() => "there is no such thing".to_owned(),
        truth => cell(truth),
    };
    let _ = writeln!(text, "The analysis of the code says: {code}.\n");
    source(text, desk.truth.source(shown));
}

/// What in a caller was seen and could not be followed.
fn unresolved(desk: Desk<'_>, caller: &str) -> String {
    let calls = desk.truth.unresolved(caller);
    if calls.is_empty() {
        return "the file could be read in part only".to_owned();
    }
    let mut shown: Vec<String> = calls
        .iter()
        .take(MOST_CALLS)
        .map(|it| {
            format!("`{}` on line {} ({})", it.text.replace('`', "'"), it.line, it.reason.replace('-', " "))
        })
        .collect();
    if calls.len() > MOST_CALLS {
        shown.push(format!("{} more", calls.len() - MOST_CALLS));
    }
    format!("it may; what could not be followed in `{caller}` is {}", shown.join(", "))
}

fn source(text: &mut String, source: &str) {
    if source.is_empty() {
        return;
    }
    // More marks than the code has itself, so that it cannot end its own block.
    let longest = source.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}");
    for line in source.lines().take(MOST_LINES) {
        let _ = writeln!(text, "{line}");
    }
    let left = source.lines().count().saturating_sub(MOST_LINES);
    if left > 0 {
        let _ = writeln!(text, "… {left} more lines");
    }
    let _ = writeln!(text, "{fence}\n");
}

fn list(text: &mut String, several: &[&Discrepancy]) {
    let _ = writeln!(
        text,
        "There are more questions than tickets at once. One answer here is one to all of these {}.\n",
        several.len()
    );
    text.push_str("| Ticket of its own | Component | Field | A | B |\n|---|---|---|---|---|\n");
    for it in several.iter().take(MOST_LISTED) {
        let (a, b) = (cell(&it.stream_a_value), cell(&it.stream_b_value));
        let _ = writeln!(text, "| {} | `{}` | `{}` | {a} | {b} |", id_of(it), it.component_id, it.field);
    }
    if several.len() > MOST_LISTED {
        let _ = writeln!(
            text,
            "\n… and {} more: they are in the ticket's metadata.",
            several.len() - MOST_LISTED
        );
    }
    text.push('\n');
}

fn answer(text: &mut String, ticket: &str, is_group: bool) {
    text.push_str("- [ ] A is right (`accept_a`)\n- [ ] B is right (`accept_b`)\n");
    text.push_str("- [ ] Both in part: keep what each has (`merge`)\n");
    if is_group {
        text.push_str("- [ ] Neither: answer the fields one by one, each by the id in its line\n\n");
    } else {
        text.push_str("- [ ] Neither: the text that holds is below (`manual`)\n\n");
    }
    let _ = writeln!(
        text,
        "To answer, add a comment `RESOLUTION: accept_a` (or `accept_b`, `merge`, `manual` with the text in the lines below it) and \
         import the issues again, or store `{{\"resolution\": \"accept_a\"}}` as the job's artifact `answers/{ticket}.json` and \
         send the signal `answers`.\n\nNotes:"
    );
}

/// A value in a cell of a table.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return "*nothing*".to_owned(),
        Value::String(text) if text.trim().is_empty() => return "*empty*".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(MOST_OF_A_VALUE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace('|', "\\|").replace(['\n', '\r'], " ")
}
