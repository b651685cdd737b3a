//! The phase as an orchestrator meets it.

use phase_kit::catalog::ServiceSettings;
use phase_kit::testing::{FakeOrchestrator, ServiceHost};
use protocol::{Callback, CallbackStatus};
use serde_json::{Value, json};
use twindocs::{
    analysis::{calls::CallGraph, phase::ComponentsFile},
    records::documented::Sources,
    registry::CATALOG,
};

use crate::call_truth::folder;

async fn run(fake: &FakeOrchestrator, options: Value, input: Value) -> Callback {
    let own = tempfile::tempdir().expect("a folder");
    let settings = ServiceSettings {
        data_dir: own.path().to_owned(),
        capacity: 1,
        options,
        ..ServiceSettings::default()
    };
    let host = ServiceHost::start(CATALOG.service("analysis", &settings).expect("it is known"));
    let request = fake.request("analysis", &input);
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

#[tokio::test]
async fn all_artifacts_are_written_and_the_counts_are_theirs() {
    let fake = FakeOrchestrator::start().await;
    let callback = run(&fake, Value::Null, json!({ "path": folder("python"), "exclude": ["main.py"] })).await;
    assert_eq!(callback.status, CallbackStatus::Complete, "{callback:?}");
    let output: Value = serde_json::from_str(callback.output.expect("it has one").get()).expect("JSON");
    let read = |name: &str| fake.artifact(name).expect("it was stored");
    let file: ComponentsFile = serde_json::from_slice(&read("components.json")).expect("it fits");
    let graph: CallGraph = serde_json::from_slice(&read("call_graph.json")).expect("it fits");
    let sources: Sources = serde_json::from_slice(&read("sources.json")).expect("it fits");
    assert_eq!(sources.len(), file.components.len());
    assert!(sources["shop/helpers.py::clean"].starts_with("def clean(text)"));
    let (module, class) = (&sources["shop/stock.py"], &sources["shop/stock.py::Item"]);
    assert!(module.contains("import") && !module.contains("class Item"), "{module}");
    assert!(class.contains("class Item") && !class.contains("def "), "{class}");
    assert_eq!(output["components"], file.components.len());
    assert_eq!(
        (&output["edges"], &output["unresolved"]),
        (&json!(graph.edges.len()), &json!(graph.unresolved.len()))
    );
    assert_eq!(output["files"], 3);
    assert!(file.components.iter().all(|it| it.path != "main.py"));
    // `unknown.run()` is evident to nobody: it is listed, not guessed.
    assert!(graph.unresolved.iter().any(|it| it.text == "unknown.run" && it.reason == "unknown-receiver"));
    let clean = file.components.iter().find(|it| it.id == "shop/helpers.py::clean").expect("it is there");
    assert_eq!(
        (&*clean.doc, &*clean.signature, clean.line_start, clean.line_end),
        ("Takes the blanks off.", "def clean(text)", 4, 6)
    );
    let place = |id: &str| {
        file.order.groups.iter().position(|it| it.iter().any(|one| one == id)).expect("it is there")
    };
    assert!(place("shop/helpers.py::clean") < place("shop/stock.py::Item.__init__"));
}

#[tokio::test]
async fn what_cannot_be_analysed_is_refused_with_a_code_and_for_good() {
    let fake = FakeOrchestrator::start().await;
    let empty = tempfile::tempdir().expect("a folder");
    let python = folder("python");
    let inside = json!({ "allowed_roots": [empty.path()] });
    let cases = [
        (Value::Null, json!({}), "invalid-input"),
        (Value::Null, json!({ "path": python, "languages": ["cobol"] }), "invalid-input"),
        (Value::Null, json!({ "path": empty.path().join("none") }), "no-such-path"),
        (Value::Null, json!({ "path": empty.path() }), "nothing-to-analyse"),
        (Value::Null, json!({ "path": python, "languages": ["go"] }), "nothing-to-analyse"),
        (Value::Null, json!({ "path": python, "include": ["a{b"] }), "invalid-pattern"),
        (Value::Null, json!({ "path": python, "limits": { "files": 1 } }), "codebase-too-large"),
        (inside.clone(), json!({ "path": python }), "path-not-allowed"),
        (inside.clone(), json!({ "path": empty.path().join("../none") }), "path-not-allowed"),
        (inside, json!({ "path": empty.path() }), "nothing-to-analyse"),
    ];
    for (options, input, code) in cases {
        let error = run(&fake, options, input.clone()).await.error.expect("it fails");
        assert_eq!((&*error.code, error.retryable), (code, false), "{input}: {}", error.message);
    }
}
