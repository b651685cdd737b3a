//! The phase `llm` against a server that speaks the protocol: what is taken of an answer, and that there always is one.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{Json, Router, http::StatusCode, response::IntoResponse};
use parking_lot::Mutex;
use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost, within},
};
use providers::{CancellationToken, ChatSettings, OpenAiChat};
use serde_json::{Value, json};
use theatre::{
    llm::{Llm, LlmOptions, prompt::schema},
    model::{Action, ModelAnswer, Utterance},
    registry::CATALOG,
    surgery::Library,
};

/// Answers with these, one after the other; 500 when there are no more. Remembers what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    async fn start(says: &[&str]) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let says: VecDeque<String> = says.iter().map(|text| (*text).to_owned()).collect();
        let (says, seen) = (Arc::new(Mutex::new(says)), Arc::clone(&asked));
        let answer = move |Json(body): Json<Value>| async move {
            seen.lock().push(body);
            let Some(text) = says.lock().pop_front() else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            let choice =
                json!({ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
            Json(json!({ "model": "tiny", "choices": [choice] })).into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/chat/completions", axum::routing::post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }
}

fn llm(url: &str) -> Llm {
    let chat: ChatSettings =
        serde_json::from_value(json!({ "url": url, "model": "tiny" })).expect("settings");
    let library = Library::built_in().expect("surgeries");
    Llm::new(Some(Arc::new(OpenAiChat::new(chat))), library, Duration::from_secs(20), 500)
}

/// Said in a PCNL, phase 3, with the monitor and the lights on.
fn utterance() -> Utterance {
    serde_json::from_value(json!({
        "theatre": "or1", "seq": 7, "epoch": 2, "surgery": "PCNL", "phase": "Phase3",
        "text": "the stone is in view, get the lithotripter ready", "speaker": "surgeon",
        "saidAt": "2026-11-21T10:00:00Z", "sessionS": 754.2,
        "context": { "on": ["M01", "M09"], "standby": ["M05"], "window": [
            { "sessionS": 700.0, "speaker": "surgeon", "text": "needle is in" },
            { "sessionS": 754.2, "speaker": "surgeon", "text": "the stone is in view, get the lithotripter ready" },
        ] },
    }))
    .expect("an utterance")
}

async fn answer(says: &str) -> (ModelAnswer, usize) {
    let server = Server::start(&[says]).await;
    llm(&server.url).ask(&utterance(), &CancellationToken::new()).await
}

fn good() -> Value {
    json!({
        "phase": "Phase4", "next_phase": "Phase5", "reasoning": "the stone is in view",
        "toggles": [{ "machine_id": "M07", "action": "STANDBY", "confidence": 0.7 }],
        "suggestions": ["Have the basket at hand."], "confidence": 0.8,
    })
}

#[tokio::test]
async fn a_model_sees_the_room_as_it_is_and_may_only_name_what_is_in_it() {
    let server = Server::start(&[&good().to_string()]).await;
    let (answer, dropped) = llm(&server.url).ask(&utterance(), &CancellationToken::new()).await;
    assert_eq!((answer.phase.as_str(), answer.next_phase.as_str()), ("Phase4", "Phase5"));
    assert_eq!((answer.toggles[0].action, answer.toggles[0].machine_id.as_str()), (Action::Standby, "M07"));
    assert_eq!((answer.confidence, answer.degraded, dropped), (0.8, false, 0));

    let asked = server.asked.lock()[0].clone();
    let told = asked["messages"][1]["content"].as_str().expect("a text").to_owned();
    let line = |start: &str| told.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("ON:").contains("M01") && line("ON:").contains("M09"), "{told}");
    assert!(line("STANDBY:").contains("M05") && line("OFF:").contains("M07"), "{told}");
    assert_eq!(told.matches("the stone is in view").count(), 1, "the window has it already: {told}");
    assert!(told.contains("[700.0 s] surgeon: needle is in") && told.contains("12 min 34 s"), "{told}");

    let shape = &asked["response_format"]["json_schema"]["schema"];
    let machine = &shape["properties"]["toggles"]["items"]["properties"]["machine_id"]["enum"];
    assert_eq!(machine.as_array().expect("ids").len(), 9);
    let library = Library::built_in().expect("surgeries");
    assert_eq!(*shape, schema(library.get("PCNL").expect("a surgery")).schema);
}

#[tokio::test]
async fn json_is_found_wherever_it_stands() {
    let good = good();
    for text in [
        good.to_string(),
        format!("Sure! Here it is: {good} I hope this helps."),
        format!("```json\n{good}\n```"),
        format!("As {{asked}}:\n```\n{good}\n```\nAnything {{else}}?"),
    ] {
        let (answer, _) = answer(&text).await;
        assert_eq!((answer.phase.as_str(), answer.degraded), ("Phase4", false), "{text}");
    }
}

#[tokio::test]
async fn what_the_surgery_does_not_know_is_dropped_and_the_rest_is_kept() {
    let mut said = good();
    said["phase"] = json!("Phase9");
    said["next_phase"] = json!("phase4");
    said["confidence"] = json!(7);
    said["toggles"] = json!([
        { "machine_id": "M77", "action": "ON", "confidence": 1 },
        { "machine_id": "suction", "action": "ON", "confidence": 1 },
        { "machine_id": "M06", "action": "EXPLODE", "confidence": 1 },
        { "machine_id": "M01", "action": "ON", "confidence": 1 },
        { "machine_id": "M06", "action": "on", "confidence": -3 },
        { "machine_id": "M06", "action": "STANDBY", "confidence": 0.4 },
        "nonsense",
    ]);
    said["suggestions"] = json!([1, "", "Look\nhere.", "x".repeat(5000)]);
    let (answer, dropped) = answer(&said.to_string()).await;
    assert_eq!((answer.phase.as_str(), answer.next_phase.as_str(), answer.confidence), ("", "Phase4", 1.0));
    let toggles: Vec<_> =
        answer.toggles.iter().map(|one| (one.machine_id.as_str(), one.action, one.confidence)).collect();
    assert_eq!(toggles, [("M06", Action::On, 0.0)], "M01 is on already, the second word on M06 is too late");
    assert_eq!(dropped, 7);
    assert_eq!(answer.suggestions[0], "Look here.");
    assert!(answer.suggestions[1].len() <= 300 && !answer.degraded);
}

/// What is not to be shown to people is for `state` to hold back, with everything else it checks.
#[tokio::test]
async fn suggestions_are_handed_on_as_they_are() {
    let mut said = good();
    said["suggestions"] = json!(["Administer 5 mg of morphine."]);
    assert_eq!(answer(&said.to_string()).await.0.suggestions, ["Administer 5 mg of morphine."]);
}

fn assert_degraded(answer: &ModelAnswer, why: &str) {
    assert!(answer.degraded && answer.reasoning.contains(why), "{answer:?}");
    assert_eq!((answer.confidence, answer.toggles.len(), answer.phase.as_str()), (0.0, 0, ""));
    assert!(answer.suggestions[0].contains("rule engine"), "{answer:?}");
}

#[tokio::test]
async fn nonsense_is_a_degraded_answer() {
    for text in ["", "I'd rather not.", "{\"phase\": ", "[1, 2]", "null", "{\"foo\": 1}"] {
        let (answer, _) = answer(text).await;
        assert_degraded(&answer, "answer holds no");
    }
}

#[tokio::test]
async fn a_model_that_fails_or_is_not_there_is_a_degraded_answer() {
    let server = Server::start(&[]).await;
    let (failed, _) = llm(&server.url).ask(&utterance(), &CancellationToken::new()).await;
    assert_degraded(&failed, "500");
    let (absent, _) = llm("http://127.0.0.1:1/v1").ask(&utterance(), &CancellationToken::new()).await;
    assert_degraded(&absent, "cannot be reached");
    let none = LlmOptions::default().phase().expect("a phase");
    assert_degraded(&none.ask(&utterance(), &CancellationToken::new()).await.0, "no model is set up");
    let strange = Utterance { surgery: "Appendectomy".to_owned(), ..utterance() };
    let (answer, _) = llm(&server.url).ask(&strange, &CancellationToken::new()).await;
    assert_degraded(&answer, "no surgery 'Appendectomy'");
}

/// The clock stands still but for timers: twenty seconds pass as soon as nobody has anything else to do.
#[tokio::test(start_paused = true)]
async fn a_model_that_is_silent_for_twenty_seconds_is_a_degraded_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (answer, _) = llm(&url).ask(&utterance(), &CancellationToken::new()).await;
    assert_degraded(&answer, "did not answer within 20s");
    assert!((20_000..21_000).contains(&answer.took_ms), "{}", answer.took_ms);
}

#[tokio::test]
async fn a_job_never_fails_for_its_model_and_ends_at_once_when_cancelled() {
    let fake = FakeOrchestrator::start().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", silent.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let host = |options: Value, name: &str| {
        let data_dir = folder.path().join(name);
        let settings = ServiceSettings { data_dir, capacity: 2, options, ..ServiceSettings::default() };
        ServiceHost::start(CATALOG.service("llm", &settings).expect("a service"))
    };

    let without = host(Value::Null, "without");
    let request = fake.request("llm", &utterance());
    assert_eq!(fake.offer(&without.url(), &request).await.0, 202);
    let callback = fake.accepted(request.attempt_id).await;
    let text = serde_json::to_value(&callback).expect("JSON");
    assert_eq!((&text["success"], &text["output"]["degraded"]), (&json!(true), &json!(true)), "{text}");

    let slow = host(json!({ "chat": { "url": url, "model": "slow" } }), "slow");
    let request = fake.request("llm", &utterance());
    assert_eq!(fake.offer(&slow.url(), &request).await.0, 202);
    within("the model being asked", silent.accept()).await.expect("a connection");
    let cancelled = fake.post(&format!("{}/cancel/{}", slow.url(), request.attempt_id), &json!({})).await;
    assert!((200..300).contains(&cancelled.0), "{cancelled:?}");
    host_stops(slow).await;
    assert!(fake.callbacks().iter().all(|one| one.callback.attempt_id != Some(request.attempt_id)));
}

/// Stopping waits for running attempts: it would last as long as the model is silent.
async fn host_stops(host: ServiceHost) {
    tokio::time::timeout(Duration::from_secs(15), host.stop()).await.expect("nothing runs any more");
}

#[test]
fn options_are_checked_before_anything_runs() {
    let check = |options: Value| CATALOG.check("llm", &options).map_err(|error| error.to_string());
    assert_eq!(
        check(json!({ "chat": { "url": "http://127.0.0.1:8080/v1", "model": "m" }, "patience": 5 })),
        Ok(())
    );
    for wrong in
        [json!({ "patience": 0 }), json!({ "model": "m" }), json!({ "surgeries": "/no/such/folder" })]
    {
        assert!(check(wrong.clone()).is_err(), "{wrong}");
    }
}
