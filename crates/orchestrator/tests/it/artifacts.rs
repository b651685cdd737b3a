//! What becomes of artifacts when their job is no longer kept.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

use orchestrator::retention::retain;
use serde_json::{Value, json};

use crate::support::{Clock, Orchestrator, Service, Setup, call, call_back, service};

const MEMO: &str = "name='files'\n[[phase]]\nid='work'\nservice='stub'\nmemo=true";

async fn run(segue: &Orchestrator, stub: &mut Service, key: &str, blob: &str) -> String {
    let start = json!({ "pipeline": "files", "key": key, "input": { "of": blob } });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].as_str().unwrap().to_owned();
    let start = stub.next().await;
    let url = format!("{}result.txt", start["artifactsUrl"].as_str().unwrap());
    let stored = call("PUT", &url, blob.as_bytes().to_vec(), start["callback"]["token"].as_str()).await;
    assert_eq!(stored.0, 201, "{}", stored.1);
    assert_eq!(call_back(&start, &json!({ "success": true })).await.0, 200);
    segue.over(&job).await;
    job
}

async fn read(segue: &Orchestrator, job: &str) -> (u16, Value) {
    segue.get(&format!("/api/jobs/{job}/artifacts/result.txt")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_go_with_the_last_job_that_refers_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let clock = Clock::at("2026-11-20T12:00:00Z");
    let mut setup = Setup::new(folder.path(), MEMO, &stub.url);
    setup.world = clock.clone();
    let segue = Orchestrator::with(setup.clone()).await;
    run(&segue, &mut stub, "alone", "\"only the old job's\"").await;
    run(&segue, &mut stub, "first", "\"shared\"").await;
    // Jobs are kept for an hour after their end.
    clock.set("2026-11-20T12:50:00Z");
    // The same input again: reused, so that a newer job refers to the same blob.
    let start = json!({ "pipeline": "files", "key": "second", "input": { "of": "\"shared\"" } });
    let second = segue.post("/api/jobs", &start).await.1["jobId"].as_str().unwrap().to_owned();
    segue.over(&second).await;
    assert_eq!(stub.waiting(), 0, "its result was known");
    let blobs = || {
        let folders = std::fs::read_dir(folder.path().join("artifacts")).unwrap();
        let of = |folder: std::fs::DirEntry| std::fs::read_dir(folder.path()).unwrap().count();
        folders.map(|folder| of(folder.unwrap())).sum::<usize>()
    };
    retain(&segue.app, true).await;
    assert_eq!(blobs(), 2, "all of it is in use");
    clock.set("2026-11-20T13:10:00Z");
    setup.listen = segue.kill().await;
    let segue = Orchestrator::with(setup).await;
    retain(&segue.app, false).await;
    assert_eq!(blobs(), 1);
    assert_eq!(read(&segue, &second).await, (200, json!("shared")));
    // The result of the job that is gone is not remembered either: its blob is missing.
    let again = run(&segue, &mut stub, "alone again", "\"only the old job's\"").await;
    assert_eq!(read(&segue, &again).await, (200, json!("only the old job's")));
}

/// The text of a start as a service reads it, with `protocol`'s own type.
fn as_a_service_reads_it(start: &Value) -> protocol::StartRequest {
    protocol::StartRequest::parse(start.to_string().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_names_what_its_predecessors_stored_but_not_tens_of_thousands() {
    const CHAIN: &str = "name='chain'\nroute='chains'\nkey='documentId'\n[[phase]]\nid='few'\nservice='stub'\n\
        [[phase]]\nid='many'\nservice='stub'\nafter=['few']\n[[phase]]\nid='last'\nservice='stub'\nafter=['many']";
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), CHAIN, &stub.url, None).await;
    let body =
        json!({ "pipeline": "chain", "key": "k", "input": { "totalSeeds": 3, "phase": 1, "list": [] } });
    let started = segue.post("/api/jobs", &body).await;
    assert_eq!(started.0, 201, "{}", started.1);
    for (phase, count) in [("few", 1), ("many", 257)] {
        let start = stub.next().await;
        assert_eq!(
            (&start["phase"], &start["documentId"], &start["totalSeeds"]),
            (&json!(phase), &json!("k"), &json!(3))
        );
        assert_eq!(start["list"], Value::Null, "lists stand in the input alone");
        for number in 0..count {
            let url = format!("{}{phase}-{number}.txt", start["artifactsUrl"].as_str().unwrap());
            let token = start["callback"]["token"].as_str();
            assert_eq!(call("PUT", &url, phase.into(), token).await.0, 201);
        }
        let done = json!({ "success": true, "output": { "of": phase }, "stats": { "stored": count } });
        assert_eq!(call_back(&start, &done).await.0, 200);
        let read = as_a_service_reads_it(&start);
        assert_eq!((&*read.phase, &*read.priority, read.attempt), (phase, "medium", 1));
        if phase == "many" {
            let few = &read.upstream["few"];
            assert_eq!((few.output.get(), few.stats.get()), (r#"{"of":"few"}"#, r#"{"stored":1}"#));
            let stored = &few.artifacts["few-0.txt"];
            assert_eq!((stored.size, stored.phase.as_deref()), (3, Some("few")));
        }
    }
    let last = as_a_service_reads_it(&stub.next().await);
    assert!(last.upstream["many"].artifacts.is_empty(), "257 are too many for a request");
}
