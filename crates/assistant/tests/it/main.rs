//! The assistant as an orchestrator meets it: over HTTP, with its memory in a folder.

mod chat;
mod keeping;

use std::path::Path;

use assistant::registry::CATALOG;
use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost},
};
use protocol::{Callback, StartRequest};
use serde_json::{Value, json};

/// Serves the assistant over a folder.
pub(crate) fn serve(folder: &Path, options: Value) -> ServiceHost {
    let data_dir = folder.join("assistant");
    let settings = ServiceSettings { data_dir, capacity: 1, options, ..ServiceSettings::default() };
    ServiceHost::start(CATALOG.service("assistant", &settings).expect("it can be served"))
}

/// Offers an attempt and gives how it ended.
pub(crate) async fn run(fake: &FakeOrchestrator, host: &ServiceHost, request: &StartRequest) -> Callback {
    let (status, answer) = fake.offer(&host.url(), request).await;
    assert_eq!(status, 202, "{answer}");
    fake.accepted(request.attempt_id).await
}

/// Does a task and gives its output.
pub(crate) async fn done(fake: &FakeOrchestrator, host: &ServiceHost, phase: &str, input: Value) -> Value {
    let callback = run(fake, host, &fake.request(phase, &input)).await;
    output(&callback)
}

/// What came of an attempt that succeeded.
pub(crate) fn output(callback: &Callback) -> Value {
    assert!(callback.success, "{callback:?}");
    let output = callback.output.as_ref().expect("an output");
    serde_json::from_str(output.get()).expect("JSON")
}

/// A request that goes on from a checkpoint.
pub(crate) fn again(request: &StartRequest, checkpoint: &Value) -> StartRequest {
    let checkpoint = phase_kit::testing::raw(checkpoint);
    StartRequest { attempt_id: request.job_id, checkpoint, ..request.clone() }
}

/// Remembers a text.
pub(crate) async fn remember(fake: &FakeOrchestrator, host: &ServiceHost, text: &str) -> Value {
    done(fake, host, "remember", json!({ "text": text })).await
}
