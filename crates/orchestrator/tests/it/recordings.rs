//! The flight recorder: what was exported replays to the same state, shows in the same pages, and holds no secret.
//!
//! Recordings under `test_data/recordings` must replay for ever. They are written once, by `NEW_RECORDINGS=v1 cargo test -p
//! orchestrator --test it recordings`, and never again; a later version is another folder.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::path::{Path, PathBuf};

use axum::body::Body;
use http_body_util::BodyExt;
use orchestrator::recording::{Recording, content_line, offline::Offline, replay::replay};
use serde_json::{Value, json};

use crate::support::{Orchestrator, call_back, service};

const PIPELINE: &str = r#"
name = "recorded"
[[phase]]
id = "cut"
service = "stub"
retry = { attempts = 2, backoff = "1ms" }
[[phase]]
id = "make"
service = "stub"
after = ["cut"]
map = { over = "cut.output.items" }
[[phase]]
id = "approve"
after = ["make"]
wait = { signal = "approve", timeout = "1h", on_timeout = "fail" }
"#;
const SECRET: &str = "hunter2hunter2";

fn test_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/recordings")
}

/// Runs a job to its end, with a secret in its input and in a result.
async fn job(segue: &Orchestrator, stub: &mut crate::support::Service, key: &str, fails: bool) -> String {
    let input = json!({ "apiKey": SECRET, "text": "plainly", "nested": { "client_secret": SECRET } });
    let start = json!({ "pipeline": "recorded", "key": key, "input": input });
    let (_, started) = segue.post("/api/jobs", &start).await;
    let job = started["jobId"].as_str().unwrap().to_owned();
    let message = format!("Authorization: Bearer {SECRET} was refused");
    let error = |retryable| json!({ "success": false, "error": { "code": "x", "message": message, "retryable": retryable } });
    assert_eq!(call_back(&stub.next().await, &error(true)).await.0, 200);
    let cut = stub.next().await;
    if fails {
        assert_eq!(call_back(&cut, &error(false)).await.0, 200);
        assert_eq!(segue.over(&job).await["status"], "error");
        return job;
    }
    let output = json!({ "items": [{ "password": SECRET }, 2], "note": "plainly" });
    assert_eq!(call_back(&cut, &json!({ "success": true, "output": output })).await.0, 200);
    assert_eq!(call_back(&cut, &error(false)).await.0, 409);
    for _ in 0..2 {
        assert_eq!(call_back(&stub.next().await, &json!({ "success": true, "output": 1 })).await.0, 200);
    }
    let signal = format!("/api/jobs/{job}/signals/approve");
    assert_eq!(segue.post(&signal, &json!({ "token": SECRET })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
    job
}

async fn recording(segue: &Orchestrator, job: &str, query: &str) -> String {
    let (status, text) = segue.get(&format!("/api/jobs/{job}/recording{query}")).await;
    assert_eq!(status, 200, "{text}");
    text.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_and_a_failed_job_replay_to_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), PIPELINE, &stub.url, None).await;
    for fails in [false, true] {
        let job = job(&segue, &mut stub, if fails { "bad" } else { "good" }, fails).await;
        for query in ["", "?redact=payloads"] {
            let text = recording(&segue, &job, query).await;
            assert!(!text.contains(SECRET), "a secret is in the recording: {text}");
            assert!(!text.contains("\"token\":\"v1"), "no token of ours");
            assert_eq!(text.contains("plainly"), query.is_empty(), "{text}");
            let read = Recording::read(&text).unwrap();
            let replayed = replay(&read).unwrap();
            assert_eq!(replayed.differences, [""; 0]);
            assert_eq!(replayed.frames.len(), read.events.len());
            assert!(
                replayed
                    .frames
                    .iter()
                    .any(|frame| frame.changes.iter().any(|change| change.starts_with("cut: ")))
            );
            assert_eq!(read.rejected.len(), usize::from(!fails));
            if query.is_empty()
                && let Ok(version) = std::env::var("NEW_RECORDINGS")
            {
                let to = test_data().join(version);
                std::fs::create_dir_all(&to).unwrap();
                std::fs::write(to.join(format!("{}.jsonl", read.head.key)), &text).unwrap();
            }
        }
    }
}

#[test]
fn recordings_of_every_version_replay() {
    let mut found = 0;
    for version in std::fs::read_dir(test_data()).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let read = Recording::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(replay(&read).unwrap().differences, [""; 0], "{}", path.display());
            found += 1;
        }
    }
    assert!(found >= 2, "{found}");
}

#[test]
fn what_is_torn_changed_or_no_recording_is_refused() {
    let text = std::fs::read_to_string(test_data().join("v1/good.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n");
    for torn in [without(lines.len() - 1), without(1), without(6), text[..text.len() / 2].to_owned()] {
        assert!(Recording::read(&torn).is_err());
    }
    for strange in ["", "hello", "{}", "{\"segueRecording\":99}", "[1]"] {
        assert!(Recording::read(strange).is_err(), "{strange}");
    }
    let later = text.replacen("\n{\"at\"", "\n{\"somethingNew\":1}\n{\"at\"", 1);
    assert!(Recording::read(&later).is_ok(), "lines of a later kind are passed over");
    let changed = text.replacen("\"attemptFailed\"", "\"attemptSucceeded\"", 1).replacen(
        "\"error\":{",
        "\"output\":1,\"stats\":{",
        1,
    );
    let differs = Recording::read(&changed)
        .is_ok_and(|read| replay(&read).is_ok_and(|replayed| replayed.differences.is_empty()));
    assert!(!differs, "a changed event is noticed");
}

async fn ask(offline: &Offline, method: &str, path: &str) -> (u16, String) {
    let request = axum::http::Request::builder().method(method).uri(path).header("host", "127.0.0.1");
    let response = offline.answer(request.body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_recording_is_shown_at_each_of_its_frames() {
    let text = std::fs::read_to_string(test_data().join("v1/good.jsonl")).unwrap();
    let blob = b"la la la";
    let hash = blake3::hash(blob).to_hex();
    let (start, end) = text.trim_end().rsplit_once('\n').unwrap();
    let read = Recording::read(&format!("{start}\n{}{end}\n", content_line(&hash, blob))).unwrap();
    let (job, last) = (read.head.job_id, read.events.len());
    let folder = tempfile::tempdir().unwrap();
    let offline = Offline::open(read, folder.path()).unwrap();
    assert!(folder.path().join("artifacts").join(&hash[..2]).join(&hash[2..]).exists());
    let (status, page) = ask(&offline, "GET", "/at/3/").await;
    assert_eq!(status, 200);
    assert!(page.contains("dashboard/js/main.js") && page.contains("dashboard/js/replay.js"));
    for (frame, state) in [(1, "running"), (last - 1, "running"), (last, "complete")] {
        let (status, body) = ask(&offline, "GET", &format!("/at/{frame}/api/jobs/{job}")).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"], &body["events"]), (200, &json!(state), &json!(frame)), "{body}");
    }
    for path in ["events", "why", "artifacts", "recording"] {
        assert_eq!(ask(&offline, "GET", &format!("/at/{last}/api/jobs/{job}/{path}")).await.0, 200, "{path}");
    }
    for path in ["api/pipelines", "api/services", "api/jobs?limit=5", "dashboard/js/replay.js"] {
        assert_eq!(ask(&offline, "GET", &format!("/at/{last}/{path}")).await.0, 200, "{path}");
    }
    let (_, refused) = ask(&offline, "GET", &format!("/at/{last}/api/callbacks?job={job}")).await;
    assert!(refused.contains("conflicting-outcome"), "{refused}");
    assert_eq!(ask(&offline, "POST", &format!("/at/{last}/api/jobs/{job}/cancel")).await.0, 405);
    assert_eq!(ask(&offline, "GET", &format!("/at/{}/api/jobs", last + 1)).await.0, 404);
    assert_eq!(ask(&offline, "GET", "/").await.0, 307);
    let (_, frames) = ask(&offline, "GET", "/at/2/replay.json").await;
    let frames: Value = serde_json::from_str(&frames).unwrap();
    assert_eq!(
        (&frames["frame"], frames["recording"]["frames"].as_array().unwrap().len()),
        (&json!(2), last)
    );
}
