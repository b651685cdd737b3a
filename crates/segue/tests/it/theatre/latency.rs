//! How long it takes from a sentence to everybody's screen, with many theatres at once and a model that takes twenty seconds.
//!
//! `cargo xtask theatre --theatres N --sentences N --every MILLISECONDS` runs it. It asserts that nothing is lost; the times are
//! printed, for whoever measures.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::post};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Builder};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{call, theatre_with};
use crate::support::Running;

/// How long the model takes.
const MODEL: Duration = Duration::from_secs(20);
/// What is said, so that each sentence switches something.
const SAID: [&str; 4] = ["suction on", "start the irrigation", "suction off", "stop the irrigation"];
/// A sentence that is not shown by then is lost.
const LOST: Duration = Duration::from_secs(60);

/// How much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) theatres: u64,
    pub(super) sentences: u64,
    /// Between two sentences of a theatre.
    pub(super) every: Duration,
}

/// A model that speaks the protocol and takes its time.
pub(super) async fn model(takes: Duration) -> String {
    let answer = move |_: Json<Value>| async move {
        tokio::time::interval_at(tokio::time::Instant::now() + takes, MODEL).tick().await;
        let content = json!({ "phase": "Phase3", "reasoning": "stones", "next_phase": "Phase4", "toggles": [],
            "suggestions": ["check the irrigation pressure"], "confidence": 0.6 });
        Json(json!({ "choices": [{ "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": content.to_string() } }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// Says sentences in a theatre; how long each took until a screen showed what it switched.
async fn session(state: Arc<str>, name: String, size: Size, offset: Duration) -> Vec<Duration> {
    let client = phase_kit::http_client().unwrap();
    let post =
        |path: &str, body: Value| client.post(format!("{state}/theatres/{name}{path}")).json(&body).send();
    let chosen = post("/select_surgery", json!({ "surgery": "PCNL" })).await.unwrap();
    assert_eq!(chosen.status(), 200);
    let url = format!("{}/theatres/{name}/ws/state", state.replace("http:", "ws:"));
    let (mut screen, _) = connect_async(url).await.unwrap();
    // Theatres do not speak in chorus.
    let mut every = tokio::time::interval_at(tokio::time::Instant::now() + offset, size.every);
    let mut took = Vec::new();
    for utterance in 1..=size.sentences {
        every.tick().await;
        let text = SAID[usize::try_from(utterance).unwrap() % SAID.len()];
        let began = Instant::now();
        let said = tokio::spawn(post("/transcript", json!({ "text": text, "speaker": "surgeon" })));
        loop {
            let next = tokio::time::timeout(LOST, screen.next()).await.expect("it is shown");
            let Message::Text(shown) = next.unwrap().unwrap() else { continue };
            let shown: Value = serde_json::from_str(&shown).unwrap();
            if shown["metadata"]["patch_utterance"] == utterance {
                break;
            }
        }
        took.push(began.elapsed());
        assert_eq!(said.await.unwrap().unwrap().status(), 200);
    }
    took
}

pub(super) fn measure(size: Size) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let model = runtime.block_on(model(MODEL));
    let (home, state) =
        theatre_with(&format!("options = {{ chat = {{ url = \"{model}\", model = \"slow\" }} }}\n"));
    let mut running = Running::start(home.command(&["up"]));
    (0..4).for_each(|_| drop(running.line(" is ready")));
    let state: Arc<str> = state.into();
    let mut took = runtime.block_on(async {
        let sessions = (0..size.theatres).map(|number| {
            let offset = size.every.mul_f64(number as f64 / size.theatres as f64);
            tokio::spawn(session(Arc::clone(&state), format!("room-{number}"), size, offset))
        });
        let all = futures::future::join_all(sessions.collect::<Vec<_>>()).await;
        all.into_iter().flat_map(|one| one.unwrap()).collect::<Vec<Duration>>()
    });
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{} theatres, {} sentences each, one in {:?}: said to shown p50 {:.1} ms, p90 {:.1}, p99 {:.1}, most {:.1}",
        size.theatres,
        size.sentences,
        size.every,
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    for number in 0..size.theatres {
        let verified = call("GET", &format!("{state}/theatres/room-{number}/audit/verify"), &json!({}));
        assert_eq!(verified.unwrap().1["ok"], true);
    }
}
