//! The faults of the original that ours must not have: `domain.md` 3.12, those that concern the streams.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use phase_kit::testing::FakeOrchestrator;
use serde_json::json;
use twindocs::records::{
    Stream,
    documented::{Spent, StreamFile},
    names,
};

use super::{
    model_server::{ModelServer, completion, usual},
    world::{analysed, codebase, document, get, host, resolved},
};

const A: Stream = Stream::A;

/// Resuming skipped finished components in every iteration, so that divergent ones were never done again.
#[tokio::test]
async fn weakness_8_what_differs_is_done_again_in_every_iteration_also_after_a_restart() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(2, 4));
    for iteration in 1..=3 {
        // Another process each time.
        let host = host("documenter_a", folder.path(), server.options("made"));
        server.forget();
        let (output, file) = document(&fake, &host, (A, iteration), &json!({})).await;
        assert_eq!((output.iteration, file.iteration), (iteration, iteration));
        match iteration {
            1 => assert_eq!(output.written, 10),
            _ => {
                assert_eq!(server.ids(), ["m0.py::m0f0"]);
                assert_eq!(file.entries["m0.py::m0f0"].written_in, iteration);
            }
        }
        let message = format!("differs in {iteration}");
        let told = json!({ "m0.py::m0f0": { "component_id": "m0.py::m0f0", "message": message } });
        resolved(&fake, (A, iteration), |_| {}, &told);
    }
}

/// Each event rewrote the whole log, and results were held in memory.
#[tokio::test]
async fn weakness_10_what_is_written_is_only_added_to_the_book() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(2, 4));
    let host = host("documenter_a", folder.path(), server.options("made"));
    let book = || std::fs::read(folder.path().join("book/book.jsonl")).expect("it is there");
    document(&fake, &host, (A, 1), &json!({})).await;
    let before = book();
    let told = json!({ "m0.py::m0f0": { "component_id": "m0.py::m0f0", "message": "Again." } });
    resolved(&fake, (A, 1), |_| {}, &told);
    document(&fake, &host, (A, 2), &json!({})).await;
    let after = book();
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(
        after[before.len()..].iter().filter(|byte| **byte == b'\n').count(),
        1,
        "one line for one text"
    );
}

/// What was processed was counted as converged, what was created as resolved.
#[tokio::test]
async fn weakness_11_every_count_is_of_what_it_says() {
    let server = ModelServer::saying(|asked, _| {
        (asked.id == "m1.py::m1f3").then(|| StatusCode::BAD_REQUEST.into_response())
    })
    .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(2, 4));
    let host = host("documenter_a", folder.path(), server.options("made"));
    let (first, file) = document(&fake, &host, (A, 1), &json!({})).await;
    assert_eq!((first.written, first.reused, first.failed), (9, 0, 1));
    assert_eq!((file.entries.len(), file.failed.len()), (9, 1));
    let answered = server.ids().iter().filter(|id| *id != "m1.py::m1f3").count();
    let spent: Spent = get(&fake, &names::spent(A, 1, "documenter"));
    assert_eq!(
        (spent.calls, spent.tokens, first.tokens),
        (answered as u64, 150 * answered as u64, spent.tokens)
    );
    resolved(&fake, (A, 1), |_| {}, &json!({}));
    let (second, _) = document(&fake, &host, (A, 2), &json!({})).await;
    assert_eq!((second.written, second.reused, second.failed, second.tokens), (0, 9, 1, 0));
}

/// A dry run called the models, and nothing limited what was spent.
#[tokio::test]
async fn weakness_12_a_dry_run_asks_nobody_and_says_what_it_would_cost() {
    let (server, fake) = (ModelServer::start().await, FakeOrchestrator::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_a", folder.path(), server.options("made"));
    let (output, file) = document(&fake, &host, (A, 1), &json!({ "dryRun": true })).await;
    assert_eq!((server.ids().len(), output.written, output.tokens, file.entries.len()), (0, 0, 0, 0));
    assert!(output.batches.is_empty());
    let estimate: Spent = get(&fake, &names::estimate(A));
    assert_eq!(estimate.calls, 27);
    let (question, answer) = (estimate.tokens - 27 * 400, 27 * 400);
    assert!(question > 27 * 200, "{estimate:?}");
    let usd = (question as f64 + 2.0 * f64::from(answer)) / 1e6;
    assert!((estimate.usd - usd).abs() < 1e-9, "{estimate:?}");

    let (output, _) = document(&fake, &host, (A, 1), &json!({ "budget": { "tokens": 2 } })).await;
    assert_eq!((server.ids().len(), output.failed), (0, 27), "a budget that is too small for one question");
}

/// Names that did not match silently gave no hints.
#[tokio::test]
async fn weakness_13_a_name_that_is_no_components_is_an_error_and_not_silence() {
    let server = ModelServer::saying(|asked, _| {
        let mut answer = usual(asked);
        let relative = json!({ "component_id": "m0f1", "call_site_line": 1, "call_type": "direct" });
        (asked.id == "m0.py::m0f3" && !asked.is_repair()).then(|| {
            answer["callees"] = json!([relative]);
            completion(&answer.to_string())
        })
    })
    .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(2, 4));
    let host = host("documenter_a", folder.path(), server.options("made"));
    let (output, file) = document(&fake, &host, (A, 1), &json!({})).await;
    assert_eq!((output.failed, server.asked().iter().filter(|one| one.is_repair()).count()), (0, 1));
    assert_ids_are_known(&file);
    for service in ["documenter_a", "documenter_b"] {
        let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
        analysed(&fake, &codebase(3, 8));
        let host = super::world::host(service, folder.path(), serde_json::Value::Null);
        let stream = if service.ends_with('a') { A } else { Stream::B };
        let (_, file) = document(&fake, &host, (stream, 1), &json!({})).await;
        assert_ids_are_known(&file);
        let found: usize = file.entries.values().map(|entry| entry.call_graph.callees.len()).sum();
        // Two callees of each function above the first level; a module calls nothing.
        assert_eq!(found, 3 * 6 * 2, "{service}: names are found across files");
    }
}

fn assert_ids_are_known(file: &StreamFile) {
    for entry in file.entries.values() {
        for call in entry.call_graph.callees.iter().chain(&entry.call_graph.callers) {
            assert!(file.entries.contains_key(&call.component_id), "{}", call.component_id);
        }
    }
}
