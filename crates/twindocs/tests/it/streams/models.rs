//! Documenters that ask a model, against a server that speaks the protocol.

use axum::{http::StatusCode, response::IntoResponse};
use phase_kit::testing::FakeOrchestrator;
use serde_json::{Value, json};
use twindocs::{
    analysis::source::{Language, SourceFile},
    records::{Stream, documented::Spent, names},
};

use super::{
    model_server::{Asked, ModelServer, completion, usual},
    world::{analysed, codebase, counted, document, ended, get, host, output, resolved, start},
};

const A: Stream = Stream::A;

/// What is wrong, how an answer becomes so, and what the model is told.
type Wrong = (&'static str, fn(&mut Value), &'static str);

/// Says one text for a component's every question.
fn always(
    id: &'static str,
    text: impl Fn(&Asked) -> Value + Send + Sync + 'static,
) -> impl Fn(&Asked, usize) -> Option<axum::response::Response> {
    move |asked: &Asked, _| (asked.id == id).then(|| completion(&text(asked).to_string()))
}

#[tokio::test]
async fn callees_come_first_and_their_callers_are_told_what_was_written_of_them() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_a", folder.path(), server.options("made"));
    let (output, file) = document(&fake, &host, (A, 1), &json!({})).await;
    assert_eq!((output.written, output.failed), (27, 0));
    assert!(output.tokens == 27 * 150 && (output.usd - 27.0 * 0.0002).abs() < 1e-9, "{output:?}");

    let ids = server.ids();
    let place = |id: &str| ids.iter().position(|one| one == id).expect("it was asked for");
    for (id, entry) in &file.entries {
        for callee in &entry.call_graph.callees {
            assert!(place(&callee.component_id) < place(id), "{} before {id}", callee.component_id);
        }
    }
    let asked = server.asked();
    let question = asked.iter().find(|one| one.id == "m0.py::m0f5").expect("it was asked for").question();
    assert!(question.contains("- m0.py::m0f3: `def m0f3(value, count=1) -> int`: Does m0f3."), "{question}");
    assert!(question.contains("   1 def m0f5(value, count=1) -> int:"), "{question}");
    let shape = &asked[0].body["response_format"]["json_schema"]["schema"];
    assert_eq!(shape["additionalProperties"], false);

    let entry = &file.entries["m0.py::m0f5"];
    assert_eq!((&*entry.metadata.model, entry.metadata.token_count), ("made-1", Some(150)));
    let callees: Vec<&str> = entry.call_graph.callees.iter().map(|call| &*call.component_id).collect();
    assert_eq!(callees, ["m0.py::m0f3", "m1.py::m1f3"]);
    let callers: Vec<&str> = entry.call_graph.callers.iter().map(|call| &*call.component_id).collect();
    assert_eq!(callers, ["m0.py::m0f7", "m2.py::m2f7"]);
    let first = entry.call_graph.callees[0].call_site_line.expect("it said line 3");
    let text: String =
        codebase(3, 8).files[0].text.lines().nth(first as usize - 1).unwrap_or_default().to_owned();
    assert!(text.contains("m0f3(value)"), "line {first} of the file: {text}");
}

#[tokio::test]
async fn a_kill_at_any_point_asks_for_nothing_that_was_answered_again() {
    let server = ModelServer::start().await;
    for kill_after in [0, 1, 5, 11, 20, 26] {
        let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
        analysed(&fake, &codebase(3, 8));
        server.forget();
        server.hold_after(kill_after);
        let input = json!({ "parallelComponents": 4 });
        let first = host("documenter_a", folder.path(), server.options("made"));
        let request = start(&fake, A, 1, &input);
        let (status, body) = fake.offer(&first.url(), &request).await;
        assert_eq!(status, 202, "{body}");
        // All that may be answered is, and the next questions are on their way.
        fake.until("questions that are held", |_| (server.ids().len() > kill_after).then_some(())).await;
        let on_disk = || std::fs::read_to_string(folder.path().join("book/book.jsonl")).unwrap_or_default();
        phase_kit::testing::within("the answers in the book", async {
            while on_disk().lines().count() < kill_after {
                tokio::task::yield_now().await;
            }
        })
        .await;
        first.kill();
        let answered: Vec<String> = server.ids();
        server.let_go();

        let second = host("documenter_a", folder.path(), server.options("made"));
        let callback = fake.accepted(request.attempt_id).await;
        let done: twindocs::records::documented::Documented = output(&callback);
        assert_eq!((done.written, done.reused, done.failed), (27, 0, 0), "killed after {kill_after}");
        let all = server.ids();
        let twice = counted(&all).values().filter(|count| **count > 1).count();
        assert!(all.len() <= 27 + 4 && twice <= 4, "{} asked, {twice} twice: {answered:?}", all.len());
        assert!(all.len() - kill_after <= 27 - kill_after + 4);
        drop(second);
    }
}

#[tokio::test]
async fn a_pause_leaves_a_checkpoint_and_the_next_attempt_goes_on_from_there() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_a", folder.path(), server.options("made"));
    server.hold_after(5);
    let request = start(&fake, A, 1, &json!({ "parallelComponents": 3 }));
    fake.offer(&host.url(), &request).await;
    fake.until("questions that are held", |_| (server.ids().len() >= 8).then_some(())).await;
    let pause = format!("{}/pause/{}", host.url(), request.attempt_id);
    let answered = async {
        let says = |(_, progress): &(_, protocol::Progress)| format!("{progress:?}").contains("pausing when");
        fake.until("that it is pausing", |fake| fake.progress().iter().any(says).then_some(())).await;
        server.let_go();
    };
    let nothing = json!({});
    let ((status, body), ()) = futures::join!(fake.post(&pause, &nothing), answered);
    let checkpoint = &body["checkpoint"];
    assert_eq!(status, 200, "{body}");
    assert_eq!((&checkpoint["done"], &checkpoint["total"]), (&json!(8), &json!(27)));

    let mut next = start(&fake, A, 1, &json!({}));
    (next.job_id, next.attempt) = (request.job_id, 2);
    let done: twindocs::records::documented::Documented = output(&ended(&fake, &host, &next).await);
    assert_eq!((done.written, done.reused, server.ids().len()), (27, 0, 27));
    assert_eq!(done.tokens, 27 * 150, "what the first attempt spent is counted");
}

#[tokio::test]
async fn a_changed_component_and_what_depends_on_it_are_asked_for_again_and_nothing_else() {
    let (server, folder) = (ModelServer::start().await, tempfile::tempdir().expect("a folder"));
    let mut code = codebase(3, 8);
    let host = host("documenter_a", folder.path(), server.options("made"));
    let first = FakeOrchestrator::start().await;
    analysed(&first, &code);
    document(&first, &host, (A, 1), &json!({})).await;

    server.forget();
    // Its summary will be the same, so nobody who calls it is told anything new.
    code.files[0].text = code.files[0].text.replace("Counts 3 of part 0.", "Counts three.");
    let second = FakeOrchestrator::start().await;
    analysed(&second, &code);
    let (output, _) = document(&second, &host, (A, 1), &json!({})).await;
    assert_eq!((server.ids(), output.written, output.reused), (vec!["m0.py::m0f3".to_owned()], 1, 26));

    server.forget();
    // It is called otherwise now: its callers are told so, and theirs not, for they still say the same.
    code.files[0].text = code.files[0].text.replace("def m0f3(value, count=1)", "def m0f3(value, count=2)");
    let third = FakeOrchestrator::start().await;
    analysed(&third, &code);
    let (output, _) = document(&third, &host, (A, 1), &json!({})).await;
    let mut ids = server.ids();
    ids.sort();
    assert_eq!(ids, ["m0.py::m0f3", "m0.py::m0f5", "m2.py::m2f5"]);
    assert_eq!((output.written, output.reused), (3, 24));

    server.forget();
    // Every function has a `value`, and none of them calls it.
    let text = "def value():\n    return 1\n".to_owned();
    code.files.push(SourceFile { path: "new.py".to_owned(), language: Language::Python, text });
    let fourth = FakeOrchestrator::start().await;
    analysed(&fourth, &code);
    let (output, _) = document(&fourth, &host, (A, 1), &json!({})).await;
    let mut ids = server.ids();
    ids.sort();
    assert_eq!((output.reused, ids), (27, vec!["new.py".to_owned(), "new.py::value".to_owned()]));
}

#[tokio::test]
async fn the_next_iteration_asks_only_where_the_streams_differ_and_tells_what_the_other_says() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_b", folder.path(), server.options("made"));
    document(&fake, &host, (Stream::B, 1), &json!({})).await;
    server.forget();
    let told = json!({ "m0.py::m0f1": {
        "component_id": "m0.py::m0f1", "edges_only_in_other_stream": ["m1.py::m1f1"], "edges_to_verify": [],
        "other_says": { "/documentation/summary": "Counts one." }, "message": "Look at the first line.",
    } });
    resolved(&fake, (Stream::B, 1), |_| {}, &told);
    let (output, _) = document(&fake, &host, (Stream::B, 2), &json!({})).await;
    assert_eq!((output.written, output.reused, output.tokens), (1, 26, 150));
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    let question = asked[0].question();
    for part in
        ["m1.py::m1f1", "Counts one.", "Look at the first line.", "Does m0f1.", "take over exactly its words"]
    {
        assert!(question.contains(part), "{part} in {question}");
    }
    // The same iteration once more, as after a lost callback: nothing is asked.
    let (output, _) = document(&fake, &host, (Stream::B, 2), &json!({})).await;
    assert_eq!((server.asked().len(), output.written + output.reused), (1, 27));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_put_right_once_and_then_the_component_is_listed() {
    let wrongs: [Wrong; 5] = [
        ("a wrong id", |answer| answer["see_also"] = json!(["m0.f1"]), "`m0.f1` is no component"),
        ("a long summary", |answer| answer["summary"] = json!("x".repeat(201)), "201 characters"),
        ("an unknown field", |answer| answer["mood"] = json!("good"), "unknown field `mood`"),
        ("no summary", |answer| answer["summary"] = json!(" "), "`summary` is empty"),
        (
            "a line elsewhere",
            |answer| {
                answer["callees"] =
                    json!([{ "component_id": "m0.py", "call_site_line": 99, "call_type": "direct" }]);
            },
            "on no line of the source",
        ),
    ];
    for (name, spoil, message) in wrongs {
        for heals in [true, false] {
            let server = ModelServer::saying(always("m0.py::m0f1", move |asked| {
                let mut answer = usual(asked);
                if !heals || !asked.is_repair() {
                    spoil(&mut answer);
                }
                answer
            }))
            .await;
            let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
            analysed(&fake, &codebase(2, 4));
            let host = host("documenter_a", folder.path(), server.options("made"));
            let (output, file) = document(&fake, &host, (A, 1), &json!({})).await;
            assert_eq!(server.ids().len(), 10 + 1, "{name}: one question more");
            let repair = server.asked().into_iter().find(Asked::is_repair).expect("it was asked once more");
            let said = repair.body["messages"][3]["content"].as_str().unwrap_or_default().to_owned();
            assert!(said.contains(message), "{name}: {said}");
            assert_eq!((output.failed, output.written), (usize::from(!heals), 9 + usize::from(heals)));
            if !heals {
                let failed = &file.failed["m0.py::m0f1"];
                assert_eq!(failed.code, "invalid-answer");
                assert!(failed.message.contains(message), "{}", failed.message);
                assert!(!file.entries.contains_key("m0.py::m0f1"), "nobody wrote it");
            }
        }
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_one_that_stays_broken_is_not_asked_for_ever() {
    let busy =
        ModelServer::saying(|_, before| (before < 2).then(|| StatusCode::TOO_MANY_REQUESTS.into_response()))
            .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(2, 4));
    let host_of = |server: &ModelServer| host("documenter_a", folder.path(), server.options("made"));
    let (output, _) = document(&fake, &host_of(&busy), (A, 1), &json!({})).await;
    assert_eq!((output.written, output.failed, busy.ids().len()), (10, 0, 30));

    let broken = ModelServer::saying(|_, _| Some(StatusCode::BAD_GATEWAY.into_response())).await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(10, 20));
    let host = host("documenter_a", folder.path(), broken.options("made"));
    let (output, file) = document(&fake, &host, (A, 1), &json!({ "parallelComponents": 4 })).await;
    assert_eq!((output.written, output.failed), (0, 210));
    assert!(broken.ids().len() <= 24 * 6, "{} questions", broken.ids().len());
    assert!(file.failed.values().all(|failed| failed.code == "model-failed"));
    assert!(file.failed.values().any(|failed| failed.message.contains("asked 6 times")));
    let callback = ended(&fake, &host, &start(&fake, A, 1, &json!({ "continueOnError": false }))).await;
    let error = callback.error.expect("it fails");
    assert_eq!((&*error.code, error.retryable), ("component-failed", true));
}

#[tokio::test]
async fn a_wrong_key_ends_the_run_and_stands_in_no_message() {
    let server = ModelServer::saying(|asked, _| {
        let body = json!({ "error": { "message": format!("no such key {}", asked.key), "code": "invalid_api_key" } });
        Some((StatusCode::UNAUTHORIZED, axum::Json(body)).into_response())
    })
    .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-very-secret").expect("written");
    analysed(&fake, &codebase(2, 4));
    let mut options = server.options("made");
    options["chat"]["key_file"] = json!(key);
    let host = host("documenter_a", folder.path(), options);
    let callback = ended(&fake, &host, &start(&fake, A, 1, &json!({}))).await;
    let error = callback.error.expect("it fails");
    assert_eq!((&*error.code, error.retryable), ("provider-unauthorized", false));
    assert!(server.asked()[0].key.contains("sk-very-secret") && !error.message.contains("very"), "{error:?}");
}

#[tokio::test]
async fn the_budget_is_held_over_all_iterations_and_what_is_missing_is_listed() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_a", folder.path(), server.options("made"));
    // Half of it is for each stream: 6,000 tokens, of which a question sets aside its own length and 500.
    let input = json!({ "budget": { "tokens": 12_000 }, "parallelComponents": 8 });
    let (output, file) = document(&fake, &host, (A, 1), &input).await;
    assert!(output.tokens <= 6000 && output.failed == 0, "{output:?}");
    let told = json!({ "m0.py::m0f1": { "component_id": "m0.py::m0f1", "message": "Again." } });
    resolved(&fake, (A, 1), |_| {}, &told);
    let less = json!({ "budget": { "tokens": output.tokens * 2 + 100 } });
    server.forget();
    let (again, after) = document(&fake, &host, (A, 2), &less).await;
    assert_eq!((server.ids().len(), again.failed, again.tokens), (0, 1, 0));
    assert_eq!(after.failed["m0.py::m0f1"].code, "over-budget");
    assert_eq!(after.entries["m0.py::m0f1"], file.entries["m0.py::m0f1"], "what it said before is kept");
    let spent: Spent = get(&fake, &names::spent(A, 1, "documenter"));
    assert_eq!((spent.tokens, spent.calls), (output.tokens, 27));

    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(3, 8));
    let host = super::world::host("documenter_a", folder.path(), server.options("made"));
    let input = json!({ "budget": { "usd": 0.006 }, "streams": ["a"], "parallelComponents": 8 });
    let (output, file) = document(&fake, &host, (A, 1), &input).await;
    assert!(output.usd <= 0.006 && output.written > 5, "{output:?}");
    assert_eq!(output.written + output.failed, 27);
    assert!(file.failed.values().all(|failed| failed.code == "over-budget"));
}
