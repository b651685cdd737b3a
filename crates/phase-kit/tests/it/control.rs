//! Steering a running attempt: pause, cancel, progress, and what it tells when asked.

use phase_kit::{
    PhaseError, Success, Timing,
    testing::{FakeOrchestrator, ServiceHost, within},
};
use protocol::{CallbackStatus, Code};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Scripted, echo, endless, quick, service};

#[tokio::test]
async fn pause_gives_a_checkpoint() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|ctx, _| async move {
        ctx.pausing().await;
        assert!(ctx.pause_requested());
        Err(PhaseError::paused(&json!({ "seed": 120 })))
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let pause = format!("{}/pause/{}", host.url(), request.attempt_id);
    for _ in 0..2 {
        assert_eq!(fake.post(&pause, &json!({})).await, (200, json!({ "checkpoint": { "seed": 120 } })));
    }
    let (_, status) = fake.get(&format!("{}/status/{}", host.url(), request.attempt_id)).await;
    assert_eq!((&status["state"], &status["callback"]["status"]), (&json!("done"), &json!("paused")));
    host.stop().await;
    assert!(fake.callbacks().is_empty(), "whoever asked has the checkpoint");
}

#[tokio::test]
async fn a_phase_that_pauses_by_itself_calls_back() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|_, _| async move { Err(PhaseError::paused(&json!(3))) });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let callback = fake.accepted(request.attempt_id).await;
    assert_eq!(
        (callback.status, callback.checkpoint.expect("a checkpoint").get()),
        (CallbackStatus::Paused, "3")
    );
}

#[tokio::test]
async fn a_phase_that_cannot_pause_goes_on() {
    let fake = FakeOrchestrator::start().await;
    let timing = Timing { pause_patience: std::time::Duration::from_millis(20), ..quick() };
    let host = ServiceHost::start(service(endless()).timing(timing).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let (status, body) = fake.post(&format!("{}/pause/{}", host.url(), request.attempt_id), &json!({})).await;
    assert_eq!((status, &body["code"]), (409, &json!("not-now")));
    let (_, status) = fake.get(&format!("{}/status/{}", host.url(), request.attempt_id)).await;
    assert_eq!(status["state"], "running");
}

#[tokio::test]
async fn cancel_stops() {
    let fake = FakeOrchestrator::start().await;
    let (stopped, mut stops) = mpsc::channel(1);
    let phase = Scripted::new(move |ctx, _| {
        let stopped = stopped.clone();
        async move {
            ctx.cancelled().await;
            stopped.send(()).await.expect("the test waits");
            ctx.go_on()?;
            Ok(Success::new(json!("never")))
        }
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let cancel = format!("{}/cancel/{}", host.url(), request.attempt_id);
    assert_eq!(fake.post(&cancel, &json!({})).await, (200, json!({ "cancelled": true })));
    within("the phase's end", stops.recv()).await.expect("stopped");
    host.stop().await;
    assert!(fake.callbacks().is_empty(), "the orchestrator knows: it cancelled");
}

#[tokio::test]
async fn a_phase_that_ignores_a_cancel_is_dropped() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|_, _| std::future::pending());
    let timing = Timing { cancel_grace: std::time::Duration::from_millis(10), ..quick() };
    let host = ServiceHost::start(service(phase).timing(timing).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    assert_eq!(
        fake.post(&format!("{}/abort", host.url()), &json!({ "courseCode": "spa_for_eng" })).await.0,
        200
    );
    assert_eq!(fake.accepted(request.attempt_id).await.status, CallbackStatus::Cancelled);
}

#[tokio::test]
async fn progress_is_coalesced() {
    let fake = FakeOrchestrator::start().await;
    let (go, gone) = mpsc::channel::<()>(1);
    let gone = std::sync::Arc::new(tokio::sync::Mutex::new(gone));
    let phase = Scripted::new(move |ctx, _| {
        let gone = std::sync::Arc::clone(&gone);
        async move {
            for done in 1..=10_000 {
                ctx.progress(done, 10_000, "seeds", "");
            }
            gone.lock().await.recv().await;
            Ok(Success::new(json!(null)))
        }
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    fake.until("the last progress", |fake| {
        fake.progress().into_iter().find(|(_, one)| one.done == Some(10_000))
    })
    .await;
    let sent = fake.progress();
    assert!(sent.len() <= 3, "{} calls for 10,000", sent.len());
    assert!(sent.iter().all(|(attempt, _)| *attempt == request.attempt_id));
    let (_, status) = fake.get(&format!("{}/status/{}", host.url(), request.attempt_id)).await;
    assert_eq!((&status["state"], &status["progress"]["done"]), (&json!("running"), &json!(10_000)));
    drop(go);
    fake.accepted(request.attempt_id).await;
}

#[tokio::test]
async fn a_silent_phase_gives_signs_of_life() {
    let fake = FakeOrchestrator::start().await;
    let timing = Timing { heartbeat: std::time::Duration::from_millis(5), ..quick() };
    let host = ServiceHost::start(service(endless()).timing(timing).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    fake.until("three signs of life", |fake| (fake.progress().len() >= 3).then_some(())).await;
}

#[tokio::test]
async fn an_attempt_that_is_over_is_not_worked_on() {
    let fake = FakeOrchestrator::start().await;
    fake.refuse_progress(Code::Superseded);
    let phase = Scripted::new(|ctx, _| async move {
        ctx.progress(1, 2, "", "");
        ctx.cancelled().await;
        Err(PhaseError::Cancelled)
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let status = format!("{}/status/{}", host.url(), request.attempt_id);
    within("the attempt's end", async { while fake.get(&status).await.1["state"] != "done" {} }).await;
    host.stop().await;
    assert!(fake.callbacks().is_empty());
}

#[tokio::test]
async fn what_is_not_known_is_said_so() {
    let fake = FakeOrchestrator::start().await;
    let host = ServiceHost::start(service(echo()).build().expect("a service"));
    let attempt = fake.request("work", &json!({})).attempt_id;
    let url = host.url();
    assert_eq!(fake.get(&format!("{url}/status/{attempt}")).await, (200, json!({ "state": "unknown" })));
    assert_eq!(fake.get(&format!("{url}/status/deu_for_eng")).await.0, 404);
    assert_eq!(fake.post(&format!("{url}/cancel/{attempt}"), &json!({})).await.1["code"], "unknown-attempt");
    assert_eq!(fake.get(&format!("{url}/nothing")).await.1["code"], "not-found");
    assert_eq!(fake.get(&format!("{url}/start")).await.1["code"], "method-not-allowed");
}
