//! The page of a twin documentation, in a real browser over the real pipeline: streams as they write, agreement, tickets answered.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    browser::put,
    driver::Browser,
    support::{Orchestrator, Service, call, call_back, service},
};

/// The pipeline as it is shipped, with one service that the test plays.
fn pipeline() -> String {
    let lines = include_str!("../../../../pipelines/twindocs.toml").lines();
    let played = lines.map(|line| if line.starts_with("service ") { "service = 'stub'" } else { line });
    played.collect::<Vec<_>>().join("\n")
}

async fn store(start: &Value, name: &str, text: String) {
    let url = format!("{}{name}", start["artifactsUrl"].as_str().unwrap());
    let token = start["callback"]["token"].as_str().unwrap();
    assert_eq!(put(&url, "application/json", text.into_bytes(), token).await, 201, "{name}");
}

async fn succeed(start: &Value, output: Value) {
    assert_eq!(call_back(start, &json!({ "success": true, "output": output, "stats": output })).await.0, 200);
}

async fn next(stub: &mut Service, phase: &str) -> Value {
    let start = stub.next().await;
    assert_eq!(start["phase"], phase);
    start
}

async fn progress(segue: &Orchestrator, start: &Value, done: u64) {
    let url = format!("{}/api/attempts/{}/progress", segue.url, start["attemptId"].as_str().unwrap());
    let body = json!({ "done": done, "total": 40, "unit": "components" }).to_string().into_bytes();
    assert_eq!(call("POST", &url, body, start["callback"]["token"].as_str()).await.0, 200);
}

fn discrepancy(field: &str, a: &str, b: &str) -> Value {
    json!({ "discrepancy_id": format!("d{field}"), "component_id": "shop.py::Stock.count", "type": "documentation_content", "field": field,
        "stream_a_value": a, "stream_b_value": b, "ground_truth": null, "severity": "high", "blocking": "missing_public_api_doc",
        "authority": "people", "resolution": "needs_human_review", "resolution_source": "unresolved", "confidence": 0.5,
        "requires_ticket": true, "iteration_found": 1 })
}

/// What an iteration measured and decided.
async fn compare(start: &Value, iteration: u32, calls: f64, texts: f64, left: &[Value]) {
    let summary = json!({ "total_components": 40, "identical": 30, "failed": 1, "discrepancies": left.len(), "blocking": left.len(), "open": 0,
        "call_graph_match_rate": calls, "documentation_similarity": texts, "similarity_by": "lexical" });
    let comparison = json!({ "version": "1.0", "iteration": iteration, "summary": summary, "discrepancies": left, "tokens": 0 });
    store(start, &format!("comparison/{iteration}.json"), comparison.to_string()).await;
    let resolution = json!({ "version": "1.0", "iteration": iteration, "status": "in_progress", "required_actions": ["two texts are undecided"],
        "decided": left, "corrections": {}, "feedback": {} });
    store(start, &format!("resolution/{iteration}.json"), resolution.to_string()).await;
}

fn ticket(id: &str, left: &Value) -> String {
    let field = json!({ "component_id": left["component_id"], "field": left["field"], "discrepancy_id": left["discrepancy_id"],
        "stream_a_value": left["stream_a_value"], "stream_b_value": left["stream_b_value"] });
    let asked = json!({ "state": "pending", "fields": [field] });
    json!({ "id": id, "title": format!("[Discrepancy] {}", left["field"].as_str().unwrap()), "description": "| aspect | A | B |", "status": "open",
        "priority": 1, "issue_type": "task", "metadata": { "twindocs": asked } })
    .to_string()
}

/// Both streams write, the second time they agree on the calls.
async fn write(segue: &Orchestrator, stub: &mut Service, browser: &Browser, left: &[Value]) {
    let analysis = next(stub, "analysis").await;
    succeed(&analysis, json!({ "components": 40 })).await;
    for iteration in 1..=2 {
        let both = [stub.next().await, stub.next().await];
        let phases: BTreeSet<&str> = both.iter().map(|it| it["phase"].as_str().unwrap()).collect();
        assert_eq!(phases, BTreeSet::from(["document_a", "document_b"]));
        for start in &both {
            let stream = start["phase"].as_str().unwrap().trim_start_matches("document_").to_owned();
            if iteration == 1 {
                progress(segue, start, 12).await;
                browser.reads(&format!(".twin-stream.{stream}"), "12 of 40 components").await;
            }
            let failed = json!({ "component_id": "shop.py::broken", "code": "invalid-answer", "message": "no JSON, twice" });
            let file = json!({ "version": "1.0", "stream": stream, "iteration": iteration, "entries": {}, "failed": { "shop.py::broken": failed } });
            store(start, &format!("{stream}/{iteration}/documented.json"), file.to_string()).await;
            let written = if iteration == 1 { 40 } else { 3 };
            succeed(start, json!({ "stream": stream, "iteration": iteration, "written": written, "reused": 40 - written, "failed": 1, "tokens": 1234,
                "usd": 0.5, "batches": [] })).await;
        }
        let comparing = next(stub, "compare").await;
        let (calls, texts) = if iteration == 1 { (0.81, 0.7) } else { (0.99, 0.9) };
        compare(&comparing, iteration, calls, texts, left).await;
        succeed(&comparing, json!({})).await;
        if iteration == 1 {
            browser.reads(".twin-criteria", "0.810").await;
            browser.reads(".twin-open .twin-difference", "Counts what is there.").await;
        }
        let resolving = next(stub, "resolve").await;
        succeed(&resolving, json!({ "settled": iteration == 2, "iteration": iteration })).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_twin_documentation_is_watched_and_its_tickets_are_answered() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), &pipeline(), &stub.url, None).await;
    let input = json!({ "path": "/code/shop", "convergence": { "documentation": 0.93 } });
    let (_, started) =
        segue.post("/api/jobs", &json!({ "pipeline": "twindocs", "key": "shop", "input": input })).await;
    let job = started["jobId"].as_str().unwrap();
    browser.go(&format!("{}/#/twindocs", segue.url)).await;
    browser.click(".course-entry a", "shop").await;
    browser.reads(".twin-agreement", "Nothing is compared yet").await;
    let left = [
        discrepancy("/documentation/summary", "Counts what is there.", "Deletes what is there."),
        discrepancy("/documentation/returns", "The number.", "Nothing."),
    ];
    write(&segue, &mut stub, &browser, &left).await;
    browser.reads(".twin-head", "iteration 2").await;
    browser.reads(".twin-stream.a", "written3taken over37failed1tokens1,234US dollars0.5000").await;
    let told = browser
        .run("arguments[0](document.querySelector('.twin-chart').getAttribute('aria-label'))", json!([]))
        .await;
    assert_eq!(
        told,
        "Agreement by iteration. iteration 1: calls 0.810, texts 0.700; iteration 2: calls 0.990, texts 0.900"
    );
    // The job's own criterion, not the usual one.
    browser.reads(".twin-criteria tr", "mean similarity of the texts≥ 0.930.9000.030✗ fails").await;
    browser.reads(".twin-criteria tr", "calls that both streams have, of all≥ 0.980.990✓ holds").await;
    browser.click(".twin-failed button", "Which, and why").await;
    browser.reads(".twin-failed li", "shop.py::broken stream A, invalid-answer: no JSON, twice").await;
    answer(&segue, &mut stub, &browser, job, &left).await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

/// Two tickets: one accepted, one in a person's own words. With the last answer the job goes on.
async fn answer(segue: &Orchestrator, stub: &mut Service, browser: &Browser, job: &str, left: &[Value]) {
    let asking = next(stub, "ask").await;
    store(&asking, "tickets.jsonl", format!("{}\n{}\n", ticket("bd-1", &left[0]), ticket("bd-2", &left[1])))
        .await;
    succeed(&asking, json!({ "open": 2, "wait": true })).await;
    browser.reads(".twin-ticket-head", "2 answers missing").await;
    let fill = "const [id, choice, text, done] = arguments;
        const form = document.querySelector(`#ticket-${id} form`);
        form.querySelector(`input[value=${choice}]`).checked = true;
        form.querySelector('textarea').value = text;
        form.querySelector(`#by-${id}`).value = 'Ana';
        form.requestSubmit();
        done(null);";
    browser.run(fill, json!(["bd-1", "accept_a", ""])).await;
    browser.reads("#ticket-bd-1 summary", "answered by Ana: A is right").await;
    browser.reads(".twin-ticket-head", "1 answer missing").await;
    browser.reads(".twin-ticket-head button", "Go on with 1 answer").await;
    // Neither is right, and no text: it is not sent.
    browser.run(fill, json!(["bd-2", "manual", " "])).await;
    browser.reads("#ticket-bd-2 .trouble", "the text that holds must be given").await;
    assert_eq!(stub.waiting(), 0);
    browser.run(fill, json!(["bd-2", "manual", "How many there are."])).await;

    let applying = next(stub, "apply").await;
    let artifacts = format!("{}/api/jobs/{job}/artifacts", segue.url);
    for (id, wanted) in [
        ("bd-1", json!({ "resolution": "accept_a", "text": "", "by": "Ana" })),
        ("bd-2", json!({ "resolution": "manual", "text": "How many there are.", "by": "Ana" })),
    ] {
        let (_, stored) = call("GET", &format!("{artifacts}/answers/{id}.json"), Vec::new(), None).await;
        assert_eq!(stored, wanted);
    }
    let outcome = json!({ "version": "1.0", "iterations": 2, "status": "converged", "tickets": { "bd-1": "applied", "bd-2": "applied" },
        "remaining": [], "divergent": [], "streams": {} });
    store(&applying, "outcome.json", outcome.to_string()).await;
    succeed(&applying, json!({})).await;
    let packing = next(stub, "package").await;
    let failed = json!({ "stream": "b", "component_id": "shop.py::broken", "code": "invalid-answer", "message": "no JSON, twice" });
    store(
        &packing,
        "package/convergence_report.json",
        json!({ "failed_components": [failed], "recommendations": [] }).to_string(),
    )
    .await;
    store(&packing, "package/index.html", "<!doctype html><title>shop</title>".to_owned()).await;
    succeed(&packing, json!({})).await;
    browser.reads(".twin-head .state", "converged").await;
    browser.reads(".twin-head button", "Save the documentation’s page").await;
    browser.reads(".twin-open", "Nothing: where the streams differed it was decided.").await;
    browser.reads("#ticket-bd-1 summary", "answered by Ana: A is right").await;
    browser.reads(".twin-failed li", "stream B, invalid-answer").await;
}
