//! The package as one page: no server, no network, no library. All it shows is in it as JSON; the text is set as text, never as tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    graph::{EdgeSource, MergedGraph},
    merge::MergedDocumentation,
    metrics::Metrics,
    parts::Parts,
    report::Report,
};

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/page.css");
/// In this order: each uses what is above it.
const SCRIPTS: [&str; 6] = [
    include_str!("page/dom.js"),
    include_str!("page/tree.js"),
    include_str!("page/component.js"),
    include_str!("page/layers.js"),
    include_str!("page/graph.js"),
    include_str!("page/main.js"),
];

/// Writes the page.
///
/// # Errors
/// Where something cannot be written as JSON.
pub fn page(
    parts: &Parts,
    documentation: &MergedDocumentation,
    graph: &MergedGraph,
    report: &Report,
    metrics: &Metrics,
    trends: &str,
) -> Result<String, serde_json::Error> {
    let mut data = json!({
        "key": parts.job.key,
        "components": components(parts, documentation),
        "edges": edges(parts, graph),
        "report": report,
        "metrics": metrics,
        "trends": trends,
    });
    data.sort_all_objects();
    // `</script>` and `<!--` would end or change the element; in JSON a `<` is only ever inside a string.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let title = parts.job.key.replace('&', "&amp;").replace('<', "&lt;");
    let mut page = String::with_capacity(data.len() + 100_000);
    for (at, piece) in FRAME.split("@@").enumerate() {
        // Between two marks stands a name.
        match (at % 2, piece) {
            (0, text) => page.push_str(text),
            (_, "title") => page.push_str(&title),
            (_, "style") => page.push_str(STYLE),
            (_, "data") => page.push_str(&data),
            (_, "script") => SCRIPTS.iter().for_each(|it| page.push_str(it)),
            (_, _) => {}
        }
    }
    Ok(page)
}

fn components(parts: &Parts, documentation: &MergedDocumentation) -> Vec<Value> {
    let number = numbers(parts);
    let one = |component: &crate::analysis::components::Component| {
        let merged = documentation.get(&component.id);
        json!({
            "id": component.id,
            "name": component.name,
            "path": component.path,
            "kind": component.kind,
            "language": component.language,
            "visibility": component.visibility,
            "parent": component.parent.as_ref().and_then(|it| number.get(it.as_str())),
            "signature": component.signature,
            "lines": [component.line_start, component.line_end],
            "documentation": merged.and_then(|it| it.documentation.as_ref()),
            "score": merged.map_or(0, |it| it.confidence_score),
            "source": merged.and_then(|it| it.source_stream),
            "passed": merged.and_then(|it| it.validation_passed),
            "ticket": merged.and_then(|it| it.ticket.as_ref()),
            "differences": merged.map_or(&[][..], |it| &it.differences),
            "failed": merged.map(|it| &it.failed),
        })
    };
    parts.components.components.iter().map(one).collect()
}

fn numbers(parts: &Parts) -> BTreeMap<&str, usize> {
    parts.components.components.iter().enumerate().map(|(at, it)| (it.id.as_str(), at)).collect()
}

/// `[caller, callee, line, kind, confidence, open, sources]`: ids as numbers, for they are most of a large page.
fn edges(parts: &Parts, graph: &MergedGraph) -> Vec<Value> {
    let number = numbers(parts);
    let one = |edge: &super::graph::MergedEdge| {
        let (caller, callee) = (number.get(edge.caller.as_str())?, number.get(edge.callee.as_str())?);
        let mark = |it: &EdgeSource| match it {
            EdgeSource::Code => "code",
            EdgeSource::A => "A",
            EdgeSource::B => "B",
        };
        let sources: Vec<&str> = edge.sources.iter().map(mark).collect();
        Some(json!([
            caller,
            callee,
            edge.call_site_line,
            edge.call_type,
            edge.confidence,
            edge.open,
            sources.join(" ")
        ]))
    };
    graph.edges.iter().filter_map(one).collect()
}
