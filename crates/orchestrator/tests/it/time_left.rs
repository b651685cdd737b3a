//! What is left of jobs, over HTTP: nothing is invented, earlier jobs teach, and a restart forgets nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Clock, Orchestrator, Setup, call_back, service};

const PIPELINE: &str = "name='two'\nroute='twos'\nkey='code'\n[[phase]]\nid='draw'\nservice='stub'\ntimeout='9h'\n\
    [[phase]]\nid='paint'\nservice='stub'\ntimeout='9h'\nafter=['draw']";

/// Asks until an estimate is from so many runs: what is learned is learned in the background.
async fn known(segue: &Orchestrator, path: &str, why: &str) -> Value {
    let wait = async {
        loop {
            let (_, body) = segue.get(path).await;
            if body["estimate"]["why"] == why {
                return body["estimate"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("learned within 30 s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_left_is_learned_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let clock = Clock::at("2026-11-21T08:00:00Z");
    let mut setup = Setup::new(folder.path(), PIPELINE, &stub.url);
    setup.world = clock.clone();
    let segue = Orchestrator::with(setup.clone()).await;
    let start = |key: &str| json!({ "pipeline": "two", "key": key });
    let (_, first) = segue.post("/api/jobs", &start("first")).await;
    let draw = stub.next().await;
    let (_, status) = segue.get(&format!("/api/jobs/{}", first["jobId"].as_str().unwrap())).await;
    let estimate = &status["estimate"];
    assert_eq!((&estimate["remainingSeconds"], &estimate["endsAt"]), (&Value::Null, &Value::Null));
    assert_eq!(estimate["why"], "no run of draw and paint is known yet");
    assert_eq!(estimate["text"], "time left not known: no run of draw and paint is known yet");

    // Half a minute, then a whole one.
    clock.set("2026-11-21T08:00:30Z");
    call_back(&draw, &json!({ "success": true })).await;
    let paint = stub.next().await;
    clock.set("2026-11-21T08:01:30Z");
    call_back(&paint, &json!({ "success": true })).await;
    let over = segue.over(first["jobId"].as_str().unwrap()).await;
    assert_eq!(over.get("estimate"), None, "what is over has nothing left");

    segue.post("/api/jobs", &start("second")).await;
    let _draw = stub.next().await;
    let path = "/api/twos/second/status";
    let left = known(&segue, path, "from 1 earlier run").await;
    assert_eq!(left["remainingSeconds"]["p50"], 90.0);
    assert!(left["remainingSeconds"]["p90"].as_f64().unwrap() > 120.0, "one run says little: {left}");
    assert_eq!(left["endsAt"]["p50"], "2026-11-21T08:03:00Z");
    assert_eq!(left["phases"]["paint"]["startsAt"]["p50"], "2026-11-21T08:02:00Z");
    clock.set("2026-11-21T08:01:40Z");
    let later = segue.get(path).await.1["estimate"].clone();
    assert_eq!(
        (&later["remainingSeconds"]["p50"], &later["phases"]["draw"]["done"]),
        (&json!(80.0), &json!(0.333))
    );
    let (_, page) = segue.get("/api/jobs").await;
    assert_eq!(page["jobs"][0]["estimate"]["text"], later["text"], "the list says the same");
    assert_eq!(page["jobs"][0]["estimate"].get("phases"), None);

    // Told to a person who must resume it, and never as a time of day.
    let id = page["jobs"][0]["jobId"].as_str().unwrap();
    segue.kill().await;
    let segue = Orchestrator::with(setup).await;
    assert_eq!(
        known(&segue, path, "from 1 earlier run").await["remainingSeconds"]["p50"],
        80.0,
        "read from the journal"
    );
    segue.post(&format!("/api/jobs/{id}/pause"), &json!({})).await;
    let paused = segue.get(path).await.1["estimate"].clone();
    assert_eq!(
        (&paused["endsAt"], &paused["waitsFor"]),
        (&Value::Null, &json!(["somebody to resume the job"]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_found_by_when_they_started() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let clock = Clock::at("2026-11-21T08:00:00Z");
    let mut setup = Setup::new(folder.path(), PIPELINE, &stub.url);
    setup.world = clock.clone();
    let segue = Orchestrator::with(setup).await;
    for hour in 8..12 {
        clock.set(&format!("2026-11-21T{hour:02}:00:00Z"));
        segue.post("/api/jobs", &json!({ "pipeline": "two", "key": format!("at-{hour}") })).await;
    }
    let keys = async |query: &str| {
        let (_, page) = segue.get(&format!("/api/jobs?{query}")).await;
        page["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("from=2026-11-21T09:00:00Z&until=2026-11-21T11:00:00Z").await, ["at-10", "at-9"]);
    assert_eq!(keys("from=2026-11-21T12:00:00%2B01:00").await, ["at-11"]);
    assert_eq!(keys("until=2026-11-21T09:00:00Z&pipeline=two").await, ["at-8"]);
    let (status, problem) = segue.get("/api/jobs?from=yesterday").await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid-field")));
}
