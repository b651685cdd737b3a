//! The call graph in which the code, stream A and stream B are one: each edge says who has it and how sure it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::parts::Parts;
use crate::records::{Stream, documented::CallKind};

/// Confidence of an edge that both streams claim and the code neither shows nor refutes.
const BOTH: f64 = 0.9;
/// Confidence of an edge that one stream claims and nothing else supports.
const ALONE: f64 = 0.5;

/// Who has an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeSource {
    /// The analysis of the code.
    Code,
    /// Stream A.
    A,
    /// Stream B.
    B,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedEdge {
    /// Who calls.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// The first line of it, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_site_line: Option<u32>,
    /// How.
    pub call_type: CallKind,
    /// 0 to 1.
    pub confidence: f64,
    /// Who has it.
    pub sources: BTreeSet<EdgeSource>,
    /// Whether the streams still differ in it.
    pub open: bool,
}

/// The graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedGraph {
    /// [`super::VERSION`].
    pub version: String,
    /// Components that are in it.
    pub node_count: usize,
    /// Calls, counted once for each pair.
    pub edge_count: usize,
    /// The calls, by caller and callee.
    pub edges: Vec<MergedEdge>,
}

impl MergedGraph {
    /// Returns the edges from each component.
    #[must_use]
    pub fn callees(&self) -> BTreeMap<&str, Vec<&MergedEdge>> {
        self.grouped(|edge| &edge.caller)
    }

    /// Returns the edges to each component.
    #[must_use]
    pub fn callers(&self) -> BTreeMap<&str, Vec<&MergedEdge>> {
        self.grouped(|edge| &edge.callee)
    }

    fn grouped<'a>(
        &'a self,
        key: impl Fn(&'a MergedEdge) -> &'a str,
    ) -> BTreeMap<&'a str, Vec<&'a MergedEdge>> {
        let mut all: BTreeMap<&str, Vec<&MergedEdge>> = BTreeMap::new();
        for edge in &self.edges {
            all.entry(key(edge)).or_default().push(edge);
        }
        all
    }
}

/// What is known of one pair while it is gathered.
#[derive(Debug, Default)]
struct Known {
    sources: BTreeSet<EdgeSource>,
    /// Confidence of the analysis.
    evident: f64,
    line: Option<u32>,
    kind: Option<CallKind>,
}

/// Joins the graphs. What the analysis says of line and kind goes before what a stream says.
#[must_use]
pub fn merged(parts: &Parts) -> MergedGraph {
    let mut known: BTreeMap<(&str, &str), Known> = BTreeMap::new();
    for edge in &parts.graph.edges {
        let one = known.entry((&edge.caller, &edge.callee)).or_default();
        one.sources.insert(EdgeSource::Code);
        if edge.confidence > one.evident || one.kind.is_none() {
            one.evident = edge.confidence;
            one.kind = Some(CallKind::of(edge.call_type, edge.around));
            one.line = Some(edge.line);
        }
    }
    let ids: BTreeSet<&str> = parts.components.components.iter().map(|it| it.id.as_str()).collect();
    for (stream, file) in &parts.streams {
        let source = match stream {
            Stream::A => EdgeSource::A,
            Stream::B => EdgeSource::B,
        };
        for (id, entry) in &file.entries {
            let callees =
                entry.call_graph.callees.iter().map(|it| (id.as_str(), it.component_id.as_str(), it));
            let callers =
                entry.call_graph.callers.iter().map(|it| (it.component_id.as_str(), id.as_str(), it));
            for (caller, callee, claim) in callees.chain(callers) {
                if !ids.contains(caller) || !ids.contains(callee) {
                    continue;
                }
                let one = known.entry((caller, callee)).or_default();
                one.sources.insert(source);
                one.kind = one.kind.or(Some(claim.call_type));
                one.line = one.line.or(claim.call_site_line);
            }
        }
    }
    let open = open_edges(parts);
    let edges: Vec<MergedEdge> = known.into_iter().map(|(pair, one)| edge(pair, one, &open)).collect();
    let nodes: BTreeSet<&str> =
        edges.iter().flat_map(|it| [it.caller.as_str(), it.callee.as_str()]).collect();
    let version = super::VERSION.to_owned();
    MergedGraph { version, node_count: nodes.len(), edge_count: edges.len(), edges }
}

fn edge(pair: (&str, &str), one: Known, open: &BTreeSet<(String, String)>) -> MergedEdge {
    let (caller, callee) = (pair.0.to_owned(), pair.1.to_owned());
    let claimed = one.sources.iter().filter(|it| **it != EdgeSource::Code).count();
    let by_claim = match claimed {
        0 => 0.0,
        1 => ALONE,
        _ => BOTH,
    };
    let is_open = open.contains(&(caller.clone(), callee.clone()));
    let sure = one.evident.max(by_claim);
    MergedEdge {
        call_site_line: one.line,
        call_type: one.kind.unwrap_or(CallKind::Direct),
        confidence: if is_open { sure.min(ALONE) } else { sure },
        sources: one.sources,
        open: is_open,
        caller,
        callee,
    }
}

/// The pairs that discrepancies which are left are about: `/call_graph/callees/{id}` and `/call_graph/callers/{id}`.
fn open_edges(parts: &Parts) -> BTreeSet<(String, String)> {
    let pair = |component: &str, field: &str| {
        if let Some(callee) = field.strip_prefix("/call_graph/callees/") {
            return Some((component.to_owned(), other(callee)));
        }
        let caller = field.strip_prefix("/call_graph/callers/")?;
        Some((other(caller), component.to_owned()))
    };
    parts.outcome.remaining.iter().filter_map(|it| pair(&it.component_id, &it.field)).collect()
}

/// The id in a pointer: escaped as in one, or as it is; what follows it (a line, a kind) is cut off.
fn other(text: &str) -> String {
    let text =
        text.strip_suffix("/call_site_line").or_else(|| text.strip_suffix("/call_type")).unwrap_or(text);
    text.replace("~1", "/").replace("~0", "~")
}
