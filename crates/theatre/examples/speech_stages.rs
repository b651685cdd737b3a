//! How long each stage takes from a spoken sentence to the changed board: sentences are streamed in real time over
//! `/ws/audio` to a theatre that runs, and every stage is timed where it can be seen from outside.
//!
//! ```text
//! segue up --only theatre
//! cargo run -p theatre --example speech_stages -- [--asr http://127.0.0.1:3471] [--state http://127.0.0.1:3474] [--times 3]
//! ```
//!
//! Prints a table in Markdown. Times are from the last sound of the sentence, which is known, for the sound is ours. The
//! theatre is one of its own (`stages`), so that nobody's is disturbed.

#![expect(clippy::print_stdout, reason = "a measurement is for whoever runs it")]

use std::{error::Error, process::Command, time::Duration};

use axum::body::Bytes;
use futures::{SinkExt, Stream, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use theatre::asr::{resample::whole, wav};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, interval, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Each switches something that is not so yet: what changes nothing is shown, too, but is no patch.
const SENTENCES: [&str; 14] = [
    "turn on the suction",
    "start the irrigation pump",
    "turn off the suction",
    "stop the irrigation",
    "switch on the fluoroscopy",
    "turn off the operating lights",
    "start the lithotripter",
    "switch off the fluoroscopy",
    "stop the lithotripter",
    "turn on the operating lights",
    "turn on the endoscopic camera",
    "turn on the suction and stop the camera",
    "switch off the patient monitor",
    "suction off and monitor on",
];
/// A tenth of a second of sound, as a browser sends it.
const FRAME: usize = 1600;
/// Silence after a sentence; the recogniser waits for 0.6 s of it.
const AFTER: usize = 24_000;
/// What takes longer is lost.
const LOST: Duration = Duration::from_secs(60);

/// What is timed, in its order.
const STAGES: [&str; 6] = [
    "the sentence's end is found (`/ws/audio`)",
    "it is recognised (`/ws/audio`)",
    "its transcript is written (`said` in `/events`)",
    "its rules are applied (`understood` in `/events`)",
    "the board is shown (`/ws/state`)",
    "the same, from the first sound",
];

fn say(text: &str) -> Outcome<Vec<f32>> {
    let file = std::env::temp_dir().join(format!("speech-stages-{}.wav", std::process::id()));
    let made = Command::new("flite").args(["-voice", "slt", "-t", text, "-o"]).arg(&file).status()?;
    let clip = wav::read(&std::fs::read(&file)?)?;
    std::fs::remove_file(&file)?;
    if !made.success() {
        return Err("flite cannot speak".into());
    }
    let samples = whole(&clip.samples, clip.rate);
    // Voices begin and end with some silence of their own.
    let loud = |sample: &f32| sample.abs() > 0.01;
    let from = samples.iter().position(loud).unwrap_or(0);
    let to = samples.iter().rposition(loud).map_or(samples.len(), |at| at + 1);
    Ok(samples[from..to].to_vec())
}

/// Sound in real time; returns when its last piece was sent.
async fn stream(socket: &mut SplitSink<Socket, Message>, samples: &[f32]) -> Outcome<Instant> {
    let mut tick = interval(Duration::from_millis(100));
    tick.tick().await;
    let mut last = Instant::now();
    for frame in samples.chunks(FRAME) {
        tick.tick().await;
        let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        socket.send(Message::binary(bytes)).await?;
        last = Instant::now();
    }
    Ok(last)
}

/// Most messages that wait to be looked at: those of a sentence are few.
const WAITING: usize = 1024;

/// What came, and when.
type Came = mpsc::Receiver<(Value, Instant)>;

/// Notes every JSON message of a socket when it comes.
fn note_messages(
    mut socket: impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin + Send + 'static,
) -> Came {
    let (note, came) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let value = serde_json::from_str(text.as_str()).unwrap_or_default();
            if note.send((value, Instant::now())).await.is_err() {
                return;
            }
        }
    });
    came
}

/// Notes every server-sent event when it comes.
fn note_events(mut lines: impl Stream<Item = reqwest::Result<Bytes>> + Unpin + Send + 'static) -> Came {
    let (note, came) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut rest = String::new();
        while let Some(Ok(bytes)) = lines.next().await {
            rest.push_str(&String::from_utf8_lossy(&bytes));
            while let Some((event, more)) = rest.split_once("\n\n") {
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                let value = serde_json::from_str(data.trim()).unwrap_or_default();
                rest = more.to_owned();
                if note.send((value, Instant::now())).await.is_err() {
                    return;
                }
            }
        }
    });
    came
}

/// The next that is wanted, and when it came.
async fn next(came: &mut Came, wanted: impl Fn(&Value) -> bool) -> Outcome<(Value, Instant)> {
    loop {
        let one = timeout(LOST, came.recv()).await?.ok_or("a connection has closed")?;
        if wanted(&one.0) {
            return Ok(one);
        }
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str, otherwise: &str| {
        let at = arguments.iter().position(|one| one == name);
        at.and_then(|at| arguments.get(at + 1)).map_or_else(|| otherwise.to_owned(), Clone::clone)
    };
    let (asr, state) = (after("--asr", "http://127.0.0.1:3471"), after("--state", "http://127.0.0.1:3474"));
    let rounds: usize = after("--times", "3").parse()?;
    let client = phase_kit::http_client()?;
    let theatre = format!("{state}/theatres/stages");
    let chosen = client.post(format!("{theatre}/select_surgery")).json(&json!({ "surgery": "PCNL" })).send();
    chosen.await?.error_for_status()?;
    let (screen, _) = connect_async(format!("{}/ws/state", theatre.replace("http", "ws"))).await?;
    let events = client.get(format!("{theatre}/events")).send().await?.error_for_status()?.bytes_stream();
    let (microphone, _) = connect_async(format!("{}/ws/audio", asr.replace("http", "ws"))).await?;
    let (mut sound, heard) = microphone.split();
    let (mut screen, mut events, mut heard) =
        (note_messages(screen), note_events(events), note_messages(heard));
    sound.send(Message::text(json!({ "sampleRate": 16_000, "theatre": "stages" }).to_string())).await?;
    let mut took: [Vec<f64>; 6] = Default::default();
    let mut missed = Vec::new();
    // The room is heard before anybody speaks.
    stream(&mut sound, &[0.0; AFTER]).await?;
    for text in (0..rounds).flat_map(|_| SENTENCES) {
        let sentence = say(text)?;
        let first = Instant::now();
        let end = stream(&mut sound, &sentence).await?;
        stream(&mut sound, &[0.0; AFTER]).await?;
        let ended = |one: &Value| one["type"] == "final" || one["type"] == "rejected";
        let (answer, recognised) = next(&mut heard, ended).await?;
        if answer["type"] == "rejected" {
            missed.push(text);
            continue;
        }
        let found = recognised - Duration::from_secs_f64(answer["tookMs"].as_f64().unwrap_or_default() / 1e3);
        let (said, written) = next(&mut events, |one| one["kind"] == "said").await?;
        let number = &said["payload"]["utterance"];
        let of = |one: &Value| one["kind"] == "understood" && one["payload"]["utterance"] == *number;
        let (_, applied) = next(&mut events, of).await?;
        let (_, shown) = next(&mut screen, |one| one["metadata"]["patch_utterance"] == *number).await?;
        for (list, at) in took.iter_mut().zip([found, recognised, written, applied, shown]) {
            list.push((at - end).as_secs_f64() * 1e3);
        }
        took[5].push((shown - first).as_secs_f64() * 1e3);
    }
    println!("{} sentences; not understood: {missed:?}\n", took[0].len());
    println!("| from the last sound until | p50 | p99 |\n| --- | --- | --- |");
    for (stage, mut list) in STAGES.iter().zip(took) {
        list.sort_by(f64::total_cmp);
        let at = |share: f64| list[((list.len() - 1) as f64 * share).round() as usize];
        println!("| {stage} | {:.0} ms | {:.0} ms |", at(0.5), at(0.99));
    }
    Ok(())
}
