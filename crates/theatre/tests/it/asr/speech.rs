//! Speech, and a service that listens to it beside a `state` that notes what it is told.

use std::{collections::VecDeque, path::Path, process::Command, sync::Arc};

use axum::{Json, Router, extract::Query, http::StatusCode, response::IntoResponse, routing::get};
use parking_lot::Mutex;
use phase_kit::{
    catalog::ServiceSettings,
    testing::{ServiceHost, within},
};
use serde_json::{Value, json};
use theatre::{asr::wav, registry::CATALOG};
use tokio::{net::TcpListener, sync::watch};

/// Says a text with flite's better voice: 16 kHz, one channel.
pub(super) fn say(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("said.wav");
    let made = Command::new("flite").args(["-voice", "slt", "-t", text, "-o"]).arg(&file).status();
    assert!(made.expect("apt-get install flite").success());
    std::fs::read(&file).expect("a file")
}

/// The samples of [`say`], with silence of so many seconds before and after.
pub(super) fn samples(text: &str, silence: f64) -> Vec<f32> {
    let clip = wav::read(&say(text)).expect("a WAV file");
    assert_eq!(clip.rate, 16_000);
    let nothing = vec![0.0; (silence * 16_000.0) as usize];
    [nothing.clone(), clip.samples, nothing].concat()
}

/// A WAV file of 16 bits.
pub(super) fn file(samples: &[f32], rate: u32) -> Vec<u8> {
    let length = u32::try_from(samples.len() * 2).expect("short");
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((length + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_000.0) as i16).to_le_bytes()));
    bytes
}

/// A `state` that has chosen a surgery and answers transcripts as told: 200 when nothing is told.
#[derive(Clone)]
pub(super) struct State {
    pub(super) url: String,
    pub(super) surgery: Arc<Mutex<String>>,
    pub(super) answers: Arc<Mutex<VecDeque<u16>>>,
    /// A theatre whose transcripts it cannot take, as one with a damaged log.
    pub(super) broken: Arc<Mutex<Option<&'static str>>>,
    came: Arc<watch::Sender<Vec<(u16, Value)>>>,
}

impl State {
    pub(super) async fn start(surgery: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Self {
            url,
            surgery: Arc::new(Mutex::new(surgery.to_owned())),
            answers: Arc::default(),
            broken: Arc::default(),
            came: Arc::new(watch::Sender::new(Vec::new())),
        };
        let (shown, told) = (state.clone(), state.clone());
        let show = move || async move { Json(json!({ "metadata": { "surgery": *shown.surgery.lock() } })) };
        let tell = move |Query(query): Query<Value>, Json(mut body): Json<Value>| async move {
            let is_final = body["is_final"] != json!(false);
            let is_broken = query["theatre"].as_str() == *told.broken.lock() && is_final;
            let status = if is_broken {
                500
            } else if is_final {
                told.answers.lock().pop_front().unwrap_or(200)
            } else {
                200
            };
            body["asked"] = query["theatre"].clone();
            told.came.send_modify(|came| came.push((status, body)));
            (StatusCode::from_u16(status).expect("a status"), Json(json!({}))).into_response()
        };
        let router = Router::new().route("/state", get(show)).route("/transcript", axum::routing::post(tell));
        tokio::spawn(async move { axum::serve(listener, router).await });
        state
    }

    /// Finals that were taken, in order.
    pub(super) fn taken(&self) -> Vec<Value> {
        let came = self.came.borrow();
        let finals = came.iter().filter(|(status, body)| *status == 200 && body["is_final"] == json!(true));
        finals.map(|(_, body)| body.clone()).collect()
    }

    /// Waits until so many finals were taken.
    pub(super) async fn until_taken(&self, count: usize) -> Vec<Value> {
        let mut came = self.came.subscribe();
        within("transcripts", async {
            while self.taken().len() < count {
                came.changed().await.expect("the sender lives in self");
            }
        })
        .await;
        self.taken()
    }

    /// Waits until so many transcripts came, taken or not.
    pub(super) async fn until_came(&self, count: usize) {
        let mut came = self.came.subscribe();
        within("transcripts", came.wait_for(|came| came.len() >= count)).await.expect("the sender lives");
    }
}

/// The service, with its folder.
pub(super) fn asr(state: &str, folder: &Path, options: Value) -> ServiceHost {
    let peers = [("state".to_owned(), state.to_owned())].into();
    let data_dir = folder.to_owned();
    let settings = ServiceSettings { data_dir, capacity: 4, options, peers, ..ServiceSettings::default() };
    ServiceHost::start(CATALOG.service("asr", &settings).expect("a service"))
}

/// Sends a file; returns status and answer.
pub(super) async fn transcribe(url: &str, query: &str, media: &str, body: Vec<u8>) -> (u16, Value) {
    let client = phase_kit::http_client().expect("a client");
    let call = client.post(format!("{url}/transcribe{query}")).header("content-type", media).body(body);
    let answer = call.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}
