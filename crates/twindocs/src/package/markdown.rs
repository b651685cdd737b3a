//! The package as Markdown: a page for each file of the codebase, an index over them, and the report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    merge::{DifferenceState, Merged, MergedCall, MergedDocumentation, Source},
    metrics::Metrics,
    parts::Parts,
    report::Report,
};
use crate::{
    analysis::components::{Component, Kind},
    records::documented::Documentation,
};

/// A value in a table at most, in characters.
const LONGEST_CELL: usize = 600;

/// Writes the pages: name and text. `docs/index.md` is the first.
#[must_use]
pub fn pages(parts: &Parts, documentation: &MergedDocumentation, report: &Report) -> Vec<(String, String)> {
    let mut files: BTreeMap<&str, Vec<&Component>> = BTreeMap::new();
    for component in &parts.components.components {
        files.entry(&component.path).or_default().push(component);
    }
    let by_id = parts.by_id();
    let mut all = vec![("docs/index.md".to_owned(), index(parts, documentation, report, &files))];
    for (path, components) in &files {
        let mut text = format!("# `{path}`\n\n[Index]({})\n", relative(path, "index.md"));
        for component in components {
            let Some(merged) = documentation.get(&component.id) else { continue };
            one(&mut text, component, merged, &|id| link(path, &by_id, id));
        }
        all.push((format!("docs/{path}.md"), text));
    }
    all
}

fn index(
    parts: &Parts,
    documentation: &MergedDocumentation,
    report: &Report,
    files: &BTreeMap<&str, Vec<&Component>>,
) -> String {
    let mut text = format!("# {}\n\n", escaped(&parts.job.key));
    let status = json!(report.final_status);
    let _ = writeln!(
        text,
        "{} components in {} files, documented in {} iterations; the streams ended as `{}`. See [the report](../convergence_report.md).\n",
        documentation.len(),
        files.len(),
        report.total_iterations,
        status.as_str().unwrap_or_default()
    );
    text.push_str(
        "| file | components | what it is | confidence | open |\n| --- | ---: | --- | ---: | ---: |\n",
    );
    for (path, components) in files {
        let all: Vec<&Merged> = components.iter().filter_map(|it| documentation.get(&it.id)).collect();
        let confidence: u32 = all.iter().map(|it| u32::from(it.confidence_score)).sum();
        let open: usize = all.iter().map(|it| it.open().count()).sum();
        let module =
            components.iter().find(|it| it.kind == Kind::Module).and_then(|it| documentation.get(&it.id));
        let summary = module.and_then(|it| it.documentation.as_ref()).map_or("", |it| it.summary.as_str());
        let mean = confidence as usize / all.len().max(1);
        let address = encoded(&format!("{path}.md"));
        let _ =
            writeln!(text, "| [{path}]({address}) | {} | {} | {mean} | {open} |", all.len(), cell(summary));
    }
    text
}

fn one(text: &mut String, component: &Component, merged: &Merged, link: &dyn Fn(&str) -> String) {
    let kind = json!(component.kind);
    let _ = writeln!(text, "\n<a id=\"{}\"></a>\n\n## `{}`\n", anchor(&component.id), component.name);
    let from = match merged.source_stream {
        Some(Source::A) => "stream A alone",
        Some(Source::B) => "stream B alone",
        Some(Source::Merged) => "both streams",
        None => "nobody",
    };
    let _ = writeln!(
        text,
        "{}, lines {}–{}, confidence {} %, written by {from}\n\n```{}\n{}\n```\n",
        kind.as_str().unwrap_or_default(),
        component.line_start,
        component.line_end,
        merged.confidence_score,
        json!(component.language).as_str().unwrap_or_default(),
        component.signature
    );
    match &merged.documentation {
        Some(one) => documentation(text, one, 3),
        None => text.push_str("*No stream could document it.*\n\n"),
    }
    for (stream, failed) in &merged.failed {
        let letter = stream.letter().to_uppercase();
        let _ = writeln!(
            text,
            "*Stream {letter} has no text: {} ({}).*\n",
            escaped(&failed.message),
            failed.code
        );
    }
    calls(text, merged, 3, link);
    differences(text, merged, 3);
}

/// Writes a text with headings of this level.
pub fn documentation(text: &mut String, documentation: &Documentation, level: usize) {
    let head = "#".repeat(level);
    let Documentation { summary, description, parameters, returns, raises, examples, notes, see_also } =
        documentation;
    if !summary.is_empty() {
        let _ = writeln!(text, "**{}**\n", summary.trim());
    }
    if !description.trim().is_empty() && description.trim() != summary.trim() {
        let _ = writeln!(text, "{}\n", description.trim());
    }
    if !parameters.is_empty() {
        let _ = writeln!(
            text,
            "{head} Parameters\n\n| name | type | default | what it is for |\n| --- | --- | --- | --- |"
        );
        for one in parameters {
            let code = |it: &Option<String>| it.as_ref().map_or(String::new(), |it| code_cell(it));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                code_cell(&one.name),
                code(&one.kind),
                code(&one.default),
                cell(&one.description)
            );
        }
        text.push('\n');
    }
    if let Some(returns) = returns {
        let kind = returns.kind.as_ref().map_or(String::new(), |it| format!("`{it}`: "));
        let _ = writeln!(text, "{head} Returns\n\n{kind}{}\n", returns.description.trim());
    }
    if !raises.is_empty() {
        let _ = writeln!(text, "{head} Errors\n");
        for one in raises {
            let _ = writeln!(text, "- `{}`: {}", one.kind, one.condition.trim());
        }
        text.push('\n');
    }
    for example in examples {
        let _ = writeln!(text, "{head} Example\n\n```\n{}\n```\n", example.trim_end());
    }
    if let Some(notes) = notes {
        let _ = writeln!(text, "{head} Notes\n\n{}\n", notes.trim());
    }
    if !see_also.is_empty() {
        let all: Vec<String> = see_also.iter().map(|it| format!("`{it}`")).collect();
        let _ = writeln!(text, "See also {}.\n", all.join(", "));
    }
}

/// Writes who calls it and whom it calls.
pub fn calls(text: &mut String, merged: &Merged, level: usize, link: &dyn Fn(&str) -> String) {
    let head = "#".repeat(level);
    for (title, all) in [("Calls", &merged.callees), ("Called by", &merged.callers)] {
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{head} {title}\n");
        for one in all {
            let MergedCall { component_id, call_site_line, call_type, confidence } = one;
            let line = call_site_line.map_or(String::new(), |it| format!(", line {it}"));
            let kind = json!(call_type);
            let sure = if *confidence < 1.0 { format!(", confidence {confidence}") } else { String::new() };
            let _ = writeln!(
                text,
                "- {} ({}{line}{sure})",
                link(component_id),
                kind.as_str().unwrap_or_default()
            );
        }
        text.push('\n');
    }
}

/// Writes both values wherever the streams do not say the same.
pub fn differences(text: &mut String, merged: &Merged, level: usize) {
    let head = "#".repeat(level);
    for (state, title) in [(DifferenceState::Open, "Undecided"), (DifferenceState::Wording, "In other words")]
    {
        let all: Vec<_> = merged.differences.iter().filter(|it| it.state == state).collect();
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(
            text,
            "{head} {title}\n\n| field | stream A | stream B | the code |\n| --- | --- | --- | --- |"
        );
        for one in all {
            let [a, b, code] = [&one.stream_a, &one.stream_b, &one.code].map(|it| cell(&shown(it)));
            let _ = writeln!(text, "| {} | {a} | {b} | {code} |", code_cell(&one.field));
        }
        text.push('\n');
    }
}

/// Writes the report.
#[must_use]
pub fn report(parts: &Parts, report: &Report, metrics: &Metrics) -> String {
    let mut text = format!("# How the streams agreed: {}\n\n", escaped(&parts.job.key));
    let status = json!(report.final_status);
    let _ = writeln!(
        text,
        "Ended as **{}** after {} iterations{}. {} of {} components have a text, {} of them with nothing open; mean confidence {:.1} %.\n",
        status.as_str().unwrap_or_default(),
        report.total_iterations,
        if report.forced_convergence { ", because they were used up" } else { "" },
        metrics.components_documented,
        metrics.components_total,
        metrics.components_agreed,
        metrics.mean_confidence
    );
    text.push_str("![Agreement by iteration](trends.svg)\n\n## What is asked\n\n| criterion | asked | reached | missing | holds |\n| --- | ---: | ---: | ---: | --- |\n");
    for one in &report.criteria {
        let number = |it: Option<f64>| it.map_or_else(|| "–".to_owned(), figure);
        let holds = if one.holds { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {holds} |",
            one.text,
            figure(one.target),
            number(one.value),
            number(one.gap)
        );
    }
    text.push_str("\n## What to do\n\n");
    for one in &report.recommendations {
        let _ = writeln!(text, "- {one}");
    }
    history(&mut text, report);
    left(&mut text, report);
    spent(&mut text, metrics);
    text
}

fn history(text: &mut String, report: &Report) {
    text.push_str("\n## By iteration\n\n| iteration | identical | found | decided | by people | blocking | open | calls agree | texts alike |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for it in &report.history {
        let _ = writeln!(
            text,
            "| {} | {} of {} | {} | {} | {} | {} | {} | {:.3} | {:.3} |",
            it.iteration,
            it.identical,
            it.total_components,
            it.discrepancies,
            it.resolved,
            it.resolved_by_people,
            it.blocking,
            it.open,
            it.call_graph_match_rate,
            it.documentation_similarity
        );
    }
}

fn left(text: &mut String, report: &Report) {
    if !report.remaining_discrepancies.is_empty() {
        text.push_str("\n## What is left\n\n| component | field | severity | stream A | stream B | the code |\n| --- | --- | --- | --- | --- | --- |\n");
        for one in &report.remaining_discrepancies {
            let [a, b, code] =
                [&one.stream_a_value, &one.stream_b_value, &one.ground_truth].map(|it| cell(&shown(it)));
            let severity = json!(one.severity);
            let severity = severity.as_str().unwrap_or_default();
            let (id, field) = (code_cell(&one.component_id), code_cell(&one.field));
            let _ = writeln!(text, "| {id} | {field} | {severity} | {a} | {b} | {code} |");
        }
    }
    if !report.failed_components.is_empty() {
        text.push_str(
            "\n## What could not be done\n\n| component | stream | code | why |\n| --- | --- | --- | --- |\n",
        );
        for one in &report.failed_components {
            let (id, why) = (code_cell(&one.failed.component_id), cell(&one.failed.message));
            let _ = writeln!(
                text,
                "| {id} | {} | {} | {why} |",
                one.stream.letter().to_uppercase(),
                one.failed.code
            );
        }
    }
    if !report.tickets.is_empty() {
        text.push_str("\n## Tickets\n\n| ticket | state |\n| --- | --- |\n");
        for (id, state) in &report.tickets {
            let _ = writeln!(text, "| `{id}` | {} |", json!(state).as_str().unwrap_or_default());
        }
    }
    for one in &report.files_left_out {
        let _ = writeln!(text, "\nLeft out: {}", escaped(one));
    }
}

fn spent(text: &mut String, metrics: &Metrics) {
    text.push_str("\n## What it took\n\n| role | model | calls | tokens | US dollars |\n| --- | --- | ---: | ---: | ---: |\n");
    for (role, spent) in &metrics.spent {
        let models = metrics
            .models
            .get(role)
            .map_or(String::new(), |it| it.iter().cloned().collect::<Vec<_>>().join(", "));
        let _ = writeln!(
            text,
            "| {role} | {} | {} | {} | {:.4} |",
            cell(&models),
            spent.calls,
            spent.tokens,
            spent.usd
        );
    }
    let _ = writeln!(text, "| all | | | {} | {:.4} |", metrics.tokens_total, metrics.usd_total);
    text.push_str("\n| calls against the code | claimed | evident | precision | recall | f1 |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (name, it) in &metrics.call_graph {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {:.3} | {:.3} | {:.3} |",
            it.claimed, it.evident, it.precision, it.recall, it.f1
        );
    }
}

/// A whole number as one, anything else with three places.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.3}") }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text in a table: one line, cut where it is long.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(LONGEST_CELL).collect();
    let end = if cut.len() < line.len() { "…" } else { "" };
    format!("{}{end}", escaped(&cut).replace('|', "\\|"))
}

/// A piece of code in a table, whatever is in it.
fn code_cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}

/// What would be read as a tag is not.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A name that a link can have after `#`: letters and digits stay, anything else is its number.
fn anchor(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for char in id.chars() {
        if char.is_alphanumeric() || char == '_' || char == '-' {
            name.push(char);
        } else {
            let _ = write!(name, ".{:x}", u32::from(char));
        }
    }
    name
}

fn link(from: &str, by_id: &BTreeMap<&str, &Component>, id: &str) -> String {
    let Some(component) = by_id.get(id) else { return format!("`{id}`") };
    let page = if component.path == from {
        String::new()
    } else {
        relative(from, &format!("{}.md", component.path))
    };
    format!("[`{id}`]({page}#{})", anchor(id))
}

/// The way from one file's page to another place below `docs/`.
fn relative(from: &str, to: &str) -> String {
    format!("{}{}", "../".repeat(from.matches('/').count()), encoded(to))
}

/// A path as an address: blanks, brackets and the like would end it.
fn encoded(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}
