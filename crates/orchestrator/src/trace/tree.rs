//! Spans as a tree of lines, for a terminal.

use std::{collections::BTreeMap, time::Duration};

use engine::ids::Timestamp;

use super::{Attribute, Span, SpanId, SpanStatus, fold::attribute};

/// Lines that show spans below each other, each with its offset from the first, how long it took, and how it ended.
#[must_use]
pub fn lines(spans: &[Span]) -> Vec<String> {
    let known: std::collections::BTreeSet<SpanId> = spans.iter().map(|span| span.id).collect();
    let mut below: BTreeMap<Option<SpanId>, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        below.entry(span.parent.filter(|parent| known.contains(parent))).or_default().push(span);
    }
    for siblings in below.values_mut() {
        siblings.sort_by_key(|span| (span.start, span.end, span.id));
    }
    let begin = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let mut lines = Vec::new();
    for root in below.get(&None).into_iter().flatten() {
        show(root, "", "", &below, begin, &mut lines);
    }
    lines
}

fn show(
    span: &Span,
    lead: &str,
    below_lead: &str,
    below: &BTreeMap<Option<SpanId>, Vec<&Span>>,
    begin: Timestamp,
    lines: &mut Vec<String>,
) {
    let mut line = format!("{lead}{}", span.name);
    let wide = line.chars().count();
    line.push_str(&" ".repeat(48usize.saturating_sub(wide).max(2)));
    let (after, took) = (span.start.since(begin), span.end.since(span.start));
    line.push_str(&format!("+{:<10} {:<10}", in_words(after), in_words(took)));
    if let Some(Attribute::Text(service)) = attribute(span, "peer.service") {
        line.push_str(&format!(" at {service}"));
    }
    if let Some(Attribute::Number(waited @ 1..)) = attribute(span, "segue.queue_wait_ms") {
        line.push_str(&format!(
            " after {} in the queue",
            in_words(Duration::from_millis(waited.unsigned_abs()))
        ));
    }
    match &span.status {
        SpanStatus::Ok => line.push_str("  ok"),
        SpanStatus::Error(message) => line.push_str(&format!("  FAILED {message}")),
        SpanStatus::Unset if attribute(span, "segue.open").is_some() => line.push_str("  …"),
        SpanStatus::Unset => {}
    }
    lines.push(line.trim_end().to_owned());
    let inside = below.get(&Some(span.id)).map_or(&[][..], Vec::as_slice);
    for (at, name) in &span.events {
        let bar = if inside.is_empty() { ' ' } else { '│' };
        lines.push(format!("{below_lead}{bar}   · +{} {name}", in_words(at.since(begin))));
    }
    for (number, child) in inside.iter().enumerate() {
        let (branch, rest) =
            if number + 1 == inside.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        show(child, &format!("{below_lead}{branch}"), &format!("{below_lead}{rest}"), below, begin, lines);
    }
}

fn in_words(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{:03}s", millis / 1_000, millis % 1_000),
        60_000..3_600_000 => format!("{}m{:02}s", millis / 60_000, millis / 1_000 % 60),
        _ => format!("{}h{:02}m", millis / 3_600_000, millis / 60_000 % 60),
    }
}
