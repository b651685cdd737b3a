//! `GET /ws/audio`: a text message that says what comes, then sound as it is picked up. What cannot be taken is told as a
//! problem, and the socket closes with the reason.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use futures::{SinkExt, StreamExt};
use phase_kit::Refusal;
use protocol::{Code, Fields, Problem};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    http::App,
    listen::{Session, Source},
};

/// Longest frame, in bytes: more than five seconds at the highest rate.
pub(super) const MOST: usize = 1024 * 1024;
/// Sample rates that are taken.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;
/// A listener that says nothing at all for so long is asked whether he is there.
const SILENCE: Duration = Duration::from_secs(20);
/// So often, before he is gone.
const ASKED: u32 = 3;
/// Most messages that wait for a slow listener.
const UNREAD: usize = 64;
/// A listener who does not take a message for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most sessions at a time.
const SESSIONS: usize = 64;
/// The WebSocket's protocol, for clients that name one.
const PROTOCOL: &str = "segue.theatre";

pub(super) async fn audio(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| Problem::new(Code::UpgradeRequired, error.to_string()))?;
    if app.tasks.len() >= SESSIONS {
        let detail = format!("{SESSIONS} sessions are open, and more are not taken");
        return Err(Problem::new(Code::TooManyRequests, detail).into());
    }
    let tasks = app.tasks.clone();
    // Larger than a frame may be, so that one that is too large is answered and not only cut off.
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(4 * MOST).max_frame_size(4 * MOST);
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(serve(app, socket))))
}

async fn serve(app: Arc<App>, socket: WebSocket) {
    let (mut writer, mut reader) = socket.split();
    let (out, mut messages) = mpsc::channel::<Value>(UNREAD);
    let mut session = None;
    let mut silent = 0;
    let end = loop {
        let came = tokio::select! {
            biased;
            () = app.stop.cancelled() => break Some((close_code::AWAY, "the service stops".to_owned())),
            Some(message) = messages.recv() => {
                match timeout(PATIENCE, writer.send(Message::text(message.to_string()))).await {
                    Ok(Ok(())) => continue,
                    _ => break None,
                }
            }
            came = timeout(SILENCE, reader.next()) => came,
        };
        let message = match came {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => break Some((close_code::SIZE, error.to_string())),
            Ok(None) => break None,
            Err(_) => {
                silent += 1;
                if silent > ASKED || writer.send(Message::Ping(Vec::new().into())).await.is_err() {
                    break Some((close_code::POLICY, "nothing was heard for too long".to_owned()));
                }
                continue;
            }
        };
        silent = 0;
        let taken = match (message, &mut session) {
            (Message::Close(_), _) => break None,
            (Message::Ping(_) | Message::Pong(_), _) => Ok(()),
            (Message::Text(text), None) => begin(&app, text.as_str(), &out).map(|new| session = Some(new)),
            (Message::Text(text), Some(_)) if text.as_str().trim().is_empty() => Ok(()),
            (Message::Binary(bytes), Some(session)) => hear(&app, session, &bytes).await,
            (Message::Binary(_), None) => Err(Problem::field("/sampleRate", "sound came before the rate")
                .hint(r#"first send text: {"sampleRate": 16000}"#)),
            (Message::Text(_), Some(_)) => {
                Err(Problem::new(Code::InvalidField, "text came after the first message")
                    .hint("after it only binary frames are taken"))
            }
        };
        if let Err(problem) = taken {
            let reason = problem.detail.clone();
            let code = code_of(&problem);
            let told = json!({ "type": "problem", "problem": problem }).to_string();
            let _ = timeout(PATIENCE, writer.send(Message::text(told))).await;
            break Some((code, reason));
        }
    };
    if let Some(session) = session {
        session.finish((app.clock)()).await;
    }
    // What the last words were is told before the end.
    while let Ok(message) = messages.try_recv() {
        let _ = timeout(PATIENCE, writer.send(Message::text(message.to_string()))).await;
    }
    if let Some((code, reason)) = end {
        let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = timeout(PATIENCE, writer.send(Message::Close(Some(frame)))).await;
    }
}

fn code_of(problem: &Problem) -> u16 {
    match problem.code {
        Code::PayloadTooLarge => close_code::SIZE,
        Code::InvalidAudio => close_code::INVALID,
        _ => close_code::POLICY,
    }
}

/// Reads the first message and answers it.
fn begin(app: &Arc<App>, text: &str, out: &mpsc::Sender<Value>) -> Result<Session, Problem> {
    let fields = Fields::parse(text.as_bytes())?;
    let rate: u64 = fields.required("sampleRate", "samples a second, a whole number")?;
    let rate = u32::try_from(rate).ok().filter(|rate| RATES.contains(rate)).ok_or_else(|| {
        let detail =
            format!("{rate} samples a second are not taken, {} to {} are", RATES.start(), RATES.end());
        Problem::field("/sampleRate", detail).hint("speech needs no more than 16000")
    })?;
    let word = |name: &'static str, else_: &str| -> Result<String, Problem> {
        let word: Option<String> = fields.optional(name, "a text")?;
        let word = word.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        let word = word.unwrap_or_else(|| else_.to_owned());
        let long = || Problem::field(format!("/{name}"), "it is longer than 100 characters");
        (word.chars().count() <= 100).then_some(word).ok_or_else(long)
    };
    let source = Source { theatre: word("theatre", "main")?, speaker: word("speaker", "unknown")? };
    // The first message of a session: there is room for it.
    let _ = out.try_send(json!({ "status": "ok", "sampleRate": rate, "theatre": source.theatre }));
    Ok(Session::begin(app.room.clone(), source, rate, out.clone()))
}

async fn hear(app: &App, session: &mut Session, bytes: &[u8]) -> Result<(), Problem> {
    if bytes.len() > MOST {
        let detail = format!("a frame of {} bytes; at most {MOST} are taken", bytes.len());
        return Err(Problem::new(Code::PayloadTooLarge, detail).hint("send a tenth of a second at a time"));
    }
    if !bytes.len().is_multiple_of(4) {
        let detail = format!("a frame of {} bytes is not made of 32-bit floats", bytes.len());
        return Err(Problem::new(Code::InvalidAudio, detail));
    }
    let samples: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    if let Some(at) = samples.iter().position(|sample| !sample.is_finite()) {
        return Err(Problem::new(Code::InvalidAudio, format!("sample {at} of a frame is no number")));
    }
    session.push(&samples, (app.clock)()).await;
    Ok(())
}
