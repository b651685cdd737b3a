//! The engine `both`: what is said in noise is taken where an endpoint of free speech hears the same.

use std::sync::Arc;

use axum::{Json, Router, body::Bytes, routing::post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::speech::{State, asr, file, samples, transcribe};

/// A transcription endpoint that hears what it is told to; how often it was asked.
struct Endpoint {
    url: String,
    hears: Arc<Mutex<&'static str>>,
    asked: Arc<Mutex<usize>>,
}

impl Endpoint {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let (hears, asked) = (Arc::new(Mutex::new("")), Arc::new(Mutex::new(0)));
        let (says, counts) = (Arc::clone(&hears), Arc::clone(&asked));
        let answer = move |_: Bytes| async move {
            *counts.lock() += 1;
            Json(json!({ "text": *says.lock() }))
        };
        let router = Router::new().route("/v1/audio/transcriptions", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, hears, asked }
    }
}

/// Over everything a noise of a fiftieth of full scale.
fn noisy(samples: &[f32]) -> Vec<f32> {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    samples.iter().map(|sample| sample + random() * 0.02).collect()
}

#[tokio::test]
async fn a_clear_order_needs_nobody_else_and_in_noise_both_must_have_heard_it() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let endpoint = Endpoint::start().await;
    let options = json!({ "engine": "both", "openai": { "url": endpoint.url, "model": "whisper-1" } });
    let host = asr(&state.url, folder.path(), options);
    let clear = samples("turn on the suction", 0.8);
    let hear = |sound: Vec<f32>| {
        let url = host.url();
        async move { transcribe(&url, "?surgery=PCNL", "audio/wav", file(&sound, 16_000)).await }
    };
    let (status, heard) = hear(clear.clone()).await;
    assert_eq!((status, &heard["text"]), (200, &json!("turn on the suction")), "{heard}");
    assert_eq!(*endpoint.asked.lock(), 0);

    for (other, text) in [
        ("Turn on suction.", "turn on the suction"),
        ("Turn off the suction.", ""),
        ("Turn on the section.", "turn on the suction"),
    ] {
        *endpoint.hears.lock() = other;
        let (status, heard) = hear(noisy(&clear)).await;
        assert_eq!((status, &heard["text"]), (200, &json!(text)), "{other}: {heard}");
    }
    assert!(*endpoint.asked.lock() >= 3);
}

#[tokio::test]
async fn a_second_that_cannot_be_asked_is_an_error_and_no_order() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let options =
        json!({ "engine": "both", "openai": { "url": "http://127.0.0.1:9/v1", "model": "whisper-1" } });
    let host = asr(&state.url, folder.path(), options);
    let sound = noisy(&samples("turn on the suction", 0.8));
    let (status, heard) = transcribe(&host.url(), "?surgery=PCNL", "audio/wav", file(&sound, 16_000)).await;
    assert_eq!((status, &heard["code"]), (502, &json!("service-unreachable")), "{heard}");
    let taken: Vec<Value> = state.taken();
    assert!(taken.is_empty(), "{taken:?}");
}
