//! The calls of the service: a file to be transcribed, what was done so far, and the socket.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Instant};

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::{SignedDuration, Timestamp};
use phase_kit::{Refusal, catalog::Token};
use protocol::{Code, Problem};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    detect::{Detection, Detector, Found, Utterance},
    ear::Tuning,
    listen::{Room, keep},
    resample::{RATE, whole},
    socket,
    spool::Transcript,
    wav,
};
use crate::{state::http::shows, surgery::Library};

/// The largest file, in bytes: ten minutes of 16 bits at 16 kHz, or two of the best.
const MOST: usize = 25 * 1024 * 1024;
/// The longest file, in seconds.
const LONGEST: f64 = 600.0;

/// What every call may need.
pub(super) struct App {
    pub(super) room: Room,
    pub(super) library: Library,
    pub(super) token: Option<Token>,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) began: Instant,
    /// Sessions that are open.
    pub(super) tasks: TaskTracker,
    /// Cancelled when sessions are to end.
    pub(super) stop: CancellationToken,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("room", &self.room).finish_non_exhaustive()
    }
}

pub(super) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/transcribe", post(transcribe))
        .route("/stats", get(stats))
        .route("/ws/audio", get(socket::audio))
        .method_not_allowed_fallback(|| async {
            Refusal(Problem::new(Code::MethodNotAllowed, "another method is needed here"))
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), check))
        .with_state(app)
}

/// Lets nobody through without the token where there is one, and no page but one of the same machine: the theatre's page
/// comes from another port.
async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = text(headers, header::HOST).map(without_port);
    if let Some(origin) = text(headers, header::ORIGIN) {
        let page = origin.split_once("://").map(|(_, place)| without_port(place));
        if page.is_none() || page != host {
            let detail = "calls from the pages of others are not answered";
            return Refusal(Problem::new(Code::NotAllowed, detail)).into_response();
        }
    }
    if app.token.as_ref().is_some_and(|token| !shows(headers, token)) {
        let problem = Problem::new(Code::WrongToken, "the token is missing or wrong");
        return Refusal(problem.hint("send Authorization: Bearer TOKEN")).into_response();
    }
    next.run(request).await
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `[::1]:3471` and `localhost:3471` without their ports.
fn without_port(place: &str) -> &str {
    match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => place,
    }
}

async fn stats(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "running": true, "uptime_s": app.began.elapsed().as_secs_f64(), "recogniser": app.room.ear.name(),
        "asr": app.room.ear.stats.show(app.room.spool.len()),
    }))
}

/// `POST /transcribe`: a WAV file. `?theatre=NAME` also says it there, and listens for that theatre's machines;
/// `?surgery=NAME` listens for those of a surgery; `?speaker=` is who speaks.
async fn transcribe(
    State(app): State<Arc<App>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let began = Instant::now();
    is_wav(&headers)?;
    let bytes = to_bytes(body, MOST).await.map_err(|_| {
        let detail = format!("the file has more than {MOST} bytes");
        Problem::new(Code::PayloadTooLarge, detail).hint("send shorter pieces, or 16 kHz")
    })?;
    if bytes.is_empty() {
        return Err(Problem::new(Code::EmptyText, "the body is empty").hint("send a WAV file").into());
    }
    let theatre = query.get("theatre").map(String::as_str);
    let surgery = surgery(&app, query.get("surgery"), theatre).await?;
    let read = tokio::task::spawn_blocking(move || utterances(&bytes)).await;
    let (duration, utterances) = read.map_err(|error| Problem::new(Code::Internal, error.to_string()))??;
    let tuning = app.room.ear.tuning(surgery.as_deref());
    let heard = hear_all(&app, tuning, utterances).await?;
    if let Some(theatre) = theatre {
        let speaker = query.get("speaker").map_or("unknown", String::as_str);
        say(&app, theatre, speaker, duration, &heard.parts).await?;
    }
    let texts: Vec<&str> = heard.parts.iter().filter_map(|part| part["text"].as_str()).collect();
    Ok(Json(json!({
        "text": texts.join(" "), "segments": heard.parts, "rejected": heard.rejected, "duration_s": duration,
        "surgery": surgery, "took_ms": began.elapsed().as_secs_f64() * 1000.0,
    })))
}

fn is_wav(headers: &HeaderMap) -> Result<(), Problem> {
    let media = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let kind = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"].contains(&kind.as_str()) {
        return Ok(());
    }
    let detail = format!("'{kind}' is not taken here");
    Err(Problem::new(Code::UnsupportedMediaType, detail).hint("send a WAV file with Content-Type: audio/wav"))
}

/// The surgery that was asked for, else that of the theatre, else none.
async fn surgery(
    app: &App,
    asked: Option<&String>,
    theatre: Option<&str>,
) -> Result<Option<String>, Problem> {
    if let Some(name) = asked {
        if app.library.get(name).is_some() {
            return Ok(Some(name.clone()));
        }
        let known = app.library.names().collect::<Vec<_>>().join(", ");
        return Err(Problem::new(Code::UnknownSurgery, format!("there is no surgery '{name}'"))
            .hint(format!("there are {known}")));
    }
    match theatre {
        Some(theatre) => Ok(app.room.state.surgery(theatre).await),
        None => Ok(None),
    }
}

/// Reads a file and finds the utterances in it.
fn utterances(bytes: &Bytes) -> Result<(f64, Vec<Utterance>), Problem> {
    let clip = wav::read(bytes).map_err(|error| Problem::new(Code::InvalidAudio, error.to_string()))?;
    let duration = clip.samples.len() as f64 / f64::from(clip.rate);
    if duration > LONGEST {
        let detail = format!("the file lasts {duration:.0} s; at most {LONGEST:.0} are taken");
        return Err(Problem::new(Code::PayloadTooLarge, detail));
    }
    let mut detector = Detector::new(Detection::default());
    let found = detector.push(&whole(&clip.samples, clip.rate));
    let ended = found.into_iter().filter_map(|found| match found {
        Found::Ended(utterance) => Some(utterance),
        Found::Began { .. } => None,
    });
    let mut utterances: Vec<Utterance> = ended.collect();
    utterances.extend(detector.finish());
    Ok((duration, utterances))
}

struct All {
    parts: Vec<Value>,
    rejected: Vec<Value>,
}

async fn hear_all(app: &App, tuning: &Tuning, utterances: Vec<Utterance>) -> Result<All, Problem> {
    let mut all = All { parts: Vec::new(), rejected: Vec::new() };
    for utterance in utterances {
        let start = utterance.start as f64 / f64::from(RATE);
        let length = utterance.samples.len() as u64 - utterance.tail;
        let end = start + length as f64 / f64::from(RATE);
        let heard = app.room.ear.hear(utterance.samples.into(), tuning).await.map_err(|error| {
            Problem::new(Code::ServiceUnreachable, error.to_string())
                .hint(format!("recogniser: {}", error.code()))
        })?;
        if heard.text.is_empty() {
            all.rejected.push(json!({ "start": start, "end": end, "guess": heard.rejected }));
            continue;
        }
        let words: Vec<Value> = heard
            .segments
            .iter()
            .map(|word| json!({ "text": word.text, "start": start + word.start, "end": start + word.end }))
            .collect();
        all.parts.push(json!({ "text": heard.text, "start": start, "end": end,
            "confidence": heard.confidence, "words": words }));
    }
    Ok(all)
}

/// Says it in a theatre, as if the file had ended now.
async fn say(app: &App, theatre: &str, speaker: &str, duration: f64, parts: &[Value]) -> Result<(), Problem> {
    let now = (app.clock)();
    for part in parts {
        let at = |name: &str| {
            let back = duration - part[name].as_f64().unwrap_or(duration);
            let back = SignedDuration::try_from_secs_f64(back.max(0.0)).unwrap_or_default();
            now.checked_sub(back).unwrap_or(now)
        };
        let transcript = Transcript {
            theatre: theatre.to_owned(),
            text: part["text"].as_str().unwrap_or_default().to_owned(),
            speaker: speaker.to_owned(),
            confidence: part["confidence"].as_f64(),
            started_at: at("start"),
            ended_at: at("end"),
        };
        let kept = keep(&app.room.spool, transcript).await;
        kept.map_err(|why| Problem::new(Code::DiskFull, why))?;
    }
    Ok(())
}
