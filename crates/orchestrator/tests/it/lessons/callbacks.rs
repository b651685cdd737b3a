//! Section 4A: callbacks that race, come twice, early or late.

use serde_json::json;

use super::{count, kinds, start};
use crate::{
    support::{Orchestrator, call_back, service},
    talking::talking,
};

const ONE: &str = "name='one'\n[[phase]]\nid='work'\nservice='stub'\nretry={attempts=2,backoff='1ms'}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_1_a_callback_before_the_202_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let heard = stub.next().await;
    let (status, answer) = call_back(&heard.body, &json!({ "success": true })).await;
    assert_eq!((status, &answer["accepted"]), (200, &json!(true)), "the 202 is not even sent");
    heard.answer(202, "");
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_3_a_start_says_all_that_its_callback_needs() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let begun = stub.next().await;
    assert_eq!(
        (&begun["jobId"], &begun["phase"], &begun["attempt"]),
        (&json!(job), &json!("work"), &json!(1))
    );
    for pointer in ["/attemptId", "/callback/url", "/callback/progressUrl", "/callback/token", "/deadline"] {
        assert!(begun.pointer(pointer).is_some_and(serde_json::Value::is_string), "{pointer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_4_a_callback_right_after_the_start_survives_a_crash_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let heard = stub.next().await;
    // It has the token; the 202 is never seen.
    let listen = segue.kill().await;
    let begun = heard.answer(202, "");
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, Some(&listen)).await;
    assert_eq!(call_back(&begun, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_5_a_callback_is_taken_whatever_the_job_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let two = "name='two'\n[[phase]]\nid='a'\nservice='stub'\n[[phase]]\nid='b'\nservice='stub'";
    let segue = Orchestrator::start(folder.path(), two, &stub.url, None).await;
    let job = start(&segue, "two").await;
    let (first, second) = (stub.next().await, stub.next().await);
    assert_eq!(segue.post(&format!("/api/jobs/{job}/pause"), &json!({})).await.0, 200);
    for begun in [second, first] {
        assert_eq!(call_back(&begun, &json!({ "success": true })).await.0, 200, "also while it is paused");
    }
    segue.post(&format!("/api/jobs/{job}/resume"), &json!({})).await;
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_6_what_was_answered_is_there_for_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    for key in ["a", "b", "c", "d", "e"] {
        let job = super::start_key(&segue, "one", key).await;
        assert_eq!(segue.get(&format!("/api/jobs/{job}")).await.0, 200);
        assert_eq!(segue.get(&format!("/api/jobs?key={key}")).await.1["jobs"][0]["jobId"], job.as_str());
        assert_eq!(call_back(&stub.next().await, &json!({ "success": true })).await.0, 200);
        assert_eq!(segue.get(&format!("/api/jobs/{job}")).await.1["status"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_8_a_loop_has_no_moment_without_a_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let turns = "name='turns'\n[[phase]]\nid='a'\nservice='stub'\n[[phase]]\nid='b'\nservice='stub'\nafter=['a']\n\
        [[loop]]\nid='again'\nphases=['a','b']\nuntil='b.output.done'\nmax=9";
    let segue = Orchestrator::start(folder.path(), turns, &stub.url, None).await;
    let job = start(&segue, "turns").await;
    for turn in 1..=5 {
        for id in ["a", "b"] {
            let heard = stub.next().await;
            assert_eq!(heard.body["phase"], id);
            // As early as can be, and while the next turn is being made.
            let done = json!({ "success": true, "output": { "done": turn == 5 } });
            assert_eq!(call_back(&heard.body, &done).await.0, 200);
            heard.answer(202, "");
        }
    }
    assert_eq!(segue.over(&job).await["status"], "complete");
    assert_eq!(count(&segue, &job, "attemptSucceeded").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_9_a_signal_before_its_wait_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let waits = "name='waits'\n[[phase]]\nid='a'\nservice='stub'\n[[phase]]\nid='ask'\nafter=['a']\n\
        wait={signal='go',timeout='1h'}";
    let segue = Orchestrator::start(folder.path(), waits, &stub.url, None).await;
    let job = start(&segue, "waits").await;
    let begun = stub.next().await;
    let (status, answer) =
        segue.post(&format!("/api/jobs/{job}/signals/go"), &json!({ "payload": { "yes": true } })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(call_back(&begun, &json!({ "success": true })).await.0, 200);
    assert_eq!(segue.over(&job).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_10_a_callback_that_is_delivered_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let begun = stub.next().await;
    let done = json!({ "success": true, "output": { "n": 1 } });
    assert_eq!(call_back(&begun, &done).await.0, 200);
    let before = kinds(&segue, &job).await;
    let listen = segue.kill().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, Some(&listen)).await;
    assert_eq!(call_back(&begun, &done).await.1["duplicate"], json!(true), "also after a restart");
    assert_eq!(kinds(&segue, &job).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_13_the_same_callback_many_times_at_once_is_accepted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let chain =
        "name='chain'\n[[phase]]\nid='a'\nservice='stub'\n[[phase]]\nid='b'\nservice='stub'\nafter=['a']";
    let segue = Orchestrator::start(folder.path(), chain, &stub.url, None).await;
    let job = start(&segue, "chain").await;
    let begun = stub.next().await;
    let done = json!({ "success": true });
    let answers = futures::future::join_all((0..20).map(|_| call_back(&begun, &done))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, answer)| answer["accepted"] == json!(true)).count(), 1);
    assert_eq!(stub.next().await["phase"], "b");
    assert_eq!(count(&segue, &job, "attemptStarted").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_17_a_late_callback_is_told_who_came_after_and_lesson_4_29_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let late = stub.next().await;
    segue.post(&format!("/api/jobs/{job}/rerun?from=work"), &json!({})).await;
    let current = stub.next().await;
    let before = kinds(&segue, &job).await;
    let (status, problem) = call_back(&late, &json!({ "success": true, "output": "stale" })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("superseded")));
    assert_eq!(problem["currentAttempt"], current["attemptId"]);
    assert_eq!(kinds(&segue, &job).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lesson_4_18_the_attempt_before_is_cancelled_at_its_service() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = talking().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let job = start(&segue, "one").await;
    let first = stub.accept().await;
    segue.post(&format!("/api/jobs/{job}/rerun?from=work"), &json!({})).await;
    let cancelled = stub.wait_for("POST /cancel/").await;
    assert_eq!(cancelled.what, format!("POST /cancel/{}", first["attemptId"].as_str().unwrap()));
    cancelled.answer(200, "{}");
}
