//! Starts: accepted once, run once, refused with a reason.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use phase_kit::{
    PhaseError, Service, Success,
    testing::{FakeOrchestrator, ServiceHost, raw, within},
};
use protocol::{Upstream, headers};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Scripted, echo, endless, service, service_in};

#[tokio::test]
async fn the_result_comes_back_with_ids_output_and_stats() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|ctx, input| async move {
        let words: Vec<String> = ctx.upstream("extraction")?;
        let item: u32 = ctx.item()?;
        let before: Option<u32> = ctx.checkpoint()?;
        Ok(Success::new(json!([input["totalSeeds"], words, item, before]))
            .stats(json!({ "deletionRate": 0.1 })))
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let mut request = fake.request("work", &json!({ "totalSeeds": 668 }));
    let upstream = Upstream { output: raw(&["hola"]), stats: raw(&Value::Null), artifacts: BTreeMap::new() };
    request.upstream.insert("extraction".to_owned(), upstream);
    (request.item, request.checkpoint) = (raw(&3), raw(&7));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
    let callback = fake.accepted(request.attempt_id).await;
    assert!(callback.success);
    assert_eq!((callback.job_id, callback.phase.as_deref()), (Some(request.job_id), Some("work")));
    assert_eq!(callback.output.expect("output").get(), r#"[668,["hola"],3,7]"#);
    assert_eq!(callback.stats.expect("stats").get(), r#"{"deletionRate":0.1}"#);
}

#[tokio::test]
async fn a_missing_upstream_is_a_permanent_failure_that_names_it() {
    let fake = FakeOrchestrator::start().await;
    let phase = Scripted::new(|ctx, _| async move { Ok(Success::new(ctx.upstream("extraction")?)) });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    fake.offer(&host.url(), &request).await;
    let error = fake.accepted(request.attempt_id).await.error.expect("an error");
    assert_eq!((&*error.code, error.retryable), ("missing-upstream", false));
    assert!(error.message.contains("`extraction`"), "{}", error.message);
}

#[tokio::test]
async fn start_twice_runs_once() {
    let fake = FakeOrchestrator::start().await;
    let (runs, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, waited) = (Arc::clone(&runs), Arc::clone(&go_on));
    let phase = Scripted::new(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        let waited = Arc::clone(&waited);
        async move {
            waited.notified().await;
            Ok(Success::new(json!("once")))
        }
    });
    let host = ServiceHost::start(service(phase).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    let url = host.url();
    let starts = futures::future::join_all((0..20).map(|_| fake.offer(&url, &request))).await;
    assert!(starts.iter().all(|(status, _)| *status == 202), "{starts:?}");
    go_on.notify_one();
    fake.accepted(request.attempt_id).await;
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!((status, &body["output"], &body["success"]), (200, &json!("once"), &json!(true)));
    assert_eq!((runs.load(Ordering::SeqCst), fake.callbacks().len()), (1, 1));
}

#[tokio::test]
async fn start_again_after_the_services_restart_does_not_run_again() {
    let fake = FakeOrchestrator::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let request = fake.request("work", &json!({ "a": 1 }));
    let host = ServiceHost::start(service_in(folder.path(), echo()));
    fake.offer(&host.url(), &request).await;
    fake.accepted(request.attempt_id).await;
    host.stop().await;
    let phase = Scripted::new(|_, _| async { Err(PhaseError::permanent("ran-again", "it must not")) });
    let host = ServiceHost::start(service_in(folder.path(), phase));
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!((status, &body["output"]), (200, &json!({ "a": 1 })));
}

#[tokio::test]
async fn too_busy_is_429() {
    let fake = FakeOrchestrator::start().await;
    let host = ServiceHost::start(service(endless()).capacity(1).build().expect("a service"));
    let first = fake.request("work", &json!({}));
    assert_eq!(fake.offer(&host.url(), &first).await.0, 202);
    let client = phase_kit::http_client().expect("a client");
    let second = fake.request("work", &json!({}));
    let answer = client.post(format!("{}/start", host.url())).json(&second).send().await.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.headers()["content-type"], headers::PROBLEM_JSON);
    let (_, health) = fake.get(&format!("{}/health", host.url())).await;
    assert_eq!(
        (&health["running"], &health["capacity"], &health["name"]),
        (&json!(1), &json!(1), &json!("test-service"))
    );
    fake.post(&format!("{}/cancel/{}", host.url(), first.attempt_id), &json!({})).await;
    let free = |status: u16| (status == 202).then_some(());
    within("a free slot", async { while free(fake.offer(&host.url(), &second).await.0).is_none() {} }).await;
}

#[tokio::test]
async fn a_bad_start_is_refused_with_its_place() {
    let fake = FakeOrchestrator::start().await;
    let host = ServiceHost::start(service(echo()).build().expect("a service"));
    let request = serde_json::to_value(fake.request("work", &json!({}))).expect("JSON");
    for (pointer, value, status, code, at) in [
        ("/attemptId", json!("seven"), 422, "invalid-field", "/attemptId"),
        ("/callback", json!({}), 422, "invalid-field", "/callback/url"),
        ("/phase", json!("other"), 422, "unknown-phase", "/phase"),
        ("/deadline", json!("tomorrow"), 422, "invalid-field", "/deadline"),
        ("/input", json!("x".repeat(headers::START_LIMIT)), 413, "payload-too-large", ""),
    ] {
        let mut request = request.clone();
        *request.pointer_mut(pointer).expect("a member") = value;
        let (answered, body) = fake.post(&format!("{}/start", host.url()), &request).await;
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{pointer}");
        assert_eq!(body["pointer"].as_str().unwrap_or(""), at, "{body}");
    }
    let client = phase_kit::http_client().expect("a client");
    let answer =
        client.post(format!("{}/start", host.url())).body("{\"jobId\": }").send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!((&body["code"], &body["column"]), (&json!("malformed-json"), &json!(11)));
}

#[tokio::test]
async fn an_unsigned_start_is_refused_where_a_secret_is_set() {
    let fake = FakeOrchestrator::start().await;
    let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let clock = || jiff::Timestamp::from_second(1_000_000).expect("a time");
    let host = ServiceHost::start(service(echo()).secret(text).clock(clock).build().expect("a service"));
    let request = fake.request("work", &json!({}));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 401);
    let (id, body) = (request.attempt_id.to_string(), serde_json::to_vec(&request).expect("JSON"));
    let secret = phase_kit::webhook::Secret::parse(text).expect("a secret");
    let signed = |seconds: i64| {
        let client = phase_kit::http_client().expect("a client");
        client
            .post(format!("{}/start", host.url()))
            .header(headers::WEBHOOK_ID, &id)
            .header(headers::WEBHOOK_TIMESTAMP, seconds)
            .header(headers::WEBHOOK_SIGNATURE, secret.sign(&id, seconds, &body))
            .body(body.clone())
            .send()
    };
    assert_eq!(signed(999_000).await.expect("an answer").status(), 401);
    assert_eq!(signed(1_000_010).await.expect("an answer").status(), 202);
    fake.accepted(request.attempt_id).await;
}

#[tokio::test]
async fn a_service_may_take_on_phases_whose_names_it_does_not_know() {
    let fake = FakeOrchestrator::start().await;
    let phase = |says: &'static str| {
        Scripted::new(move |ctx, _| async move { Ok(Success::new(json!([says, ctx.start().phase]))) })
    };
    let both = Service::builder("both").phase(phase("its own")).any_phase(phase("any")).build();
    let host = ServiceHost::start(both.expect("a service"));
    for (name, says) in [("work", "its own"), ("anything", "any")] {
        let request = fake.request(name, &json!({}));
        assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
        let callback = fake.accepted(request.attempt_id).await;
        assert_eq!(callback.output.expect("output").get(), json!([says, name]).to_string());
        assert_eq!(callback.phase.as_deref(), Some(name));
    }
}
