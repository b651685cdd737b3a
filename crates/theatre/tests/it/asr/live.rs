//! `GET /ws/audio`: sound as it is picked up.

use futures::{SinkExt, StreamExt};
use phase_kit::testing::within;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

use super::speech::{State, asr, samples};

struct Microphone(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Microphone {
    async fn open(url: &str) -> Self {
        let address = format!("{}/ws/audio", url.replace("http", "ws"));
        Self(tokio_tungstenite::connect_async(address).await.expect("a socket").0)
    }

    async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text.to_owned())).await.expect("sent");
    }

    /// In frames of a tenth of a second, as a browser sends them.
    async fn sound(&mut self, samples: &[f32]) {
        for frame in samples.chunks(1_600) {
            self.frame(frame).await;
        }
    }

    async fn frame(&mut self, samples: &[f32]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.0.send(Message::binary(bytes)).await.expect("sent");
    }

    /// The next message of this type, whatever comes before it.
    async fn next(&mut self, kind: &str) -> Value {
        within("a message", async {
            loop {
                let message = self.0.next().await.expect("more").expect("a message");
                let Message::Text(text) = message else { continue };
                let value: Value = serde_json::from_str(text.as_str()).expect("JSON");
                if value["type"] == json!(kind) || (kind == "status" && value["status"] == json!("ok")) {
                    return value;
                }
            }
        })
        .await
    }

    /// How it was closed.
    async fn closed(mut self) -> (CloseCode, String) {
        within("the end", async {
            loop {
                if let Message::Close(Some(frame)) = self.0.next().await.expect("more").expect("a message") {
                    return (frame.code, frame.reason.to_string());
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn what_is_said_is_heard_with_times_and_goes_to_the_state_in_order() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let mut microphone = Microphone::open(&host.url()).await;
    microphone.text(r#"{"sampleRate": 16000, "theatre": "or3", "speaker": "nurse"}"#).await;
    assert_eq!(microphone.next("status").await["sampleRate"], json!(16_000));
    microphone.sound(&samples("turn on the suction", 0.8)).await;
    let first = microphone.next("final").await;
    assert_eq!(first["text"], json!("turn on the suction"));
    assert!(
        first["startedAt"].as_str() < first["endedAt"].as_str()
            && first["start"].as_f64() < first["end"].as_f64()
    );
    microphone.sound(&samples("start the lithotripter", 0.8)).await;
    assert_eq!(microphone.next("final").await["text"], json!("start the lithotripter"));
    let taken = state.until_taken(2).await;
    let texts: Vec<&Value> = taken.iter().map(|one| &one["text"]).collect();
    assert_eq!(texts, [&json!("turn on the suction"), &json!("start the lithotripter")]);
    assert_eq!((&taken[0]["asked"], &taken[0]["speaker"]), (&json!("or3"), &json!("nurse")));
}

#[tokio::test]
async fn a_long_sentence_is_shown_while_it_is_said() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let mut microphone = Microphone::open(&host.url()).await;
    microphone.text(r#"{"sampleRate": 16000}"#).await;
    let sound = samples("start the lithotripter and turn off the suction", 1.0);
    let (most, rest) = sound.split_at(sound.len() - 26_000);
    // Not all at once: a partial is of what has come until then.
    let (silence, speech) = most.split_at(16_000);
    microphone.sound(silence).await;
    let mut shown = String::new();
    for piece in speech.chunks(14_400) {
        microphone.sound(piece).await;
        if piece.len() == 14_400 {
            shown = microphone.next("partial").await["text"].as_str().expect("a text").to_owned();
        }
    }
    assert!(shown.starts_with("start"), "{shown}");
    microphone.sound(rest).await;
    let whole = microphone.next("final").await;
    assert_eq!(whole["text"], json!("start the lithotripter and turn off the suction"));
}

#[tokio::test]
async fn the_grammar_follows_the_surgery() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let mut microphone = Microphone::open(&host.url()).await;
    microphone.text(r#"{"sampleRate": 16000}"#).await;
    microphone.sound(&samples("start the lithotripter", 0.8)).await;
    assert_eq!(microphone.next("final").await["text"], json!("start the lithotripter"));
    *state.surgery.lock() = "Lobectomy".to_owned();
    // The first sentence makes it ask; whichever grammar it has, the second is heard with the new one.
    microphone.sound(&samples("start the insufflator", 0.8)).await;
    microphone.sound(&samples("start the insufflator", 0.8)).await;
    let mut last = microphone.next("final").await;
    if last["end"].as_f64() < Some(4.5) {
        last = microphone.next("final").await;
    }
    assert_eq!(last["text"], json!("start the insufflator"));
}

#[tokio::test]
async fn a_stream_of_another_rate_that_just_ends_is_heard_to_its_end() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let mut microphone = Microphone::open(&host.url()).await;
    microphone.text(r#"{"sampleRate": 48000}"#).await;
    let slow = samples("turn off the suction", 0.3);
    let fast: Vec<f32> = slow
        .windows(2)
        .flat_map(|two| (0..3).map(|part| two[0] + (two[1] - two[0]) * part as f32 / 3.0))
        .collect();
    microphone.sound(&fast).await;
    microphone.0.close(None).await.expect("closed");
    assert_eq!(state.until_taken(1).await[0]["text"], json!("turn off the suction"));
}

#[tokio::test]
async fn a_socket_that_sends_nonsense_is_told_why_and_closed() {
    let (state, folder) = (State::start("").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    for (first, code) in [
        ("hello", "malformed-json"),
        ("{}", "invalid-field"),
        (r#"{"sampleRate": 100}"#, "invalid-field"),
        (r#"{"sampleRate": 96000}"#, "invalid-field"),
        (r#"{"sampleRate": "fast"}"#, "invalid-field"),
        (r#"{"sampleRate": 16000, "theatre": 7}"#, "invalid-field"),
    ] {
        let mut microphone = Microphone::open(&host.url()).await;
        microphone.text(first).await;
        assert_eq!(microphone.next("problem").await["problem"]["code"], json!(code), "{first}");
        assert_eq!(microphone.closed().await.0, CloseCode::Policy);
    }
    let mut early = Microphone::open(&host.url()).await;
    early.frame(&[0.0]).await;
    assert!(early.closed().await.1.contains("before the rate"));
    for (bytes, code, close) in [
        (f32::NAN.to_le_bytes().to_vec(), "invalid-audio", CloseCode::Invalid),
        (vec![0; 3], "invalid-audio", CloseCode::Invalid),
        (vec![0; 1024 * 1024 + 4], "payload-too-large", CloseCode::Size),
    ] {
        let mut microphone = Microphone::open(&host.url()).await;
        microphone.text(r#"{"sampleRate": 16000}"#).await;
        microphone.0.send(Message::binary(bytes)).await.expect("sent");
        assert_eq!(microphone.next("problem").await["problem"]["code"], json!(code));
        assert_eq!(microphone.closed().await.0, close);
    }
}
