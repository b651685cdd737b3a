//! A small codebase and what two streams say of it: the same, until something is planted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twindocs::{
    analysis::{calls::CallGraph, components::Component, phase::ComponentsFile},
    comparison::{
        Moment, Streams, compare,
        field::{Field, set},
        similarity::Similarities,
        truth::{Code, Truth},
    },
    records::{
        Stream,
        compared::{BlockingType, Comparison, Resolution},
        documented::{Entry, Sources, StreamFile},
        settings::Settings,
    },
    resolution::{Answers, Ended, Given, resolve},
};

/// `main` calls `load` in a loop and hands `clean` over; `load` makes a `Store`; `open` calls what nobody knows.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) components: Vec<Component>,
    pub(crate) graph: CallGraph,
    pub(crate) sources: Sources,
    pub(crate) with_errors: Vec<String>,
}

pub(crate) const MAIN: &str = "shop.py::main";
pub(crate) const LOAD: &str = "shop.py::load";
pub(crate) const CLEAN: &str = "shop.py::clean";
pub(crate) const OPEN: &str = "shop.py::open_all";
pub(crate) const STORE: &str = "shop.py::Store";
pub(crate) const ALL: [&str; 5] = [CLEAN, LOAD, MAIN, OPEN, STORE];

fn component(name: &str, kind: &str, line: u32, parameters: Value, returns: Option<&str>) -> Component {
    serde_json::from_value(json!({
        "id": format!("shop.py::{name}"), "path": "shop.py", "name": name, "kind": kind, "language": "python",
        "signature": format!("def {name}(…)"), "parameters": parameters, "returns": returns,
        "line_start": line, "line_end": line + 9, "visibility": "public", "hash": "0",
    }))
    .expect("a component")
}

fn edge(caller: &str, callee: &str, kind: &str, around: &str, line: u32, confidence: f64) -> Value {
    json!({
        "caller": caller, "callee": callee, "call_type": kind, "around": around, "line": line, "confidence": confidence,
    })
}

impl World {
    pub(crate) fn new() -> Self {
        let path =
            json!([{ "name": "path", "type": "str" }, { "name": "mode", "type": "str", "default": "'r'" }]);
        let graph = json!({
            "edges": [
                edge(MAIN, LOAD, "direct", "loop", 12, 1.0),
                edge(MAIN, CLEAN, "callback", "plain", 13, 0.7),
                edge(LOAD, STORE, "constructor", "plain", 22, 1.0),
                edge(OPEN, CLEAN, "dynamic", "plain", 44, 0.6),
            ],
            "external": [],
            "unresolved": [{ "caller": OPEN, "text": "thing.load", "line": 43, "reason": "unknown-receiver" }],
        });
        Self {
            components: vec![
                component("main", "function", 10, json!([]), None),
                component("load", "function", 20, path, Some("Store")),
                component("clean", "function", 30, json!([{ "name": "text" }]), None),
                component("open_all", "function", 40, json!([{ "name": "thing" }]), None),
                component("Store", "class", 50, json!([]), None),
            ],
            graph: serde_json::from_value(graph).expect("a graph"),
            sources: ALL
                .iter()
                .map(|id| ((*id).to_owned(), format!("def of {id}: raise ValueError")))
                .collect(),
            with_errors: Vec::new(),
        }
    }

    pub(crate) fn truth(&self) -> Truth<'_> {
        Truth::new(Code {
            components: &self.components,
            graph: &self.graph,
            with_errors: &self.with_errors,
            sources: &self.sources,
        })
    }

    pub(crate) fn components_file(&self) -> ComponentsFile {
        serde_json::from_value(json!({
            "version": "1.0", "components": self.components, "order": { "groups": [], "levels": [], "cycles": [] },
            "skipped": [], "with_errors": self.with_errors,
        }))
        .expect("it fits")
    }

    pub(crate) fn compare(
        &self,
        streams: &Streams,
        settings: &Settings,
        before: Option<&Comparison>,
    ) -> Comparison {
        let iteration = before.map_or(1, |it| it.iteration + 1);
        let moment = Moment { iteration, before };
        compare(&self.truth(), streams, settings, moment, &Similarities::default())
    }

    pub(crate) fn resolve(&self, streams: Streams, comparison: &Comparison, answers: &Answers) -> Ended {
        self.resolve_after(streams, comparison, &[], None, answers, &Settings::default())
    }

    pub(crate) fn resolve_after(
        &self,
        streams: Streams,
        comparison: &Comparison,
        earlier: &[&Comparison],
        before: Option<&Resolution>,
        answers: &Answers,
        settings: &Settings,
    ) -> Ended {
        resolve(&self.truth(), streams, Given { comparison, earlier, before, answers, settings })
    }
}

/// What both say of a component.
fn entry(stream: Stream, id: &str) -> Entry {
    let call = |id: &str, line: u32, kind: &str| json!({ "component_id": id, "call_site_line": line, "call_type": kind });
    let (callees, callers) = match id {
        MAIN => (vec![call(CLEAN, 13, "callback"), call(LOAD, 12, "loop")], vec![]),
        LOAD => (vec![call(STORE, 22, "direct")], vec![call(MAIN, 12, "loop")]),
        CLEAN => (vec![], vec![call(MAIN, 13, "callback"), call(OPEN, 44, "dynamic")]),
        OPEN => (vec![call(CLEAN, 44, "dynamic")], vec![]),
        _ => (vec![], vec![call(LOAD, 22, "direct")]),
    };
    let parameters = match id {
        LOAD => json!([
            { "name": "path", "type": "str", "description": "Where the goods are listed.", "required": true },
            { "name": "mode", "type": "str", "description": "How the list is opened.", "default": "'r'", "required": false },
        ]),
        CLEAN => {
            json!([{ "name": "text", "description": "What may have blanks around it.", "required": true }])
        }
        OPEN => json!([{ "name": "thing", "description": "What is loaded.", "required": true }]),
        _ => json!([]),
    };
    let returns = match id {
        LOAD => json!({ "type": "Store", "description": "The store with all goods of the list." }),
        CLEAN => json!({ "description": "The text without blanks." }),
        _ => Value::Null,
    };
    let raises = match id {
        LOAD => json!([{ "type": "OSError", "condition": "The list cannot be read." }]),
        _ => json!([]),
    };
    let agent = format!("{}1", stream.letter().to_uppercase());
    serde_json::from_value(json!({
        "component_id": id,
        "documentation": {
            "summary": format!("One line that says what {id} is there for."),
            "description": "Some lines that say more of what it does and why it is done in this way.",
            "parameters": parameters, "returns": returns, "raises": raises,
        },
        "call_graph": { "callers": callers, "callees": callees },
        "metadata": { "agent_id": agent, "stream_id": stream, "model": format!("model-{stream}"), "confidence": 0.9, "processing_order": 0 },
        "written_in": 1,
        "key": format!("key of {id}"),
    }))
    .expect("an entry")
}

/// A stream that says all that is right.
pub(crate) fn stream(stream: Stream) -> StreamFile {
    StreamFile {
        version: "1.0".to_owned(),
        stream,
        iteration: 1,
        entries: ALL.iter().map(|id| ((*id).to_owned(), entry(stream, id))).collect(),
        failed: BTreeMap::new(),
    }
}

/// Both.
pub(crate) fn streams() -> Streams {
    Stream::ALL.into_iter().map(|it| (it, stream(it))).collect()
}

pub(crate) fn field(text: &str) -> Field {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Plants a value.
pub(crate) fn plant(streams: &mut Streams, stream: Stream, id: &str, name: &str, value: &Value) {
    let entry = streams.get_mut(&stream).expect("a stream").entries.get_mut(id).expect("an entry");
    assert_eq!(set(entry, &field(name), value, &[]), Ok(true), "{name} can be planted");
}

pub(crate) fn said(streams: &Streams, stream: Stream, id: &str, name: &str) -> Value {
    field(name).get(&streams[&stream].entries[id])
}

/// Settings in which everything that can block does, and nothing may be open.
pub(crate) fn strict() -> Settings {
    let mut settings = Settings::default();
    settings.convergence.max_open = 0;
    settings.convergence.blocking = vec![
        BlockingType::MissingCriticalCall,
        BlockingType::FalseCriticalCall,
        BlockingType::MissingPublicApiDoc,
        BlockingType::SecurityRelevantGap,
        BlockingType::TypeMismatch,
        BlockingType::SignatureMismatch,
    ];
    settings
}
