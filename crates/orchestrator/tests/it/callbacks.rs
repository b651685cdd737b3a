//! The callback table, row by row, over real HTTP; the join; what a crash leaves.

use futures::StreamExt;
use serde_json::json;

use crate::support::{Orchestrator, call, call_back, service};

const ONE: &str = "name='one'\n[[phase]]\nid='work'\nservice='stub'\nretry={attempts=2,backoff='1ms'}";
const COURSE: &str = "name='course'\nroute='courses'\nkey='courseCode'\n[[phase]]\nid='five'\nalias=['5','phase5']\nservice='stub'\n\
    [[phase]]\nid='six'\nalias=['6','phase6']\nservice='stub'\n[[phase]]\nid='seven'\nalias=['7']\nservice='stub'\nafter=['five','six']";

/// What is refused at a start.
const CHECKS: &str = "\n[[check]]\nthat='key.matches(\"^[a-z]{3}_for_[a-z]{3}$\")'\nat='/courseCode'\n\
    code='unsupported-language'\nmessage='such as spa_for_eng'\n\
    [[check]]\nthat='!has(input.seeds) || size(input.seeds) > 0'\nat='/seeds'\ncode='empty-seeds'\nmessage='some'\n\
    [[check]]\nthat='!has(input.totalSeeds) || input.totalSeeds < 1000'\nat='/totalSeeds'\ncode='too-many-seeds'\n\
    message='fewer'\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_callback_table_has_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let (status, started) = segue.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    assert_eq!(status, 201, "{started}");
    let start = stub.next().await;
    let failed = json!({ "success": false, "error": { "code": "x", "message": "y", "retryable": true } });
    assert_eq!(call_back(&start, &failed).await.0, 200);
    let second = stub.next().await;
    let done = json!({ "success": true, "output": { "n": 1 } });
    // not JSON, wrong type, too large
    let url = second["callback"]["url"].as_str().unwrap();
    let token = second["callback"]["token"].as_str();
    let (status, problem) = call("POST", url, b"{\"success\": tru}".to_vec(), token).await;
    assert_eq!((status, &problem["code"], &problem["line"]), (400, &json!("malformed-json"), &json!(1)));
    let (status, problem) = call("POST", url, b"{\"success\": \"yes\"}".to_vec(), token).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/success")));
    let (status, problem) = call("POST", url, vec![b' '; 1024 * 1024 + 1], token).await;
    assert_eq!((status, &problem["code"]), (413, &json!("payload-too-large")));
    // wrong or missing token
    let mut forged = done.clone();
    forged["attemptId"] = second["attemptId"].clone();
    assert_eq!(call("POST", url, forged.to_string().into_bytes(), None).await.0, 401);
    assert_eq!(call("POST", url, done.to_string().into_bytes(), Some("forged")).await.0, 401);
    // first, again, otherwise, and one of an attempt that was retried
    let (status, answer) = call_back(&second, &done).await;
    assert_eq!((status, &answer["accepted"]), (200, &json!(true)));
    let (status, answer) = call_back(&second, &done).await;
    assert_eq!((status, &answer["duplicate"]), (200, &json!(true)));
    let (status, problem) = call_back(&second, &json!({ "success": true, "output": { "n": 2 } })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflicting-outcome")));
    assert_eq!(problem["outcome"]["output"], json!({ "n": 1 }));
    let (status, problem) = call_back(&start, &done).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflicting-outcome")));
    let (status, problem) = segue.get("/api/jobs/00000000-0000-7000-8000-000000000000").await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown-job")));
    let job = started["jobId"].as_str().unwrap();
    assert_eq!(segue.over(job).await["status"], "complete");
    assert_eq!(stub.waiting(), 0, "nothing was started twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_callback_arriving_first_still_starts_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    let (status, answer) = segue.post("/api/courses/spa_for_eng/start-phase", &json!({ "phase": 5 })).await;
    assert_eq!((status, &answer["success"]), (202, &json!(true)), "{answer}");
    let (first, second) = (stub.next().await, stub.next().await);
    assert_eq!((&first["courseCode"], &second["courseCode"]), (&json!("spa_for_eng"), &json!("spa_for_eng")));
    let six = json!({ "phase": "phase6", "courseCode": "spa_for_eng", "success": true, "status": "complete",
                      "stats": { "introductionsGenerated": 3 } });
    let (status, answer) = segue.post("/phase-complete", &six).await;
    assert_eq!((status, &answer["acknowledged"]), (200, &json!(true)));
    let five = json!({ "phase": 5, "courseCode": "spa_for_eng", "status": "complete" });
    assert_eq!(segue.post("/phase-complete", &five).await.0, 200);
    assert_eq!(stub.next().await["phase"], "seven");
    assert_eq!(segue.post("/phase-complete", &five).await.1["duplicate"], json!(true));
    let (_, status) = segue.get("/api/courses/spa_for_eng/status").await;
    assert_eq!((&status["status"], &status["currentPhase"]), (&json!("running"), &json!("seven")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_callbacks_of_a_join_at_the_same_instant_fire_it_once() {
    const JOBS: usize = 1_000;
    // As many pairs at a time, so that a machine's limit of open files is enough.
    const PAIRS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    let letter = |n: usize| char::from(b"abcdefghij"[n % 10]);
    let keys = (0..JOBS).map(|n| format!("aaa_for_{}{}{}", letter(n / 100), letter(n / 10), letter(n)));
    let starts = keys.map(|key| {
        let body = json!({ "pipeline": "course", "key": key });
        let segue = &segue;
        async move { segue.post("/api/jobs", &body).await.0 }
    });
    let started: Vec<u16> = futures::stream::iter(starts).buffer_unordered(PAIRS).collect().await;
    assert!(started.iter().all(|status| *status < 300));
    let mut pairs = std::collections::BTreeMap::<String, Vec<serde_json::Value>>::new();
    for _ in 0..2 * JOBS {
        let start = stub.next().await;
        pairs.entry(start["jobId"].as_str().unwrap().to_owned()).or_default().push(start);
    }
    let calls = pairs.into_values().map(|pair| async move {
        let success = json!({ "success": true });
        let (one, other) = futures::join!(call_back(&pair[0], &success), call_back(&pair[1], &success));
        (one.0, other.0)
    });
    let answers: Vec<(u16, u16)> = futures::stream::iter(calls).buffer_unordered(PAIRS).collect().await;
    assert!(answers.iter().all(|pair| *pair == (200, 200)));
    let mut manifests = std::collections::BTreeSet::new();
    for _ in 0..JOBS {
        let start = stub.next().await;
        assert_eq!(start["phase"], "seven");
        assert!(manifests.insert(start["jobId"].as_str().unwrap().to_owned()), "a join fired twice");
    }
    assert_eq!((manifests.len(), stub.waiting()), (JOBS, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_the_attempt_is_offered_again_under_its_key_and_the_old_token_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    let (_, started) = segue.post("/api/jobs", &json!({ "pipeline": "course", "key": "spa_for_eng" })).await;
    let job = started["jobId"].as_str().unwrap().to_owned();
    let (five, six) = (stub.next().await, stub.next().await);
    assert_eq!(call_back(&five, &json!({ "success": true })).await.0, 200);
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, Some(&listen)).await;
    // What was acknowledged is there; what was not is offered again, or asked about where its 202 was noted.
    assert_eq!(call_back(&five, &json!({ "success": true })).await.1["duplicate"], json!(true));
    assert_eq!(call_back(&six, &json!({ "success": true })).await.0, 200);
    let seven = loop {
        let start = stub.next().await;
        if start["phase"] == "seven" {
            break start;
        }
        assert_eq!(start["attemptId"], six["attemptId"], "offered again under the same key");
    };
    assert_eq!(call_back(&seven, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_starts_are_refused_with_a_code_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), &format!("{COURSE}{CHECKS}"), &stub.url, None).await;
    let start = "/api/courses/spa_for_eng/start-phase";
    for (path, body, status, code) in [
        (start, json!({}), 422, "invalid-field"),
        (start, json!({ "phase": 99 }), 422, "unknown-phase"),
        (start, json!({ "phase": 7 }), 400, "prerequisites-missing"),
        (start, json!({ "phase": 5, "seeds": [] }), 422, "empty-seeds"),
        (start, json!({ "phase": 5, "totalSeeds": 100_000 }), 422, "too-many-seeds"),
        ("/api/courses/klingon/start-phase", json!({ "phase": 5 }), 422, "unsupported-language"),
        ("/api/films/x/start-phase", json!({ "phase": 5 }), 404, "unknown-route"),
        ("/api/jobs", json!({ "pipeline": "nope" }), 404, "unknown-pipeline"),
        ("/api/jobs", json!({ "pipeline": "course", "key": "a/b" }), 422, "invalid-field"),
        ("/api/services/nope/stop", json!({}), 404, "unknown-service"),
        ("/nowhere", json!({}), 404, "not-found"),
    ] {
        let (got, problem) = segue.post(path, &body).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{path} {body}: {problem}");
    }
    let (_, page) = segue.get("/api/jobs").await;
    assert_eq!(page["jobs"], json!([]), "nothing was started");
    assert_eq!(segue.core.attempts().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_many_events_goes_on_from_its_snapshot() {
    const ITEMS: usize = 200;
    let mapped =
        "name = \"mapped\"\n[[phase]]\nid = \"each\"\nservice = \"stub\"\nmap = { over = \"input.items\" }\n";
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), mapped, &stub.url, None).await;
    let items: Vec<usize> = (0..ITEMS).collect();
    let body = json!({ "pipeline": "mapped", "key": "many", "input": { "items": items } });
    let (_, started) = segue.post("/api/jobs", &body).await;
    let job = started["jobId"].as_str().unwrap().to_owned();
    for _ in 1..ITEMS {
        let start = stub.next().await;
        assert_eq!(call_back(&start, &json!({ "success": true })).await.0, 200);
    }
    let last = stub.next().await;
    let (id, journal) = (job.parse().unwrap(), segue.core.journal().clone());
    let kept = async {
        loop {
            let stored = journal.load(id).await.unwrap().unwrap();
            if let Some(snapshot) = stored.snapshot {
                return (snapshot.events, stored.events.len());
            }
        }
    };
    let (before, after) = tokio::time::timeout(std::time::Duration::from_secs(30), kept).await.unwrap();
    assert!(before >= 256 && after < 400, "{before} events in the snapshot, {after} after it");
    drop(journal);
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), mapped, &stub.url, Some(&listen)).await;
    assert_eq!(call_back(&last, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
}
