//! Sections 4B to 4E: what hung for ever, was done twice, or could not be seen.

use serde_json::{Value, json};

use super::{count, kinds, phase, progress, start, start_key, until};
use crate::{
    support::{Orchestrator, Setup, call_back, service},
    talking::talking,
};

const ONE: &str = "name='one'\n[[phase]]\nid='work'\nservice='stub'\nretry={attempts=2,backoff='1ms'}";
const BEATS: &str =
    "name='beats'\n[[phase]]\nid='work'\nservice='stub'\nheartbeat='100ms'\nretry={attempts=2,backoff='1ms'}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_19_and_4_34_after_a_restart_live_work_is_asked_about_and_not_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let begun = stub.accept().await;
    until(async || kinds(&segue, &job).await.iter().any(|kind| kind == "attemptAccepted")).await;
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, Some(&listen)).await;
    let asked = stub.next().await;
    assert_eq!(asked.what, format!("GET /status/{}", begun["attemptId"].as_str().unwrap()));
    asked.answer(200, r#"{"state":"running"}"#);
    assert_eq!(call_back(&begun, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
    assert!(!stub.waiting().iter().any(|what| what == "POST /start"), "nothing was started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_21_and_4_51_progress_is_shown_and_does_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let begun = stub.next().await;
    until(async || kinds(&segue, &job).await.iter().any(|kind| kind == "attemptAccepted")).await;
    let before = kinds(&segue, &job).await;
    let said = json!({ "done": 3, "total": 10, "unit": "pages", "message": "at page 3" });
    assert_eq!(progress(&begun, &said).await.0, 200);
    let shown = phase(&segue, &job, "work").await;
    assert_eq!((&shown["status"], &shown["progress"]), (&json!("running"), &said), "{shown}");
    assert_eq!(kinds(&segue, &job).await, before, "no event, no second start");
    assert_eq!(stub.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_25_a_lost_202_is_asked_again_under_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let heard = stub.next().await;
    let key = heard.idempotency_key.clone();
    let first = heard.lose();
    let again = stub.next().await;
    assert_eq!((again.what.as_str(), &again.idempotency_key), ("POST /start", &key));
    let second = again.answer(202, "");
    assert_eq!((&first["attemptId"], &second["attempt"]), (&second["attemptId"], &json!(1)));
    assert_eq!(call_back(&first, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_27_silence_that_nobody_explains_uses_up_the_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), BEATS, &stub.url, None).await;
    let job = start(&segue, "beats").await;
    for attempt in 1..=2 {
        // The service forgets it at once: its status is not known.
        assert_eq!(stub.accept().await["attempt"], json!(attempt));
        let asked = stub.wait_for("GET /status/").await;
        asked.answer(200, r#"{"state":"unknown"}"#);
    }
    let over = async {
        loop {
            let heard = stub.next().await;
            let answer = if heard.what.starts_with("GET") { r#"{"state":"unknown"}"# } else { "" };
            heard.answer(200, answer);
        }
    };
    tokio::select! {
        status = segue.over(&job) => assert_eq!(status["status"], "error", "{status}"),
        () = over => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_28_a_silent_attempt_is_suspect_is_asked_and_goes_on_or_is_found_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), BEATS, &stub.url, None).await;
    let job = start(&segue, "beats").await;
    stub.accept().await;
    stub.wait_for("GET /status/").await.answer(200, r#"{"state":"running"}"#);
    // Its callback is lost; asked again, the service has it.
    let done = r#"{"state":"done","callback":{"success":true,"output":{"n":7}}}"#;
    stub.wait_for("GET /status/").await.answer(200, done);
    let over = segue.over(&job).await;
    assert_eq!(over["status"], "complete", "{over}");
    assert_eq!(count(&segue, &job, "attemptStarted").await, 1, "healed without a second attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_30_and_4_33_a_job_that_hangs_is_cancelled_and_its_slot_goes_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let mut setup = Setup::new(folder.path(), ONE, &stub.url);
    setup.services = setup.services.replace("100000", "1");
    let segue = Orchestrator::with(setup).await;
    let hangs = start_key(&segue, "one", "hangs").await;
    // The service does not even answer.
    let silent = stub.next().await;
    let waits = start_key(&segue, "one", "waits").await;
    let (status, answer) = segue.post(&format!("/api/jobs/{hangs}/cancel"), &json!({})).await;
    assert_eq!((status, &answer["status"]), (200, &json!("cancelled")));
    let next = stub.wait_for("POST /start").await.answer(202, "");
    assert_eq!(next["jobId"], waits.as_str());
    let (_, services) = segue.get("/api/services").await;
    assert_eq!(services["services"][0]["running"], json!(1));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_35_what_a_service_refuses_for_good_is_not_tried_again_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    stub.next().await.answer(422, r#"{"detail":"no such voice"}"#);
    let over = segue.over(&job).await;
    assert_eq!((&over["status"], &over["error"]["code"]), (&json!("error"), &json!("refused")));
    assert!(over["error"]["message"].as_str().unwrap().contains("no such voice"), "{over}");
    assert_eq!(count(&segue, &job, "attemptStarted").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_36_when_a_service_was_last_heard_of_stands_beside_its_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    stub.next().await;
    let shown = phase(&segue, &job, "work").await;
    assert!(shown["running"][0]["lastHeard"].is_string(), "{shown}");
    assert!(shown["running"][0]["deadline"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_41_a_start_can_wait_for_the_end_and_lesson_4_50_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let body = json!({ "pipeline": "one", "key": "k" });
    let (_, still) = segue.post("/api/jobs?wait=10ms", &json!({ "pipeline": "one", "key": "slow" })).await;
    assert_eq!(still["status"], "running", "{still}");
    stub.next().await;
    let finish = async {
        let begun = stub.next().await;
        call_back(&begun, &json!({ "success": true })).await
    };
    let ((status, over), _) = tokio::join!(segue.post("/api/jobs?wait=30s", &body), finish);
    assert_eq!((status, &over["status"]), (201, &json!("complete")), "{over}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_52_a_retried_attempt_that_is_well_is_not_shown_as_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let failed = json!({ "success": false, "error": { "code": "x", "message": "y", "retryable": true } });
    assert_eq!(call_back(&stub.next().await, &failed).await.0, 200);
    assert_eq!(stub.next().await["attempt"], json!(2));
    let shown = phase(&segue, &job, "work").await;
    assert_eq!((&shown["status"], &shown["success"]), (&json!("running"), &Value::Null), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_56_the_backlog_is_shown_and_its_intake_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    assert_eq!(segue.post("/api/services/stub/stop", &json!({})).await.0, 200);
    for key in ["a", "b", "c"] {
        start_key(&segue, "one", key).await;
    }
    let (_, services) = segue.get("/api/services").await;
    let shown = &services["services"][0];
    assert_eq!(
        (&shown["queued"], &shown["running"], &shown["stopped"]),
        (&json!(3), &json!(0), &json!(true))
    );
    assert!(shown["reason"].as_str().unwrap().contains("operator"), "{shown}");
    segue.post("/api/services/stub/start", &json!({})).await;
    for _ in 0..3 {
        stub.next().await;
    }
}
