//! A job that ended, made up from a codebase: two streams that differ here and there, two iterations, tickets. What a package is
//! made of, without the phases that would write it.

#![expect(clippy::unwrap_used, reason = "a fixture: what does not fit fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use twindocs::{
    analysis::{Analysis, calls::CallEdge, order::order, phase::ComponentsFile},
    package::parts::{JobFacts, Parts, Turn},
    records::{Stream, compared::*, documented::*, settings::Settings},
};

const TEXTS: [&str; 4] = [
    "Keeps what the shop has in stock and says how much of it is left.",
    "Reads one line after the other and gives back what is not empty.\n\nAn empty line ends the text; `None` is given for it.",
    "Looks the name up among those that are known, and makes a new one where there is none.",
    "Adds what it is given to what is there already, and says how many there are now.",
];

/// What is planted, by the place of a component in the list: every 17th differs in its summary, every 23rd in a call, one fails.
pub(crate) fn parts(analysis: &Analysis) -> Parts {
    let components = &analysis.components;
    let mut streams = BTreeMap::new();
    for stream in Stream::ALL {
        let mut file = StreamFile {
            version: "1.0".to_owned(),
            stream,
            iteration: 2,
            entries: BTreeMap::new(),
            failed: BTreeMap::new(),
        };
        for (at, component) in components.iter().enumerate() {
            if stream == Stream::B && at == components.len() - 1 {
                let message = "the answer was no JSON, twice".to_owned();
                let failed =
                    Failed { component_id: component.id.clone(), code: "invalid-answer".to_owned(), message };
                file.failed.insert(component.id.clone(), failed);
            } else {
                file.entries.insert(component.id.clone(), entry(analysis, at, stream));
            }
        }
        streams.insert(stream, file);
    }
    let remaining = remaining(analysis, &streams);
    let divergent: BTreeSet<String> = remaining.iter().map(|it| it.component_id.clone()).collect();
    let ticket = "bd-0a1b2c3d".to_owned();
    let tickets: Vec<Value> = remaining.first().iter().map(|it| json!({ "id": ticket, "title": "[Discrepancy] summary",
        "status": "open", "metadata": { "twindocs": { "state": "expired", "fields": [{ "component_id": it.component_id, "field": it.field, "discrepancy_id": it.discrepancy_id }] } } })).collect();
    let turns = (1..=2).map(|iteration| turn(iteration, components.len(), &remaining)).collect();
    let state = TicketState::Expired;
    let outcome = Outcome {
        version: "1.0".to_owned(),
        iterations: 2,
        status: Status::Forced,
        tickets: tickets.iter().map(|_| (ticket.clone(), state)).collect(),
        remaining,
        divergent,
        streams: Stream::ALL.map(|it| (it, format!("{it}/2/resolved.json"))).into(),
    };
    let order = order(components, &analysis.graph);
    let file = ComponentsFile {
        version: "1.0".to_owned(),
        components: components.clone(),
        order,
        skipped: Vec::new(),
        with_errors: Vec::new(),
    };
    let job = JobFacts {
        id: "0199a3c0-0000-7000-8000-000000000001".to_owned(),
        key: "shop".to_owned(),
        path: "/code/shop".to_owned(),
        started_at: Some("2026-11-21T10:00:00Z".parse().unwrap()),
        completed_at: "2026-11-21T10:20:00Z".parse().unwrap(),
    };
    Parts {
        job,
        settings: Settings::default(),
        components: file,
        graph: analysis.graph.clone(),
        outcome,
        streams,
        turns,
        tickets,
        spent: BTreeMap::new(),
        estimate: BTreeMap::new(),
    }
}

fn entry(analysis: &Analysis, at: usize, stream: Stream) -> Entry {
    let component = &analysis.components[at];
    let other = stream == Stream::B;
    let author = |agent: &str| Author {
        agent_id: format!("{}{agent}", stream.letter().to_uppercase()),
        stream_id: stream,
        model: if other { "skimmed".to_owned() } else { "derived".to_owned() },
        confidence: 0.8,
        processing_order: at as u32,
        token_count: None,
        usd: None,
    };
    Entry {
        component_id: component.id.clone(),
        documentation: documentation(analysis, at, other),
        call_graph: calls(analysis, at, other),
        metadata: author("1"),
        written_in: 1,
        key: format!("{at:x}"),
        validation: Some(Validation {
            validation_result: if at % 29 == 11 { Verdict::Warning } else { Verdict::Pass },
            author: author("2"),
            completeness: Completeness { score: 1.0, ..Completeness::default() },
            call_graph_accuracy: CallAccuracy { score: 1.0, ..CallAccuracy::default() },
            corrections_applied: Vec::new(),
        }),
    }
}

fn documentation(analysis: &Analysis, at: usize, other: bool) -> Documentation {
    let component = &analysis.components[at];
    let text = TEXTS[at % TEXTS.len()];
    let summary = match (other, at % 17) {
        (true, 3) => format!("Something else is said of {}.", component.name),
        _ => text.split('.').next().unwrap_or_default().to_owned() + ".",
    };
    let parameters = component.parameters.iter().map(|it| ParameterDoc {
        name: it.name.clone(),
        kind: it.kind.clone(),
        description: format!("What `{}` is for.", it.name),
        default: it.default.clone(),
        required: it.default.is_none(),
    });
    let description = if other { text.replace("says", "tells") } else { text.to_owned() };
    let returns = component.returns.as_ref();
    let returns =
        returns.map(|it| ReturnsDoc { kind: Some(it.clone()), description: "What was found.".to_owned() });
    Documentation {
        summary,
        description,
        parameters: parameters.collect(),
        returns,
        ..Documentation::default()
    }
}

fn calls(analysis: &Analysis, at: usize, other: bool) -> Calls {
    let component = &analysis.components[at];
    let calls = |is_mine: &dyn Fn(&CallEdge) -> Option<String>| {
        let mut all: BTreeMap<String, CallRef> = BTreeMap::new();
        for edge in &analysis.graph.edges {
            if let Some(id) = is_mine(edge) {
                let call_type = CallKind::of(edge.call_type, edge.around);
                all.entry(id.clone()).or_insert(CallRef {
                    component_id: id,
                    call_site_line: Some(edge.line),
                    call_type,
                });
            }
        }
        all.into_values().collect::<Vec<_>>()
    };
    let mut callees = calls(&|it| (it.caller == component.id).then(|| it.callee.clone()));
    if other && at % 23 == 5 {
        let id = analysis.components[(at + 7) % analysis.components.len()].id.clone();
        if id != component.id && !callees.iter().any(|it| it.component_id == id) {
            callees.push(CallRef { component_id: id, call_site_line: None, call_type: CallKind::Dynamic });
            callees.sort();
        }
    }
    Calls { callers: calls(&|it| (it.callee == component.id).then(|| it.caller.clone())), callees }
}

fn remaining(analysis: &Analysis, streams: &BTreeMap<Stream, StreamFile>) -> Vec<Discrepancy> {
    let mut all = Vec::new();
    for component in &analysis.components {
        let [Some(a), Some(b)] = Stream::ALL.map(|it| streams[&it].entries.get(&component.id)) else {
            continue;
        };
        let one = |kind, field: &str, a: Value, b: Value, blocking| Discrepancy {
            discrepancy_id: format!("d-{}{field}", component.id),
            component_id: component.id.clone(),
            kind,
            field: field.to_owned(),
            stream_a_value: a,
            stream_b_value: b,
            ground_truth: Value::Null,
            severity: if blocking { Severity::High } else { Severity::Medium },
            blocking: blocking.then_some(BlockingType::FalseCriticalCall),
            authority: Authority::People,
            resolution: Action::NeedsHumanReview,
            resolution_source: ResolutionSource::Unresolved,
            confidence: 0.5,
            requires_ticket: true,
            iteration_found: 1,
        };
        if a.documentation.summary != b.documentation.summary {
            let (a, b) = (json!(a.documentation.summary), json!(b.documentation.summary));
            all.push(one(DiscrepancyType::DocumentationContent, "/documentation/summary", a, b, false));
        }
        for callee in &b.call_graph.callees {
            if !a.call_graph.callees.contains(callee) {
                let field = format!("/call_graph/callees/{}", callee.component_id);
                all.push(one(DiscrepancyType::CallGraphEdge, &field, Value::Null, json!(callee), true));
            }
        }
    }
    all
}

fn turn(iteration: u32, components: usize, remaining: &[Discrepancy]) -> Turn {
    let last = iteration == 2;
    let blocking = remaining.iter().filter(|it| it.blocking.is_some()).count();
    let summary = Summary {
        total_components: components,
        identical: if last { components - remaining.len() } else { components / 2 },
        failed: 1,
        discrepancies: if last { remaining.len() } else { remaining.len() * 3 },
        blocking: if last { blocking } else { blocking * 2 },
        open: if last { remaining.len() - blocking } else { remaining.len() * 2 },
        call_graph_match_rate: if last { 0.991 } else { 0.842 },
        documentation_similarity: if last { 0.937 } else { 0.781 },
        similarity_by: "lexical".to_owned(),
        precision: Stream::ALL.map(|it| (it, 0.99)).into(),
        recall: Stream::ALL.map(|it| (it, 0.97)).into(),
        ..Summary::default()
    };
    let comparison = Comparison {
        version: "1.0".to_owned(),
        iteration,
        summary,
        discrepancies: remaining.to_vec(),
        tokens: 0,
    };
    let resolution = Resolution {
        version: "1.0".to_owned(),
        iteration,
        status: if last { Status::Forced } else { Status::InProgress },
        required_actions: Vec::new(),
        decided: remaining.to_vec(),
        corrections: BTreeMap::new(),
        feedback: BTreeMap::new(),
    };
    Turn { iteration, comparison: Some(comparison), resolution: Some(resolution) }
}
