//! The service `tts` with the other engines: an endpoint that speaks the protocol, and a Piper that is not installed.

use std::path::Path;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::post};
use course::registry::CATALOG;
use phase_kit::testing::{FakeOrchestrator, ServiceHost};
use protocol::{Callback, CallbackStatus};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::speech_phases::{course_in, read, result, settings};

/// A tone, as long as its text: half a second and more.
fn tone(text: &str) -> Vec<u8> {
    let samples: Vec<i16> = (0..12_000 + text.len() as u32 * 200)
        .map(|at| ((f64::from(at) * 0.1).sin() * 8_000.0) as i16)
        .collect();
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(24_000_u32.to_le_bytes());
    bytes.extend(48_000_u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

async fn speak(Json(body): Json<Value>) -> Response {
    assert_eq!((&body["model"], &body["response_format"]), (&json!("tiny"), &json!("wav")));
    tone(body["input"].as_str().expect("a text")).into_response()
}

async fn no_entry() -> Response {
    let error = json!({"error": {"message": "no such key", "code": "invalid_api_key"}});
    (StatusCode::UNAUTHORIZED, Json(error)).into_response()
}

async fn endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router =
        Router::new().route("/v1/audio/speech", post(speak)).route("/closed/audio/speech", post(no_entry));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Manifest and speech of the small course with these options.
async fn spoken(fake: &FakeOrchestrator, folder: &Path, options: Value) -> Callback {
    course_in(fake);
    let host = |name, options| {
        ServiceHost::start(
            CATALOG.service(name, &settings(&folder.join(name), options)).expect("its options are right"),
        )
    };
    let (manifest, tts) = (host("manifest", Value::Null), host("tts", options));
    result(fake, &manifest, &fake.request("manifest", &json!({}))).await;
    result(fake, &tts, &fake.request("tts", &json!({}))).await
}

#[tokio::test]
async fn a_course_is_spoken_by_an_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let openai = json!({ "url": format!("{}/v1", endpoint().await), "model": "tiny" });
    let callback = spoken(&fake, folder.path(), json!({ "engine": "openai", "openai": openai })).await;
    let output: Value = read(&callback);
    assert_eq!((&output["made"], &output["failed"]), (&json!(37), &json!(0)), "{output}");
}

#[tokio::test]
async fn an_endpoint_that_lets_nobody_in_ends_the_phase_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let openai = json!({ "url": format!("{}/closed", endpoint().await), "model": "tiny" });
    let callback = spoken(&fake, folder.path(), json!({ "engine": "openai", "openai": openai })).await;
    assert_eq!(callback.status, CallbackStatus::Failed);
    let error = callback.error.expect("a reason");
    assert_eq!((error.code.as_str(), error.retryable), ("provider-unauthorized", false), "{}", error.message);
}

#[tokio::test]
async fn a_piper_that_is_not_installed_ends_the_phase_for_good_and_says_what_installs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let voices = folder.path().join("voices");
    std::fs::create_dir(&voices).expect("made");
    for model in ["es_ES-one", "es_MX-two", "en_GB-three"] {
        std::fs::write(voices.join(format!("{model}.onnx")), "").expect("written");
        let about = r#"{"audio": {"sample_rate": 22050}}"#;
        std::fs::write(voices.join(format!("{model}.onnx.json")), about).expect("written");
    }
    let fake = FakeOrchestrator::start().await;
    let piper = json!({ "folder": voices, "program": "piper-that-is-not-there" });
    let callback = spoken(&fake, folder.path(), json!({ "engine": "piper", "piper": piper })).await;
    let error = callback.error.expect("a reason");
    assert_eq!((error.code.as_str(), error.retryable), ("provider-missing", false), "{}", error.message);
    assert!(error.message.contains("pip install piper-tts"), "{}", error.message);
}

#[test]
fn an_engine_that_is_not_set_up_is_refused_before_anything_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |options: Value| {
        CATALOG
            .service("tts", &settings(folder.path(), options))
            .map(drop)
            .expect_err("it is wrong")
            .to_string()
    };
    assert!(refused(json!({ "engine": "piper" })).contains("piper = { folder"));
    assert!(refused(json!({ "engine": "openai" })).contains("openai = { url"));
    assert!(refused(json!({ "piper": { "folder": "x" } })).contains("does not name"));
    let error = CATALOG.check("tts", &json!({ "engine": "piper" })).expect_err("not set up").to_string();
    assert!(error.contains("[service.tts.options]"), "{error}");
    assert!(CATALOG.check("hello", &json!({ "any": 1 })).is_ok(), "a service of somebody else");
    assert!(refused(json!({ "engine": "sapi" })).contains("unknown variant `sapi`"));
}
