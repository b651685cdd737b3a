//! What is remembered is found again, summed up and forgotten, each once.

use phase_kit::testing::FakeOrchestrator;
use serde_json::{Value, json};

use crate::{done, output, remember, run, serve};

#[tokio::test]
async fn what_was_remembered_is_found_after_a_restart_and_is_there_once() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let host = serve(folder.path(), Value::Null);
    let first = fake.request("remember", &json!({ "text": "Ana's birthday is in May", "tags": ["family"] }));
    let remembered = output(&run(&fake, &host, &first).await);
    remember(&fake, &host, "The piano is tuned in spring").await;
    host.stop().await;

    let host = serve(folder.path(), Value::Null);
    // The same job again, as after a crash: another attempt of it.
    let mut second = first.clone();
    second.attempt_id = fake.request("remember", &json!({})).attempt_id;
    assert_eq!(output(&run(&fake, &host, &second).await), remembered, "it is there already");
    let found = done(&fake, &host, "recall", json!({ "query": "When is the birthday?" })).await;
    assert_eq!(found["of"], 2, "{found}");
    assert_eq!(found["items"][0]["text"], "Ana's birthday is in May", "{found}");
    let found = done(&fake, &host, "recall", json!({ "query": "family" })).await;
    assert_eq!(found["items"][0]["id"], remembered["id"], "{found}");
    let (_, health) = fake.get(&format!("{}/health", host.url())).await;
    assert_eq!(health["remembered"], 2, "{health}");
}

#[tokio::test]
async fn a_summary_is_made_of_sentences_that_are_there_and_says_so() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let host = serve(folder.path(), Value::Null);
    for text in [
        "The garden needs water. The garden gate is broken.",
        "Water the garden on Monday!",
        "An unrelated remark.",
    ] {
        remember(&fake, &host, text).await;
    }
    let summary = done(&fake, &host, "summarise", json!({ "sentences": 2 })).await;
    assert_eq!((&summary["method"], &summary["items"]), (&json!("extractive"), &json!(3)), "{summary}");
    let sentences = summary["sentences"].as_array().expect("sentences");
    assert_eq!(sentences.len(), 2, "{summary}");
    assert!(sentences.iter().any(|one| one["text"].as_str().is_some_and(|text| text.contains("garden"))));
}

#[tokio::test]
async fn a_clean_up_forgets_each_old_item_once_however_often_it_is_interrupted() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let data = folder.path().join("assistant");
    std::fs::create_dir_all(&data).expect("made");
    let old = (0..3_000).map(|number| {
        json!({ "item": { "id": format!("old-{number}"), "at": "2020-01-01T00:00:00Z", "text": "old" } })
    });
    let lines: Vec<String> = old.map(|line| format!("{line}\n")).collect();
    std::fs::write(data.join("memory.jsonl"), lines.concat()).expect("written");
    let host = serve(folder.path(), Value::Null);
    remember(&fake, &host, "new").await;

    let mut request = fake.request("cleanup", &json!({ "olderThanDays": 30 }));
    let cleaned = loop {
        let (status, answer) = fake.offer(&host.url(), &request).await;
        assert_eq!(status, 202, "{answer}");
        let pause = format!("{}/pause/{}", host.url(), request.attempt_id);
        let (status, answer) = fake.post(&pause, &json!({})).await;
        if status != 200 {
            // It was through before it could pause.
            break output(&fake.accepted(request.attempt_id).await);
        }
        request.checkpoint = phase_kit::testing::raw(&answer["checkpoint"]);
        request.attempt_id = fake.request("cleanup", &json!({})).attempt_id;
    };
    assert_eq!(cleaned["forgotten"], 3_000, "{cleaned}");
    let found = done(&fake, &host, "recall", json!({ "query": "old new" })).await;
    assert_eq!((&found["of"], &found["items"][0]["text"]), (&json!(1), &json!("new")), "{found}");
}

#[tokio::test]
async fn the_machine_is_looked_at() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let host = serve(folder.path(), Value::Null);
    let machine = done(&fake, &host, "monitor", json!({})).await;
    let figure = |pointer: &str| machine.pointer(pointer).and_then(Value::as_f64).expect("a figure");
    assert!((0.0..=1.0).contains(&figure("/processor")), "{machine}");
    for room in ["/memory", "/disk"] {
        assert!(figure(&format!("{room}/total")) >= figure(&format!("{room}/free")), "{machine}");
        assert!(figure(&format!("{room}/total")) > 1e6, "{machine}");
    }
}
