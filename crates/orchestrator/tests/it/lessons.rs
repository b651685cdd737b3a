//! What users of other systems suffered from, one test for each lesson that concerns us. `docs/lessons.md` has the table.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

mod callbacks;
mod stuck;

use serde_json::{Value, json};

use crate::support::{Orchestrator, call};

/// Starts the job `k` of a pipeline; its id.
async fn start(segue: &Orchestrator, pipeline: &str) -> String {
    start_key(segue, pipeline, "k").await
}

async fn start_key(segue: &Orchestrator, pipeline: &str, key: &str) -> String {
    let (status, started) = segue.post("/api/jobs", &json!({ "pipeline": pipeline, "key": key })).await;
    assert_eq!(status, 201, "{started}");
    started["jobId"].as_str().unwrap().to_owned()
}

/// The kinds of a job's events, in order.
async fn kinds(segue: &Orchestrator, job: &str) -> Vec<String> {
    let (_, history) = segue.get(&format!("/api/jobs/{job}/events")).await;
    let events = history["events"].as_array().unwrap();
    let kind = |event: &Value| match &event["is"] {
        Value::Object(members) => members.keys().next().unwrap().clone(),
        other => other.as_str().unwrap().to_owned(),
    };
    events.iter().map(kind).collect()
}

async fn count(segue: &Orchestrator, job: &str, kind: &str) -> usize {
    kinds(segue, job).await.iter().filter(|there| *there == kind).count()
}

/// A phase's part of a job's status.
async fn phase(segue: &Orchestrator, job: &str, id: &str) -> Value {
    let (_, status) = segue.get(&format!("/api/jobs/{job}")).await;
    status["phases"].as_array().unwrap().iter().find(|phase| phase["phase"] == id).unwrap().clone()
}

/// Waits until a question has the answer yes.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.expect("so within 30 s");
}

/// `POST` to a service's progress address, with its token.
async fn progress(start: &Value, body: &Value) -> (u16, Value) {
    let url = start["callback"]["progressUrl"].as_str().unwrap();
    call("POST", url, body.to_string().into_bytes(), start["callback"]["token"].as_str()).await
}
