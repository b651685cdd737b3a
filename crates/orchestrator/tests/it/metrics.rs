//! Metrics against the journal: after a job with every kind of outcome the two say the same.

use std::collections::BTreeMap;

use engine::event::EventKind;
use journal::Position;
use orchestrator::{core::decode, metrics::catalog::CATALOG};
use serde_json::json;

use crate::{
    exposition::Scrape,
    support::{Orchestrator, call_back, service},
};

const MIXED: &str = r#"
name = "mixed"
[[phase]]
id = "first"
service = "stub"
retry = { attempts = 3, backoff = "1ms" }
[[phase]]
id = "many"
service = "stub"
after = ["first"]
map = { over = "first.output.items", on_error = "continue" }
[[phase]]
id = "approve"
after = ["many"]
wait = { signal = "approve", timeout = "1h", on_timeout = "fail" }
[[phase]]
id = "last"
service = "stub"
after = ["approve"]
gate = "last.output.good"
"#;

async fn scrape(segue: &Orchestrator) -> Scrape {
    let (status, text) = segue.get("/metrics").await;
    assert_eq!(status, 200);
    Scrape::parse(text.as_str().expect("text"))
}

/// How often each kind of event is in the journal, over all jobs.
async fn journal_of(segue: &Orchestrator) -> BTreeMap<&'static str, f64> {
    let mut kinds = BTreeMap::new();
    for item in segue.core.journal().feed(Position(0), usize::MAX).await.expect("a feed") {
        let kind: EventKind = decode(&item.event).expect("an event").kind;
        *kinds.entry(kind.name()).or_insert(0.0) += 1.0;
    }
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_of_one_run_agree_with_its_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), MIXED, &stub.url, None).await;
    let (_, job) = segue.post("/api/jobs", &json!({ "pipeline": "mixed", "key": "a", "input": {} })).await;
    let job = job["jobId"].as_str().expect("an id").to_owned();
    let error = json!({ "success": false, "error": { "code": "x", "message": "x", "retryable": true } });
    assert_eq!(call_back(&stub.next().await, &error).await.0, 200);
    let output = json!({ "success": true, "output": { "items": [1, 2, 3] } });
    let second = stub.next().await;
    assert_eq!(call_back(&second, &output).await.0, 200);
    assert_eq!(call_back(&second, &error).await.0, 409);
    let bad = json!({ "success": false, "error": { "code": "x", "message": "x", "retryable": false } });
    for body in [&output, &bad, &output] {
        assert_eq!(call_back(&stub.next().await, body).await.0, 200);
    }
    assert_eq!(segue.post(&format!("/api/jobs/{job}/signals/approve"), &json!({})).await.0, 200);
    let gate = json!({ "success": true, "output": { "good": false } });
    assert_eq!(call_back(&stub.next().await, &gate).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "validation_failed");
    let (_, other) = segue.post("/api/jobs", &json!({ "pipeline": "mixed", "key": "b", "input": {} })).await;
    stub.next().await;
    let other = other["jobId"].as_str().expect("an id");
    assert_eq!(segue.post(&format!("/api/jobs/{other}/cancel"), &json!({})).await.0, 200);

    let (seen, kinds) = (scrape(&segue).await, journal_of(&segue).await);
    let events = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
    for (metric, kind) in [
        ("segue_jobs_started_total{pipeline=\"mixed\"}", "jobStarted"),
        ("segue_jobs_ended_total{pipeline=\"mixed\",outcome=\"cancelled\"}", "jobCancelled"),
        ("segue_jobs_ended_total{pipeline=\"mixed\",outcome=\"validation_failed\"}", "jobFailed"),
        ("segue_attempts_started_total{service=\"stub\"}", "attemptStarted"),
        ("segue_attempts_total{service=\"stub\",outcome=\"succeeded\"}", "attemptSucceeded"),
        ("segue_attempts_total{service=\"stub\",outcome=\"failed\"}", "attemptFailed"),
        ("segue_attempts_total{service=\"stub\",outcome=\"cancelled\"}", "attemptCancelled"),
        ("segue_runs_total{service=\"stub\",outcome=\"failed\"}", "runFailed"),
        ("segue_retries_total{service=\"stub\"}", "retryScheduled"),
        ("segue_gates_closed_total{pipeline=\"mixed\",enforced=\"true\"}", "gateClosed"),
        ("segue_signals_total{pipeline=\"mixed\"}", "signalTaken"),
    ] {
        assert!(events(kind) > 0.0, "{kind} did not happen");
        assert!(
            (seen.get(metric) - events(kind)).abs() < 0.5,
            "{metric} {}: {}",
            seen.get(metric),
            events(kind)
        );
    }
    assert!((seen.get("segue_events_total") - kinds.values().sum::<f64>()).abs() < 0.5);
    let ended = seen.get("segue_attempts_started_total{service=\"stub\"}");
    assert!((seen.sum("segue_attempts_total") - ended).abs() < 0.5, "every attempt is over");
    assert!((seen.get("segue_attempt_duration_seconds_count{service=\"stub\"}") - ended).abs() < 0.5);
    assert!(seen.get("segue_callbacks_rejected_total{reason=\"conflicting-outcome\"}") > 0.5);
    // A retry waits for its backoff first; the three of the map follow from a callback, and so does what a gate lets through.
    assert!(seen.get("segue_callback_to_start_seconds_count") >= 3.0);
    assert!(
        seen.get("segue_journal_sync_seconds_count") > 0.5 && seen.get("segue_journal_group_size_sum") > 0.5
    );
    let callbacks = "segue_http_requests_total{method=\"POST\",route=\"/phase-complete\",status=\"2xx\"}";
    assert!((seen.get(callbacks) - 6.0).abs() < 0.5);
    let signal =
        "segue_http_requests_total{method=\"POST\",route=\"/api/jobs/{id}/signals/{name}\",status=\"2xx\"}";
    assert!((seen.get(signal) - 1.0).abs() < 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_shows_its_depth_and_everything_in_the_catalogue_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stub = service().await;
    let mut setup = crate::support::Setup::new(
        folder.path(),
        "name='one'\n[[phase]]\nid='work'\nservice='stub'",
        &stub.url,
    );
    setup.services = setup.services.replace("capacity = 100000", "capacity = 1");
    let segue = Orchestrator::with(setup).await;
    for key in ["a", "b", "c"] {
        segue.post("/api/jobs", &json!({ "pipeline": "one", "key": key, "priority": "high" })).await;
    }
    let first = stub.next().await;
    let seen = scrape(&segue).await;
    assert!((seen.get("segue_queue_depth{service=\"stub\",priority=\"high\"}") - 2.0).abs() < 0.5);
    assert!((seen.get("segue_service_slots_used{service=\"stub\"}") - 1.0).abs() < 0.5);
    for metric in &CATALOG {
        let kind = seen.families.get(metric.name).unwrap_or_else(|| panic!("{} is missing", metric.name));
        assert_eq!(kind, metric.kind.word());
        let base = metric.name.ends_with("_total") == (kind == "counter");
        assert!(base, "{}: counters, and only they, end in _total", metric.name);
    }
    assert_eq!(seen.families.len(), CATALOG.len());
    assert_eq!(call_back(&first, &json!({ "success": true })).await.0, 200);
    stub.next().await;
    // The start that a freed slot lets go follows from the callback that freed it.
    assert!(scrape(&segue).await.get("segue_callback_to_start_seconds_count") > 0.5);
}

#[test]
fn every_route_is_counted_by_its_template() {
    let source = include_str!("../../src/http.rs");
    let mut found = 0;
    for rest in source.split(".route(").skip(1) {
        let route = rest.split('"').nth(1).expect("a template");
        found += 1;
        assert!(orchestrator::metrics::ROUTES.contains(&route), "add \"{route}\" to metrics::ROUTES");
    }
    assert!(found > 30, "only {found} routes were found");
}
