//! Artifacts, read and stored by a phase.

use phase_kit::{ArtifactError, PhaseError, testing::FakeOrchestrator};
use serde_json::json;

#[tokio::test]
async fn artifacts_are_stored_read_linked_and_listed() {
    let fake = FakeOrchestrator::start().await;
    let ctx = fake.context(&fake.request("work", &json!({})));
    let artifacts = ctx.artifacts();
    let info = artifacts.put_json("seed_pairs.json", &json!({ "b": 1, "a": [2] })).await.expect("stored");
    let bytes = fake.artifact("seed_pairs.json").expect("there");
    assert_eq!(&bytes[..], b"{\n  \"a\": [\n    2\n  ],\n  \"b\": 1\n}\n");
    assert_eq!((info.size, info.media_type.as_str()), (bytes.len() as u64, "application/json"));
    assert_eq!(artifacts.get_json::<serde_json::Value>("seed_pairs.json").await.expect("read")["b"], 1);

    assert!(artifacts.link("audio/copy ¿.json", &info.hash).await.expect("linked"));
    assert!(!artifacts.link("audio/other.mp3", &"0".repeat(64)).await.expect("asked"));
    let names: Vec<String> =
        artifacts.list().await.expect("listed").into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["audio/copy ¿.json", "seed_pairs.json"]);
    assert_eq!(artifacts.get_bytes("audio/copy ¿.json").await.expect("read"), bytes);
}

#[tokio::test]
async fn what_is_missing_or_does_not_fit_is_a_permanent_error() {
    let fake = FakeOrchestrator::start().await;
    fake.put_artifact("words.json", "[1, 2");
    let ctx = fake.context(&fake.request("work", &json!({})));
    let missing = ctx.artifacts().get_json::<Vec<u32>>("none.json").await.expect_err("missing");
    assert!(matches!(missing, ArtifactError::NotFound(_)), "{missing}");
    let broken = ctx.artifacts().get_json::<Vec<u32>>("words.json").await.expect_err("broken");
    assert!(
        matches!(PhaseError::from(broken), PhaseError::Permanent { code, .. } if code == "invalid-artifact")
    );
}

#[tokio::test]
async fn an_orchestrator_that_is_gone_is_worth_another_attempt() {
    let fake = FakeOrchestrator::start().await;
    let mut request = fake.request("work", &json!({}));
    request.artifacts_url = "http://127.0.0.1:9/".to_owned();
    let gone = fake.context(&request).artifacts().get_bytes("a").await.expect_err("gone");
    assert!(matches!(PhaseError::from(gone), PhaseError::Retry { .. }));
}
