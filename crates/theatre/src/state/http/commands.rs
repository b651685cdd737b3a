//! Calls that change something: choose a surgery, say something, override and release, confirm and drop.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State, response::IntoResponse};
use jiff::Timestamp;
use protocol::{Code, Fields, Problem};
use serde_json::json;

use super::{Answer, App, Name, PendingId, Refusal, Shared};
use crate::{
    state::{
        command::{Chosen, Command, DEFAULT_MINUTES, Refused},
        event::Definition,
        writer::Done,
    },
    surgery::Surgery,
};

/// The largest body, in bytes.
const MOST_BODY: usize = 64 * 1024;
/// So many letters of a text are repeated in the answer.
const ECHO: usize = 100;
/// Who did something where nobody is named.
const UNNAMED: &str = "unnamed";

async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    let too_large = |_| Problem::new(Code::PayloadTooLarge, format!("a body has at most {MOST_BODY} bytes"));
    axum::body::to_bytes(body, MOST_BODY).await.map_err(too_large)
}

/// A text that may be absent: who it was, or why.
fn words(fields: &Fields<'_>, name: &str, absent: &str) -> Result<String, Problem> {
    let text: Option<String> = fields.optional(name, "a text")?;
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| absent.to_owned());
    match text.len() {
        0..=500 => Ok(text),
        size => Err(Refused::TooLong { field: "text", size, most: 500 }.into()),
    }
    .map_err(|problem: Problem| problem.pointer(fields.pointer_to(name)))
}

async fn tell(app: &Arc<App>, name: &str, command: Command) -> Result<Done, Refusal> {
    let place = app.theatres.find(name)?;
    Ok(place.theatre.tell(command).await?)
}

pub(super) async fn select_surgery(State(app): Shared, Name(name): Name, body: Body) -> Answer {
    let body = read(body).await?;
    let fields = Fields::parse(&body)?;
    let wanted: String = fields.required("surgery", "the name of a surgery")?;
    let operator = words(&fields, "operator", UNNAMED)?;
    let surgery = app.library.get(&wanted).ok_or_else(|| {
        let known: Vec<&str> = app.library.names().collect();
        Problem::new(Code::UnknownSurgery, format!("there is no surgery '{wanted:.80}'"))
            .pointer("/surgery")
            .hint(format!("there are {}", known.join(", ")))
    })?;
    let place = app.theatres.find_or_make(&name)?;
    let command = Command::Select { surgery: chosen(surgery), operator };
    let done = place.theatre.tell(command).await?;
    let answer = json!({ "status": "ok", "surgery": wanted, "theatre": name, "epoch": done.epoch,
        "seq": done.seq });
    Ok(Json(answer).into_response())
}

/// What the state needs of a surgery.
fn chosen(surgery: &Surgery) -> Chosen {
    let machines = surgery.machines.iter().map(|(id, machine)| {
        (id.clone(), Definition { name: machine.name.clone(), default: machine.default_state })
    });
    Chosen {
        name: surgery.name.clone(),
        phases: surgery.phases.iter().map(|phase| phase.id.clone()).collect(),
        machines: machines.collect(),
    }
}

pub(super) async fn transcript(State(app): Shared, Name(name): Name, body: Body) -> Answer {
    let body = read(body).await?;
    let fields = Fields::parse(&body)?;
    let text: String = fields.required("text", "what was said")?;
    let speaker = words(&fields, "speaker", UNNAMED)?;
    let is_final = fields.optional("is_final", "true or false")?.unwrap_or(true);
    let said_at: Option<Timestamp> = fields.optional("said_at", "a time such as 2026-01-31T12:00:00Z")?;
    let echo: String = text.chars().take(ECHO).collect();
    let place = app.theatres.find(&name)?;
    if !is_final {
        let partial = json!({ "type": "partial", "theatre": name, "text": text, "speaker": speaker });
        // Nobody may be watching.
        let _ = place.partials.send(partial.to_string().into());
        return Ok(Json(json!({ "status": "ok", "text": echo, "is_final": false })).into_response());
    }
    // What is not over yet was not said yet.
    let said_at = said_at.map(|at| at.min((app.clock.0)()));
    let done = place.theatre.tell(Command::Say { text, speaker, said_at }).await?;
    let answer = json!({ "status": "ok", "text": echo, "theatre": name, "utterance": done.utterance,
        "epoch": done.epoch, "seq": done.seq });
    Ok(Json(answer).into_response())
}

pub(super) async fn set_override(State(app): Shared, Name(name): Name, body: Body) -> Answer {
    let body = read(body).await?;
    let fields = Fields::parse(&body)?;
    let machine_id: String = fields.required("machine_id", "a machine such as M06")?;
    let action: String = fields.required("action", "ON, OFF or STANDBY")?;
    let minutes: Option<u64> = fields.optional("minutes", "a whole number of minutes")?;
    let command = Command::Override {
        machine_id: machine_id.clone(),
        action: action.clone(),
        reason: words(&fields, "reason", "Manual override")?,
        operator: words(&fields, "operator", UNNAMED)?,
        minutes,
    };
    let done = tell(&app, &name, command).await?;
    let minutes = minutes.unwrap_or(DEFAULT_MINUTES);
    let note = format!("holds for {minutes} min, or until it is released");
    let action = action.to_ascii_uppercase();
    let answer = json!({ "status": "ok", "machine_id": machine_id, "action": action, "minutes": minutes,
        "note": note, "theatre": name, "seq": done.seq });
    Ok(Json(answer).into_response())
}

pub(super) async fn release(State(app): Shared, Name(name): Name, body: Body) -> Answer {
    let body = read(body).await?;
    let fields = Fields::parse(&body)?;
    let machine_id: String = fields.required("machine_id", "a machine such as M06")?;
    let operator = words(&fields, "operator", UNNAMED)?;
    let done = tell(&app, &name, Command::Release { machine_id: machine_id.clone(), operator }).await?;
    let answer = json!({ "status": "ok", "machine_id": machine_id, "theatre": name, "seq": done.seq });
    Ok(Json(answer).into_response())
}

pub(super) async fn confirm(
    State(app): Shared,
    Name(name): Name,
    PendingId(pending): PendingId,
    body: Body,
) -> Answer {
    settle(&app, &name, pending, true, body).await
}

pub(super) async fn drop_pending(
    State(app): Shared,
    Name(name): Name,
    PendingId(pending): PendingId,
    body: Body,
) -> Answer {
    settle(&app, &name, pending, false, body).await
}

async fn settle(app: &Arc<App>, name: &str, pending: u64, happens: bool, body: Body) -> Answer {
    let body = read(body).await?;
    let operator = match body.iter().all(u8::is_ascii_whitespace) {
        true => UNNAMED.to_owned(),
        false => words(&Fields::parse(&body)?, "operator", UNNAMED)?,
    };
    let done = tell(app, name, Command::Settle { pending, happens, operator }).await?;
    let answer = json!({ "status": "ok", "pending": pending, "theatre": name, "seq": done.seq });
    Ok(Json(answer).into_response())
}
