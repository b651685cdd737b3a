//! A job as OpenTelemetry spans, as a collector receives them: over a collector that is away and a crash in between.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use orchestrator::trace::{
    collector::CollectorSettings,
    follow::{Follower, Keeps},
};
use serde_json::{Value, json};

use crate::{
    support::{Orchestrator, call_back, call_with},
    talking::{Talking, talking},
};

const PIPELINE: &str = r#"
name = "traced"
[[phase]]
id = "cut"
service = "stub"
retry = { attempts = 2, backoff = "1ms" }
[[phase]]
id = "make"
service = "stub"
after = ["cut"]
map = { over = "cut.output.items" }
gate = "size(make.output) == 2"
[[phase]]
id = "approve"
after = ["make"]
wait = { signal = "approve", timeout = "1h", on_timeout = "fail" }
"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn follow(segue: &Orchestrator, folder: &Path, collector: &Talking) -> tokio::task::JoinHandle<()> {
    let url = collector.url.clone();
    let settings =
        CollectorSettings::read(&|name| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.clone()));
    let follower = Follower::new(
        segue.core.clone(),
        settings.unwrap().unwrap(),
        Keeps::File(folder.join("traces.json")),
    );
    tokio::spawn(follower.run())
}

/// Takes a request of the exporter apart, as strictly as the protocol's schema does.
fn spans_of(body: &Value) -> Vec<Value> {
    let mut spans = Vec::new();
    for resource in body["resourceSpans"].as_array().unwrap() {
        let name = &resource["resource"]["attributes"][0];
        assert_eq!((&name["key"], &name["value"]["stringValue"]), (&json!("service.name"), &json!("segue")));
        for scope in resource["scopeSpans"].as_array().unwrap() {
            assert_eq!(scope["scope"]["name"], "segue");
            spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
        }
    }
    let known = [
        "traceId",
        "spanId",
        "parentSpanId",
        "name",
        "kind",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "attributes",
        "events",
        "status",
    ];
    let is_hex = |value: &Value, len: usize| {
        let text = value.as_str().unwrap();
        text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    for span in &spans {
        assert!(span.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{span}");
        assert!(is_hex(&span["traceId"], 32) && is_hex(&span["spanId"], 16), "{span}");
        assert!((1..=5).contains(&span["kind"].as_u64().unwrap()));
        let nanos = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
        for attribute in span["attributes"].as_array().unwrap() {
            let value = attribute["value"].as_object().unwrap();
            let kind = value.keys().next().unwrap();
            assert!(["stringValue", "intValue", "boolValue"].contains(&kind.as_str()) && value.len() == 1);
            assert!(kind != "intValue" || value[kind].is_string(), "64-bit numbers are text: {attribute}");
        }
        for event in span["events"].as_array().unwrap() {
            assert!(event["timeUnixNano"].is_string() && event["name"].is_string());
        }
    }
    spans
}

/// Takes what the collector receives until there is a span of that name.
async fn collect(collector: &mut Talking, into: &mut BTreeMap<String, Value>, until: &str) {
    while !into.values().any(|span| span["name"] == until) {
        let heard = collector.wait_for("POST /v1/traces").await;
        for span in spans_of(&heard.body) {
            let id = span["spanId"].as_str().unwrap().to_owned();
            let again = into.insert(id, span.clone());
            assert!(again.is_none_or(|before| before == span), "the same span again is the same");
        }
        heard.answer(200, "{}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_of_one_job_from_its_caller_to_every_call() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("traces.json"), "{\"position\":0}").unwrap();
    let (mut stub, mut collector) = (talking().await, talking().await);
    let segue = Orchestrator::start(folder.path(), PIPELINE, &stub.url, None).await;
    let following = follow(&segue, folder.path(), &collector);
    let caller = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("content-type", "application/json"), ("traceparent", &*caller)];
    let start = json!({ "pipeline": "traced", "key": "k", "input": {} }).to_string();
    let (_, started) = call_with("POST", &format!("{}/api/jobs", segue.url), &start, &headers).await;
    let job = started["jobId"].as_str().unwrap().to_owned();

    // What every call of the service carries, by attempt.
    let mut carried = BTreeMap::new();
    let mut take = async |stub: &mut Talking, body: Value| {
        let heard = stub.wait_for("POST /start").await;
        let context = heard.traceparent.clone().unwrap();
        let start = heard.answer(202, "");
        carried.insert(start["attemptId"].as_str().unwrap().to_owned(), context);
        assert_eq!(call_back(&start, &body).await.0, 200);
    };
    let error =
        json!({ "success": false, "error": { "code": "busy", "message": "try again", "retryable": true } });
    take(&mut stub, error).await;
    take(&mut stub, json!({ "success": true, "output": { "items": [1, 2] } })).await;
    let mut spans = BTreeMap::new();
    // The collector is away at first.
    collector.wait_for("POST /v1/traces").await.answer(503, "");
    collect(&mut collector, &mut spans, "cut").await;

    following.abort();
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), PIPELINE, &stub.url, Some(&listen)).await;
    let _following = follow(&segue, folder.path(), &collector);
    for _ in 0..2 {
        take(&mut stub, json!({ "success": true, "output": 1 })).await;
    }
    let signal = format!("/api/jobs/{job}/signals/approve");
    assert_eq!(segue.post(&signal, &json!({})).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
    collect(&mut collector, &mut spans, "job traced").await;

    check_tree(&spans, &carried);
}

/// Every span once, below its parent, with what the service was given.
fn check_tree(spans: &BTreeMap<String, Value>, carried: &BTreeMap<String, String>) {
    let mut names: Vec<&str> = spans.values().map(|span| span["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let expected = [
        "approve",
        "cut",
        "cut attempt 1",
        "cut attempt 2",
        "gate of make",
        "job traced",
        "make",
        "make[0] attempt 1",
        "make[1] attempt 1",
        "wait for approve",
    ];
    assert_eq!(names, expected, "every span once");
    let ids: BTreeSet<&str> = spans.keys().map(String::as_str).collect();
    for span in spans.values() {
        assert_eq!(span["traceId"], TRACE);
        let parent = span["parentSpanId"].as_str().unwrap();
        match span["name"] == "job traced" {
            true => assert_eq!(parent, "00f067aa0ba902b7", "the caller's span"),
            false => assert!(ids.contains(parent), "{span}"),
        }
        let of_attempt = |key: &str| {
            span["attributes"]
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["key"] == key)
                .and_then(|one| one["value"]["stringValue"].as_str())
        };
        if let Some(attempt) = of_attempt("segue.attempt") {
            let context = format!("00-{TRACE}-{}-01", span["spanId"].as_str().unwrap());
            assert_eq!(carried[attempt], context, "the service works below the span of its attempt");
            assert_eq!((&span["kind"], of_attempt("peer.service")), (&json!(3), Some("stub")));
        }
        let failed = span["name"] == "cut attempt 1";
        assert_eq!(span["status"]["code"], if failed { 2 } else { 1 }, "{span}");
    }
}
