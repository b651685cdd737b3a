//! A recording in a real browser: the same pages, a slider that goes through time, and nothing to command.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{path::Path, sync::Arc};

use axum::{Router, extract::Request};
use orchestrator::recording::{Recording, offline::Offline};
use serde_json::{Value, json};

use crate::driver::Browser;

/// Serves a recording as `segue replay --serve` does; its address and how many frames it has.
async fn served(folder: &Path) -> (String, u64) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/recordings/v1/good.jsonl");
    let recording = Recording::read(&std::fs::read_to_string(file).unwrap()).unwrap();
    let frames = recording.events.len() as u64;
    let offline = Arc::new(Offline::open(recording, folder).unwrap());
    let answer = move |request: Request| {
        let offline = offline.clone();
        async move { offline.answer(request).await }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, frames)
}

/// What in the page could be pressed or filled in, outside the bar and the frame of all pages.
async fn commands(browser: &Browser) -> Value {
    let look =
        "arguments[0]([...document.querySelectorAll('main button, main form input, main form textarea')]
        .filter((one) => one.offsetParent).map((one) => one.textContent || one.name))";
    browser.run(look, json!([])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_gone_through_by_its_slider_and_commands_nothing() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (url, frames) = served(folder.path()).await;
    // Its end, which is where its address leads.
    browser.go(&url).await;
    browser.reads(".replay-frame", &format!("{frames} of {frames}")).await;
    browser.reads(".job-title .state", "complete").await;
    assert_eq!(commands(&browser).await, json!([]));
    // The slider, dropped at the first attempt's failure: the address and the page follow.
    let slide = "const slider = document.querySelector('.replay input'); slider.value = arguments[0];
        slider.dispatchEvent(new Event('input')); const words = document.querySelector('.replay-words').textContent;
        slider.dispatchEvent(new Event('change')); arguments[1](words)";
    let words = browser.run(slide, json!([4])).await;
    assert!(words.as_str().unwrap().contains("cut"), "{words}");
    browser.reads(".replay-frame", &format!("4 of {frames}")).await;
    browser.reads(".job-title .state", "running").await;
    // Step by step: a button, and the keys.
    browser.click(".replay button", "▶").await;
    browser.reads(".replay-frame", &format!("5 of {frames}")).await;
    let key = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0], bubbles: true })); arguments[1]()";
    browser.run(key, json!(["["])).await;
    browser.reads(".replay-frame", &format!("4 of {frames}")).await;
    // Where it waited for a decision, the question is seen and can't be answered; nor can a service be stopped.
    let asked = frames - 3;
    browser.run(slide, json!([asked])).await;
    browser.reads(".replay-frame", &format!("{asked} of {frames}")).await;
    browser.reads(".decision", "approve").await;
    assert_eq!(commands(&browser).await, json!([]));
    browser.go(&format!("{url}/at/{asked}/#/waiting")).await;
    browser.reads(".waiting-list li", "good").await;
    assert_eq!(commands(&browser).await, json!([]));
    browser.go(&format!("{url}/at/{asked}/#/services")).await;
    browser.reads("main h1", "Services").await;
    assert_eq!(commands(&browser).await, json!([]));
    browser.go(&format!("{url}/at/{asked}/#/jobs")).await;
    browser.reads(".space .row", "good").await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
}
