//! Callbacks: sent until they are taken, and not after that.

use std::{sync::Arc, time::Duration};

use phase_kit::{
    PhaseError, Success, Timing,
    testing::{Answer, FakeOrchestrator, ServiceHost, within},
};
use protocol::{CallbackStatus, Code};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Scripted, echo, endless, quick, service, service_in};

#[tokio::test]
async fn callback_is_retried_until_accepted() {
    let fake = FakeOrchestrator::start().await;
    fake.answer_next([Answer::Refuse, Answer::Lose, Answer::Problem(Code::JournalStopped), Answer::Refuse]);
    let host = ServiceHost::start(service(echo()).build().expect("a service"));
    let request = fake.request("work", &json!({ "a": 1 }));
    fake.offer(&host.url(), &request).await;
    fake.accepted(request.attempt_id).await;
    let outputs: Vec<String> = fake
        .callbacks()
        .iter()
        .map(|one| one.callback.output.as_ref().expect("output").get().to_owned())
        .collect();
    assert_eq!(outputs, [r#"{"a":1}"#; 5], "the same result each time");
}

#[tokio::test]
async fn stops_on_superseded() {
    for code in [Code::Superseded, Code::ConflictingOutcome, Code::UnknownAttempt, Code::WrongToken] {
        let fake = FakeOrchestrator::start().await;
        fake.answer_next([Answer::Refuse, Answer::Problem(code)]);
        let host = ServiceHost::start(service(echo()).build().expect("a service"));
        let request = fake.request("work", &json!({}));
        fake.offer(&host.url(), &request).await;
        fake.until("two tries", |fake| (fake.callbacks().len() == 2).then_some(())).await;
        // Without a folder the service ends only when nothing is left to deliver: had it gone on, there would be a third.
        host.stop().await;
        assert_eq!(fake.callbacks().len(), 2, "{code}");
    }
}

#[tokio::test]
async fn a_refused_result_is_reported_as_a_failure() {
    let fake = FakeOrchestrator::start().await;
    fake.answer_next([Answer::Problem(Code::InvalidField)]);
    let host = ServiceHost::start(service(echo()).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("result-refused", false));
}

#[tokio::test]
async fn done_but_undelivered_is_delivered_after_restart() {
    let fake = FakeOrchestrator::start().await;
    fake.answer_next(std::iter::repeat_n(Answer::Refuse, 10_000));
    let folder = tempfile::tempdir().expect("a folder");
    let host = ServiceHost::start(service_in(folder.path(), echo()));
    let request = fake.request("work", &json!({ "a": 1 }));
    fake.offer(&host.url(), &request).await;
    fake.until("a refused callback", |fake| fake.callbacks().first().map(drop)).await;
    host.kill();
    let fake_now = FakeOrchestrator::start().await;
    let moved = folder.path().join("attempts").join(format!("{}.json", request.attempt_id));
    let text = std::fs::read_to_string(&moved).expect("a record").replace(&fake.url(), &fake_now.url());
    std::fs::write(&moved, text).expect("written");
    let phase = Scripted::new(|_, _| async { Err(PhaseError::permanent("ran-again", "it must not")) });
    let _host = ServiceHost::start(service_in(folder.path(), phase));
    let callback = fake_now.accepted(request.attempt_id).await;
    assert_eq!(callback.output.expect("output").get(), r#"{"a":1}"#);
}

#[tokio::test]
async fn an_unfinished_attempt_is_run_again_after_restart() {
    let fake = FakeOrchestrator::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (entered, mut entries) = mpsc::channel(1);
    let phase = Scripted::new(move |_, _| {
        let entered = entered.clone();
        async move {
            entered.send(()).await.expect("the test waits");
            std::future::pending().await
        }
    });
    let host = ServiceHost::start(service_in(folder.path(), phase));
    let request = fake.request("work", &json!({ "a": 1 }));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
    within("the phase", entries.recv()).await.expect("entered");
    host.kill();
    let _host = ServiceHost::start(service_in(folder.path(), echo()));
    let callback = fake.accepted(request.attempt_id).await;
    assert_eq!(callback.output.expect("output").get(), r#"{"a":1}"#);
}

#[tokio::test]
async fn panic_is_a_permanent_failure() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|_, _| async { panic!("no model at {}", 7) });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("panicked", false));
    assert!(error.message.contains("no model at 7"), "{}", error.message);
    let (_, health) = fake.get(&format!("{}/health", host.url())).await;
    assert_eq!(health["running"], 0, "the slot is free again");
}

#[tokio::test]
async fn oversized_result_is_a_permanent_failure_that_points_to_artifacts() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|_, _| async { Ok(Success::new(json!("x".repeat(1024 * 1024)))) });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("result-too-large", false));
    assert!(error.message.contains("artifacts()"), "{}", error.message);
}

#[tokio::test]
async fn a_deadline_ends_the_attempt() {
    let fake = FakeOrchestrator::start().await;
    let now = jiff::Timestamp::from_second(1_000).expect("a time");
    let phase = Scripted::new(|ctx, _| async move {
        ctx.cancelled().await;
        Err(PhaseError::Cancelled)
    });
    let host = ServiceHost::start(service(phase).clock(move || now).build().expect("a service"));
    let mut request = fake.request("work", &json!({}));
    request.deadline = Some(now);
    fake.offer(&host.url(), &request).await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("deadline-exceeded", true));
}

#[tokio::test]
async fn a_stopping_service_lets_running_attempts_end() {
    let fake = FakeOrchestrator::start().await;
    let (go, gone) = mpsc::channel::<()>(1);
    let gone = Arc::new(tokio::sync::Mutex::new(gone));
    let phase = Scripted::new(move |_, _| {
        let gone = Arc::clone(&gone);
        async move {
            gone.lock().await.recv().await;
            Ok(Success::new(json!("finished")))
        }
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    host.tell_to_stop();
    let draining = within("the refusal of a new start", async {
        loop {
            let (status, body) = fake.offer(&host.url(), &fake.request("work", &json!({}))).await;
            if status == 503 {
                return body;
            }
        }
    })
    .await;
    assert_eq!(draining["code"], "shutting-down");
    drop(go);
    host.stop().await;
    let callbacks = fake.callbacks();
    let first =
        callbacks.iter().find(|one| one.callback.attempt_id == Some(request.attempt_id)).expect("delivered");
    assert_eq!(first.callback.status, CallbackStatus::Complete);
}

#[tokio::test]
async fn what_outlasts_the_drain_is_run_again_by_the_next_process() {
    let fake = FakeOrchestrator::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let timing = Timing { drain: Duration::from_millis(10), ..quick() };
    let stubborn = service(endless()).timing(timing).data_dir(folder.path()).build().expect("a service");
    let host = ServiceHost::start(stubborn);
    let request = fake.request("work", &json!("again"));
    fake.offer(&host.url(), &request).await;
    host.stop().await;
    assert!(fake.callbacks().is_empty());
    let _host = ServiceHost::start(service_in(folder.path(), echo()));
    assert_eq!(fake.accepted(request.attempt_id).await.output.expect("output").get(), r#""again""#);
}

#[tokio::test]
async fn what_outlasts_the_drain_without_a_folder_may_be_tried_elsewhere() {
    let fake = FakeOrchestrator::start().await;
    let timing = Timing { drain: Duration::from_millis(10), ..quick() };
    let host = ServiceHost::start(service(endless()).timing(timing).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    host.stop().await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("shutting-down", true));
}

#[tokio::test]
async fn an_attempt_past_its_deadline_is_not_run_again_after_restart() {
    let fake = FakeOrchestrator::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |second| jiff::Timestamp::from_second(second).expect("a time");
    let build =
        |phase, now| service(phase).data_dir(folder.path()).clock(move || now).build().expect("a service");
    let host = ServiceHost::start(build(endless(), at(1000)));
    let mut request = fake.request("work", &json!({}));
    request.deadline = Some(at(2000));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
    host.kill();
    let host = ServiceHost::start(build(echo(), at(2001)));
    let (_, status) = fake.get(&format!("{}/status/{}", host.url(), request.attempt_id)).await;
    assert_eq!(status["state"], "unknown");
    host.stop().await;
    assert!(fake.callbacks().is_empty());
}

#[tokio::test]
async fn a_forgetful_service_writes_nothing_of_an_attempt_and_keeps_its_folder_to_itself() {
    let fake = FakeOrchestrator::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let forgetful = service(echo()).forgetful().data_dir(folder.path()).build().expect("a service");
    let host = ServiceHost::start(forgetful);
    let request = fake.request("work", &json!("once"));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
    fake.accepted(request.attempt_id).await;
    // Within its life it still knows what it has done.
    let status = fake.get(&format!("{}/status/{}", host.url(), request.attempt_id)).await.1;
    assert_eq!(status["state"], "done", "{status}");
    let names: Vec<_> = std::fs::read_dir(folder.path().join("attempts"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["lock"]);
}
