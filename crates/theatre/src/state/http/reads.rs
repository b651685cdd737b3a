//! Calls that only look: the state now or as it was, what can be chosen, what was counted.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use protocol::{Code, Problem};
use serde_json::{Map, Value, json};

use super::{Answer, App, Name, Numbers, Shared, audit};
use crate::{
    state::{theatres::Place, view},
    surgery::Surgery,
};

pub(super) fn json_text(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

/// `GET /state`, and with `?at=SEQ` as it was after that event.
pub(super) async fn state(State(app): Shared, Name(name): Name, numbers: Numbers) -> Answer {
    let place = app.theatres.find(&name)?;
    let latest = place.theatre.latest().borrow().clone();
    match numbers.get("at")? {
        Some(at) if at < latest.seq => {
            let room = audit::replay(&place, at).await?;
            Ok(Json(view::state(&room)).into_response())
        }
        _ => Ok(json_text(&latest.json)),
    }
}

pub(super) async fn surgeries(State(app): Shared) -> Json<Vec<String>> {
    Json(app.library.names().map(str::to_owned).collect())
}

/// The selected surgery; none where none is selected.
async fn selected(app: &App, place: &Place) -> Option<Arc<Surgery>> {
    let room = place.theatre.look().await?;
    app.library.get(&room.surgery).cloned()
}

/// `GET /machines`: the machines of the selected surgery by id.
pub(super) async fn machines(State(app): Shared, Name(name): Name) -> Answer {
    let place = app.theatres.find(&name)?;
    Ok(match selected(&app, &place).await {
        Some(surgery) => Json(&surgery.machines).into_response(),
        None => Json(Map::new()).into_response(),
    })
}

/// `GET /surgery`: the whole definition of the selected surgery, with its room.
pub(super) async fn surgery(State(app): Shared, Name(name): Name) -> Answer {
    let place = app.theatres.find(&name)?;
    let surgery = selected(&app, &place).await;
    let surgery = surgery.ok_or_else(|| {
        Problem::new(Code::NotNow, "no surgery is selected in this theatre")
            .hint("POST /select_surgery first")
    })?;
    Ok(Json(&*surgery).into_response())
}

/// `GET /theatres`: every theatre with what it is doing.
pub(super) async fn theatres(State(app): Shared) -> Json<Value> {
    let mut list = Vec::new();
    for name in app.theatres.names() {
        list.push(match app.theatres.find(&name) {
            Err(why) => json!({ "theatre": name, "problem": Problem::from(why) }),
            Ok(place) => {
                let latest = place.theatre.latest().borrow().clone();
                json!({ "theatre": name, "seq": latest.seq, "utterances": latest.last_utterance })
            }
        });
    }
    Json(Value::Array(list))
}

/// `GET /stats`: what this service counted. What the recogniser, the rules and the model count, each of them says itself:
/// `services` has their addresses.
pub(super) async fn stats(State(app): Shared, Name(name): Name) -> Answer {
    let place = app.theatres.find(&name)?;
    let Some(room) = place.theatre.look().await else {
        return Ok(Json(json!({ "running": false, "message": "the theatre has stopped" })).into_response());
    };
    let meter = place.theatre.meter().lock();
    let uptime = (app.clock.0)().duration_since(app.began).as_secs_f64();
    let stats = json!({
        "running": true,
        "theatre": name,
        "surgery": room.surgery,
        "uptime_s": uptime.max(0.0),
        "rule": { "running": true, "processed": meter.understood, "matched": meter.matched,
            "surgery": room.surgery, "machines_loaded": room.machines.len(),
            "avg_latency_ms": meter.mean() },
        "llm": { "dispatches": meter.modelled, "total_degraded": meter.degraded,
            "current_phase": room.phase, "buffer_entries": room.window.len(), "surgery": room.surgery },
        "state_writer": { "running": true, "writes": meter.writes, "merges": meter.merges,
            "errors": meter.errors, "overrides": room.overrides,
            "output_path": place.theatre.path().with_file_name("state.json") },
        "queue_sizes": { "waiting_to_start": room.unstarted.len(), "pending": room.pending.len() },
        "dropped": room.dropped,
        "latency": meter.latency(),
        "services": app.peers,
        "audio_url": app.audio_url,
    });
    drop(meter);
    Ok(Json(stats).into_response())
}
