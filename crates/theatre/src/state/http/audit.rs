//! The past: the log as it stands on disk, whether it is whole, and the state as it was.

use std::{io, path::PathBuf};

use axum::{Json, extract::State, response::IntoResponse};
use protocol::{Code, Problem};
use serde_json::{json, value::RawValue};

use super::{Answer, Name, Numbers, Shared};
use crate::state::{
    chain::{self, Broken, Head},
    event::Entry,
    fold, log,
    room::Room,
    theatres::{NoTheatre, Place},
};

/// Entries of a page of the history.
const PAGE: usize = 1_000;

/// Runs what reads files where it holds nobody up.
pub(super) async fn reading<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let failed = |error: String| Problem::new(Code::Internal, format!("the log cannot be read: {error}"));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Entries from `seq` on, `most` of them at most.
pub(super) async fn entries(place: &Place, seq: u64, most: usize) -> Result<Vec<Entry>, Problem> {
    let range = place.theatre.range(seq).await;
    let range = range.ok_or_else(|| Problem::new(Code::ShuttingDown, "the theatre has stopped"))?;
    let path = place.theatre.path().clone();
    reading(move || log::read_piece(&path, range, most)).await
}

/// The state after event `at`.
pub(super) async fn replay(place: &Place, at: u64) -> Result<Room, Problem> {
    let most = usize::try_from(at).unwrap_or(usize::MAX);
    let range = place.theatre.range(1).await;
    let range = range.ok_or_else(|| Problem::new(Code::ShuttingDown, "the theatre has stopped"))?;
    let path = place.theatre.path().clone();
    reading(move || Ok(fold::fold(&log::read_piece::<Entry>(&path, range, most)?))).await
}

/// `GET /history?from&to`: lines of the log as they stand there, with their hashes, from 1, a page at a time.
pub(super) async fn history(State(app): Shared, Name(name): Name, numbers: Numbers) -> Answer {
    let place = app.theatres.find(&name)?;
    let from = numbers.get("from")?.unwrap_or(1).max(1);
    let last = place.theatre.latest().borrow().seq;
    let to = numbers.get("to")?.unwrap_or(last).min(last);
    let wanted = usize::try_from((to + 1).saturating_sub(from)).unwrap_or(usize::MAX).min(PAGE);
    let range = place.theatre.range(from).await;
    let range = range.ok_or_else(|| Problem::new(Code::ShuttingDown, "the theatre has stopped"))?;
    let path = place.theatre.path().clone();
    let entries = reading(move || log::read_piece::<Box<RawValue>>(&path, range, wanted)).await?;
    let end = from + entries.len() as u64;
    let next = (end <= to).then_some(end);
    Ok(Json(json!({ "theatre": name, "entries": entries, "last": last, "next": next })).into_response())
}

/// `GET /audit/verify`: reads the whole log anew and goes through its chain. Works for a theatre that is shut, too.
pub(super) async fn verify(State(app): Shared, Name(name): Name) -> Answer {
    let (expected, end) = match app.theatres.find(&name) {
        Ok(place) => {
            let shown = place.theatre.latest().borrow().clone();
            let end = place.theatre.range(u64::MAX).await.map(|(_, end)| end);
            (Some(Head { seq: shown.seq, hash: shown.hash }), end)
        }
        Err(NoTheatre::Damaged(_)) => (None, None),
        Err(why) => return Err(why.into()),
    };
    let (path, theatre) = (app.theatres.log_of(&name), name.clone());
    let verdict = reading(move || verdict(path, &theatre, expected, end)).await?;
    let answer = match verdict {
        Ok(head) => json!({ "ok": true, "theatre": name, "entries": head.seq,
            "head": head.hash.to_hex().as_str() }),
        Err(broken) => json!({ "ok": false, "theatre": name, "line": broken.line, "why": broken.why }),
    };
    Ok(Json(answer).into_response())
}

/// Goes through the log up to `end`, which is what was committed when we were asked, and holds it against what the writer
/// knows: a log that was shortened is whole in itself.
fn verdict(
    path: PathBuf,
    theatre: &str,
    expected: Option<Head>,
    end: Option<u64>,
) -> io::Result<Result<Head, Broken>> {
    let mut bytes = std::fs::read(path)?;
    if let Some(end) = end.and_then(|end| usize::try_from(end).ok()) {
        bytes.truncate(end);
    }
    let mut at_expected = None;
    let mut head = Head::genesis(theatre);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if let Err(why) = chain::walk_one(&mut head, line) {
            return Ok(Err(Broken { line: head.seq + 1, why }));
        }
        if expected.is_some_and(|expected| expected.seq == head.seq) {
            at_expected = Some(head.hash);
        }
    }
    match expected {
        Some(expected) if at_expected.is_none() => {
            let why = format!("the log ends here, and {} lines were written", expected.seq);
            Ok(Err(Broken { line: head.seq + 1, why }))
        }
        Some(expected) if at_expected != Some(expected.hash) => {
            Ok(Err(Broken { line: expected.seq, why: "it is not the line that was written".to_owned() }))
        }
        _ => Ok(Ok(head)),
    }
}
