//! Callbacks that changed nothing are kept, shown, and applied or dropped by an operator.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

use serde_json::{Value, json};

use crate::support::{Orchestrator, call, call_back, service};

const TWO: &str = "name='course'\nroute='courses'\nkey='courseCode'\n[[phase]]\nid='a'\nalias=['1']\nservice='stub'\n\
    retry={attempts=3,backoff='1ms'}\n[[phase]]\nid='b'\nalias=['2']\nservice='stub'\nafter=['a']";

async fn kept(segue: &Orchestrator, query: &str) -> Vec<Value> {
    let (status, list) = segue.get(&format!("/api/callbacks{query}")).await;
    assert_eq!(status, 200, "{list}");
    list["callbacks"].as_array().unwrap().clone()
}

async fn apply(segue: &Orchestrator, one: &Value, body: &Value) -> (u16, Value) {
    segue.post(&format!("/api/callbacks/{}/apply", one["id"].as_str().unwrap()), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflicting_callback_is_kept_over_a_restart_and_applied_to_the_run_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    let start = json!({ "pipeline": "course", "key": "spa_for_eng" });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].as_str().unwrap().to_owned();
    let first = stub.next().await;
    assert_eq!(call_back(&first, &json!({ "success": true, "output": { "n": 1 } })).await.0, 200);
    let second = stub.next().await;
    for _ in 0..2 {
        let (status, _) = call_back(&first, &json!({ "success": true, "output": { "n": 2 } })).await;
        assert_eq!(status, 409);
    }
    let listed = kept(&segue, &format!("?job={job}")).await;
    assert_eq!((listed.len(), &listed[0]["code"]), (1, &json!("conflicting-outcome")));
    assert_eq!((&listed[0]["times"], &listed[0]["callback"]["output"]), (&json!(2), &json!({ "n": 2 })));
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, Some(&listen)).await;
    let listed = kept(&segue, "").await;
    // Its run is through: nothing is under way that it could be the outcome of.
    let (status, problem) = apply(&segue, &listed[0], &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not-now")), "{problem}");
    assert_eq!(segue.post(&format!("/api/jobs/{job}/rerun?from=a"), &json!({})).await.0, 200);
    let (status, applied) = apply(&segue, &listed[0], &json!({})).await;
    assert_eq!((status, &applied["applied"]), (200, &json!(true)), "{applied}");
    assert_eq!(kept(&segue, "").await.len(), 0);
    loop {
        let start = stub.next().await;
        if start["phase"] == "b" && start["attemptId"] != second["attemptId"] {
            assert_eq!(start["upstream"]["a"]["output"], json!({ "n": 2 }));
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superseded_callback_is_applied_to_the_attempt_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    let start = json!({ "pipeline": "course", "key": "spa_for_eng" });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].as_str().unwrap().to_owned();
    let late = stub.next().await;
    assert_eq!(segue.post(&format!("/api/jobs/{job}/rerun?from=a"), &json!({})).await.0, 200);
    let current = stub.next().await;
    let (status, problem) = call_back(&late, &json!({ "success": true, "output": "late" })).await;
    assert_eq!((status, &problem["currentAttempt"]), (409, &current["attemptId"]), "{problem}");
    let listed = kept(&segue, "").await;
    let (status, applied) = apply(&segue, &listed[0], &json!({})).await;
    assert_eq!((status, &applied["applied"]), (200, &json!(true)), "{applied}");
    let next = stub.next().await;
    assert_eq!((&next["phase"], &next["upstream"]["a"]["output"]), (&json!("b"), &json!("late")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_that_came_too_late_is_applied_to_the_job_that_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let once = TWO.replace("attempts=3", "attempts=2");
    let segue = Orchestrator::start(folder.path(), &once, &stub.url, None).await;
    let start = json!({ "pipeline": "course", "key": "spa_for_eng" });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].as_str().unwrap().to_owned();
    let first = stub.next().await;
    let failure =
        json!({ "success": false, "error": { "code": "lost", "message": "lost", "retryable": true } });
    assert_eq!(call_back(&first, &failure).await.0, 200);
    assert_eq!(call_back(&stub.next().await, &failure).await.0, 200);
    let seen = segue.get(&format!("/api/jobs/{job}?wait=30s")).await.1;
    assert_eq!(seen["status"], "error", "{seen}");
    assert_eq!(call_back(&first, &json!({ "success": true, "output": "found again" })).await.0, 409);
    assert_eq!(
        call_back(&first, &json!({ "success": false, "error": { "code": "b", "message": "b" } })).await.0,
        409
    );
    let listed = kept(&segue, "").await;
    let (status, problem) = apply(&segue, &listed[0], &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not-now")), "a failure: {problem}");
    let (status, applied) = apply(&segue, &listed[1], &json!({})).await;
    assert_eq!((status, &applied["applied"]), (200, &json!(true)), "{applied}");
    let next = stub.next().await;
    assert_eq!((&next["phase"], &next["upstream"]["a"]["output"]), (&json!("b"), &json!("found again")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_of_nobody_is_applied_where_the_operator_says_or_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    let start = json!({ "pipeline": "course", "key": "spa_for_eng" });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].clone();
    stub.next().await;
    for code in ["ita_for_eng", "fra_for_eng"] {
        let body = json!({ "phase": 1, "courseCode": code, "success": true, "stats": { "n": 1 } });
        assert_eq!(segue.post("/phase-complete", &body).await.0, 404);
    }
    let listed = kept(&segue, "").await;
    let codes: Vec<&Value> = listed.iter().map(|one| &one["names"]["courseCode"]).collect();
    assert_eq!(codes, [&json!("fra_for_eng"), &json!("ita_for_eng")]);
    assert_eq!(apply(&segue, &listed[0], &json!({})).await.0, 422);
    assert_eq!(apply(&segue, &listed[0], &json!({ "jobId": job })).await.0, 200);
    assert_eq!(stub.next().await["phase"], "b");
    let drop = format!("/api/callbacks/{}/drop", listed[1]["id"].as_str().unwrap());
    assert_eq!(segue.post(&drop, &json!({})).await.0, 200);
    assert_eq!(segue.post(&drop, &json!({})).await.1["code"], "unknown-callback");
    assert_eq!(kept(&segue, "").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_strangers_and_of_a_malformed_callback_a_note_without_its_body_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    let start = json!({ "pipeline": "course", "key": "spa_for_eng" });
    let job = segue.post("/api/jobs", &start).await.1["jobId"].clone();
    let first = stub.next().await;
    let (url, token) = (first["callback"]["url"].as_str().unwrap(), first["callback"]["token"].as_str());
    let forged =
        json!({ "jobId": job, "attemptId": first["attemptId"], "success": true, "output": "forged" });
    for _ in 0..2 {
        assert_eq!(call("POST", url, forged.to_string().into_bytes(), Some("wrong")).await.0, 401);
    }
    assert_eq!(call("POST", url, b"{\"success\": \"private\"".to_vec(), token).await.0, 400);
    let notes = kept(&segue, "").await;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!((&notes[0]["code"], &notes[0]["attemptId"]), (&json!("malformed-json"), &first["attemptId"]));
    assert_eq!(
        (&notes[1]["code"], &notes[1]["times"], &notes[1]["jobId"]),
        (&json!("wrong-token"), &json!(2), &job)
    );
    let shown = json!(notes).to_string();
    assert!(
        !shown.contains("forged") && !shown.contains("private") && !shown.contains(token.unwrap()),
        "{shown}"
    );
    let (status, problem) = apply(&segue, &notes[1], &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not-now")), "{problem}");
    for one in &notes {
        let drop = format!("/api/callbacks/{}/drop", one["id"].as_str().unwrap());
        assert_eq!(segue.post(&drop, &json!({})).await.0, 200);
    }
    assert_eq!(kept(&segue, "").await.len(), 0);
}
