//! Hands what is in the spool to the service `state` until it takes it: what was said in a theatre in its order, and no theatre
//! waits for another, whose log may be damaged.

use std::{io, sync::Arc, time::Duration};

use futures::future::{Either, select};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    ear::{Ear, StateService},
    spool::{Spool, Transcript},
};

/// First wait after a refusal that may pass.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// For one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a transcript.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    /// It has it.
    Taken,
    /// It will never take it: the theatre has no surgery, the text is nothing.
    Never(String),
    /// It may take it later.
    Later(String),
}

/// Delivers until told to stop; then once more as far as it goes. What is left waits on the disk.
pub async fn deliver(spool: Arc<Spool>, state: StateService, ear: Arc<Ear>, stop: CancellationToken) {
    let mut wait = FIRST_WAIT;
    loop {
        let firsts = spool.firsts();
        if firsts.is_empty() {
            if stop.is_cancelled() {
                return;
            }
            select(Box::pin(spool.added()), Box::pin(stop.cancelled())).await;
            continue;
        }
        let (mut gone, mut later) = (false, None);
        for (number, transcript) in firsts {
            match hand_over(&spool, &state, &ear, number, &transcript).await {
                Ok(()) => gone = true,
                Err(why) => later = Some(why),
            }
        }
        if gone {
            wait = FIRST_WAIT;
            continue;
        }
        let why = later.unwrap_or_default();
        if stop.is_cancelled() {
            tracing::info!(waiting = spool.len(), "transcripts are left for the next start");
            return;
        }
        tracing::info!(%why, ?wait, "transcripts wait");
        if let Either::Right(_) = select(Box::pin(tokio::time::sleep(wait)), Box::pin(stop.cancelled())).await
        {
            continue;
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Sends a transcript and forgets it; or says why it waits.
async fn hand_over(
    spool: &Arc<Spool>,
    state: &StateService,
    ear: &Ear,
    number: u64,
    transcript: &Transcript,
) -> Result<(), String> {
    let sent = send(state, transcript).await;
    match &sent {
        Sent::Later(why) => return Err(why.clone()),
        Sent::Never(why) => {
            tracing::warn!(theatre = %transcript.theatre, %why, "the state does not want a transcript");
        }
        Sent::Taken => {}
    }
    ear.stats.delivered(sent == Sent::Taken);
    let forgetting = Arc::clone(spool);
    let removed = tokio::task::spawn_blocking(move || forgetting.remove(number)).await;
    let removed = removed.map_err(io::Error::other).and_then(|removed| removed);
    removed.map_err(|error| format!("it cannot be removed from the spool: {error}"))
}

async fn send(state: &StateService, transcript: &Transcript) -> Sent {
    let call = state.call(Method::POST, "/transcript", &transcript.theatre).timeout(PATIENCE);
    let body = body(transcript, true);
    let answer = match call.json(&body).send().await {
        Ok(answer) => answer,
        Err(error) => return Sent::Later(error.to_string()),
    };
    let status = answer.status();
    if status.is_success() {
        return Sent::Taken;
    }
    let problem: Value = answer.json().await.unwrap_or_default();
    let why = format!("{status} {}", problem["detail"].as_str().unwrap_or_default());
    // Who is not let in, is too fast or comes too early may be taken later.
    let passing = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::REQUEST_TIMEOUT];
    let passing = passing.contains(&status) || status == StatusCode::TOO_MANY_REQUESTS;
    if status.is_client_error() && !passing { Sent::Never(why) } else { Sent::Later(why) }
}

/// Shows what is being said. Nobody waits for it, and it may be lost.
pub async fn partial(state: &StateService, transcript: &Transcript) {
    let call = state.call(Method::POST, "/transcript", &transcript.theatre).timeout(Duration::from_secs(2));
    if let Err(error) = call.json(&body(transcript, false)).send().await {
        tracing::debug!(%error, "a partial transcript is lost");
    }
}

fn body(transcript: &Transcript, is_final: bool) -> Value {
    json!({
        "text": transcript.text, "speaker": transcript.speaker, "theatre": transcript.theatre,
        "is_final": is_final, "confidence": transcript.confidence, "said_at": transcript.started_at,
        "started_at": transcript.started_at, "ended_at": transcript.ended_at,
    })
}
