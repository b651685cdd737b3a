//! What validators find, put right, and leave alone.

use phase_kit::testing::{FakeOrchestrator, ServiceHost};
use serde_json::{Value, json};
use twindocs::records::{
    Stream,
    documented::{CallKind, CallRef, Entry, ParameterDoc, StreamFile, Validated, Validation, Verdict},
    names,
};

use super::{
    model_server::{ModelServer, completion},
    world::{analysed, codebase, document, ended, get, host, of_files, output, put, with_item},
};

const A: Stream = Stream::A;
const SHOP: &str = "
class Till:
    def pay(self, amount: int, note='') -> int:
        if amount:
            check(amount)
        return amount


def check(amount):
    return amount


def first():
    return check(1)


def second(thing):
    thing.pay(1)

    return check(2)
";

/// Documents with the derived engine, lets a test spoil it, and validates one batch of all.
async fn validated(spoil: impl FnOnce(&mut StreamFile)) -> (Validated, StreamFile) {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &of_files(&[("shop.py", SHOP)]));
    let documenter = host("documenter_a", folder.path(), Value::Null);
    let (_, mut file) = document(&fake, &documenter, (A, 1), &json!({})).await;
    spoil(&mut file);
    put(&fake, &names::documented(A, 1), &json!(file));
    let own = tempfile::tempdir().expect("a folder");
    let host = host("validator_a", own.path(), Value::Null);
    validate(&fake, &host, &json!({})).await
}

async fn validate(fake: &FakeOrchestrator, host: &ServiceHost, input: &Value) -> (Validated, StreamFile) {
    let documented: StreamFile = get(fake, &names::documented(A, 1));
    let ids: Vec<&String> = documented.entries.keys().collect();
    let item = json!({ "number": 0, "stream": "a", "components": ids });
    let mut request = with_item(fake.request("validate_a", input), &item);
    request.run = "validate_a[0]".to_owned();
    (output(&ended(fake, host, &request).await), get(fake, &names::validated(A, 1, 0)))
}

fn of<'f>(file: &'f StreamFile, id: &str) -> (&'f Entry, &'f Validation) {
    let entry = &file.entries[id];
    (entry, entry.validation.as_ref().expect("it was validated"))
}

fn corrections(validation: &Validation) -> Vec<(&str, &str)> {
    validation.corrections_applied.iter().map(|one| (&*one.action, &*one.field)).collect()
}

#[tokio::test]
async fn what_agrees_with_the_code_passes_and_stays_as_it_is() {
    let (output, file) = validated(|_| {}).await;
    assert_eq!((output.passed, output.warned, output.failed), (6, 0, 0), "{file:#?}");
    for entry in file.entries.values() {
        let validation = entry.validation.as_ref().expect("it was validated");
        assert_eq!((validation.completeness.score, validation.call_graph_accuracy.score), (1.0, 1.0));
        assert_eq!((&*validation.author.agent_id, &*validation.author.model), ("A2", "derived"));
    }
}

#[tokio::test]
async fn a_missing_parameter_fails_and_is_added_where_the_signature_has_it() {
    let (output, file) = validated(|file| {
        let docs = &mut file.entries.get_mut("shop.py::Till.pay").expect("it is there").documentation;
        docs.parameters.remove(0);
        docs.parameters.push(ParameterDoc { name: "colour".to_owned(), ..ParameterDoc::default() });
    })
    .await;
    assert_eq!(output.failed, 1);
    let (entry, validation) = of(&file, "shop.py::Till.pay");
    assert_eq!(validation.completeness.missing_elements, ["parameter:amount"]);
    assert_eq!(validation.completeness.extra_elements, ["parameter:colour"]);
    let names: Vec<&str> = entry.documentation.parameters.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["amount", "note"]);
    assert_eq!(entry.documentation.parameters[0].kind.as_deref(), Some("int"));
    assert_eq!(
        corrections(validation),
        [("removed", "/documentation/parameters/colour"), ("added", "/documentation/parameters/amount")]
    );
}

#[tokio::test]
async fn an_undocumented_result_fails_and_is_nobodys_to_make_up() {
    let (output, file) = validated(|file| {
        file.entries.get_mut("shop.py::Till.pay").expect("it is there").documentation.returns = None;
    })
    .await;
    let (entry, validation) = of(&file, "shop.py::Till.pay");
    assert_eq!((output.failed, &*validation.completeness.missing_elements), (1, &["returns".to_owned()][..]));
    assert!(entry.documentation.returns.is_none() && validation.corrections_applied.is_empty());
}

#[tokio::test]
async fn calls_are_put_right_where_the_code_is_evident_and_only_there() {
    let call = |id: &str, line: u32| CallRef {
        component_id: id.to_owned(),
        call_site_line: Some(line),
        call_type: CallKind::Loop,
    };
    let (_, file) = validated(|file| {
        let mut entry = |id: &str| file.entries.get_mut(id).expect("it is there").call_graph.clone();
        let (mut pay, mut first, mut second) =
            (entry("shop.py::Till.pay"), entry("shop.py::first"), entry("shop.py::second"));
        pay.callees = vec![call("shop.py::check", 3), call("shop.py::first", 4)];
        first.callees = Vec::new();
        second.callees.push(call("shop.py::Till.pay", 19));
        for (id, calls) in [("Till.pay", pay), ("first", first), ("second", second)] {
            file.entries.get_mut(&format!("shop.py::{id}")).expect("it is there").call_graph = calls;
        }
    })
    .await;
    let (entry, validation) = of(&file, "shop.py::Till.pay");
    assert_eq!(validation.validation_result, Verdict::Fail, "half of its callees are not there");
    assert_eq!(validation.call_graph_accuracy.false_callees, ["shop.py::first"]);
    let found: Vec<_> = entry
        .call_graph
        .callees
        .iter()
        .map(|one| (&*one.component_id, one.call_site_line, one.call_type))
        .collect();
    assert_eq!(found, [("shop.py::check", Some(5), CallKind::Conditional)]);
    assert_eq!(
        corrections(validation),
        [
            ("replaced", "/call_graph/callees/shop.py::check/call_site_line"),
            ("replaced", "/call_graph/callees/shop.py::check/call_type"),
            ("removed", "/call_graph/callees/shop.py::first"),
        ]
    );
    let (entry, validation) = of(&file, "shop.py::first");
    assert_eq!((entry.call_graph.callees.len(), validation.validation_result), (1, Verdict::Warning));
    assert_eq!(validation.call_graph_accuracy.missing_callees, ["shop.py::check"]);
    // `thing.pay` could be it: nobody knows what is handed over.
    let (entry, validation) = of(&file, "shop.py::second");
    assert_eq!(entry.call_graph.callees.len(), 2);
    assert!(
        validation.call_graph_accuracy.false_callees.is_empty() && validation.corrections_applied.is_empty()
    );
}

#[tokio::test]
async fn more_than_a_tenth_of_the_callers_missing_fails() {
    let (_, file) = validated(|file| {
        file.entries.get_mut("shop.py::check").expect("it is there").call_graph.callers.remove(0);
    })
    .await;
    let (entry, validation) = of(&file, "shop.py::check");
    assert_eq!(validation.validation_result, Verdict::Fail);
    assert_eq!(validation.call_graph_accuracy.missing_callers.len(), 1);
    assert_eq!(entry.call_graph.callers.len(), 3);
}

#[tokio::test]
async fn a_second_model_reads_the_prose_and_is_asked_once_for_each_text() {
    let server = ModelServer::saying(|asked, _| {
        let wrong = asked.id == "m0.py::m0f1";
        let problem = json!({ "field": "summary", "wrong": true, "problem": "It counts two." });
        let problems = if wrong { vec![problem] } else { Vec::new() };
        let result = if wrong { "warning" } else { "pass" };
        let opinion = json!({ "result": result, "problems": problems, "confidence": 0.7 });
        Some(completion(&opinion.to_string()))
    })
    .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(2, 4));
    let documenter = host("documenter_a", folder.path(), Value::Null);
    document(&fake, &documenter, (A, 1), &json!({})).await;
    let own = tempfile::tempdir().expect("a folder");
    let host = host("validator_a", own.path(), server.options("judge"));
    let (output, file) = validate(&fake, &host, &json!({})).await;
    assert_eq!((output.passed, output.warned, output.tokens, server.ids().len()), (9, 1, 1500, 10));
    let (_, validation) = of(&file, "m0.py::m0f1");
    assert_eq!(validation.completeness.extra_elements, ["prose:summary: It counts two."]);
    assert_eq!((&*validation.author.model, validation.author.token_count), ("made-1", Some(150)));
    let (again, after) = validate(&fake, &host, &json!({})).await;
    assert_eq!((server.ids().len(), again.passed, after), (10, 9, file));

    // Without a budget nobody is asked, and what was not read is listed.
    let own = tempfile::tempdir().expect("a folder");
    let host = super::world::host("validator_a", own.path(), server.options("judge"));
    let (output, file) = validate(&fake, &host, &json!({ "budget": { "tokens": 100 } })).await;
    assert_eq!((output.tokens, file.failed.len(), server.ids().len()), (0, 10, 10));
    assert!(file.failed.values().all(|failed| failed.code == "over-budget"));
}
