//! What a service owes from its earlier life: results to deliver, attempts to run again, old records to forget.

use std::{io, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use protocol::{Callback, StartRequest};

use super::{Live, State, hand_over, run};
use crate::{
    record::{Record, Stage},
    service::Service,
};

/// Takes up every record that is not settled. Called before the first request is accepted.
pub(crate) async fn recover(service: &Arc<Service>) -> io::Result<()> {
    clean(service).await?;
    for (attempt, record) in service.records.all().await? {
        let Some(body) = record.start.clone().filter(|_| record.stage != Stage::Settled) else { continue };
        let start = match StartRequest::parse(body.get().as_bytes()) {
            Ok(start) => start,
            Err(problem) => {
                tracing::error!(%attempt, %problem, "the start request of an earlier attempt cannot be read");
                continue;
            }
        };
        let callback: Option<Callback> =
            record.callback.and_then(|callback| serde_json::from_str(callback.get()).ok());
        let state = callback.map_or(State::Running, |callback| State::Done(Arc::new(callback)));
        let Ok(live) = service.attempts.insert(Live::new(start, None, body, state.clone())) else { continue };
        let service = Arc::clone(service);
        match state {
            State::Done(callback) => {
                tracing::info!(%attempt, "delivering the result of an earlier life");
                tokio::spawn(async move { hand_over(&service, &live, &callback).await });
            }
            _ => {
                tracing::info!(%attempt, "running again what an earlier life did not finish");
                tokio::spawn(async move {
                    if let Ok(slot) = Arc::clone(&service.slots).acquire_owned().await {
                        run(service, live, slot).await;
                    }
                });
            }
        }
    }
    Ok(())
}

/// Forgets what nobody will ask for: settled long ago, or of an attempt whose deadline is long past.
pub(crate) async fn clean(service: &Service) -> io::Result<()> {
    let now = (service.clock)();
    for (attempt, record) in service.records.all().await? {
        if service.attempts.find(attempt).is_none() && is_old(service, &record, now) {
            service.records.forget(attempt).await?;
        }
    }
    Ok(())
}

fn is_old(service: &Service, record: &Record, now: Timestamp) -> bool {
    let longer_ago = |time: Timestamp, limit| {
        SignedDuration::try_from(limit).is_ok_and(|limit| now.duration_since(time) > limit)
    };
    if record.stage == Stage::Settled {
        return longer_ago(record.at, service.timing.keep_records);
    }
    let start = record.start.as_ref().and_then(|body| StartRequest::parse(body.get().as_bytes()).ok());
    match (record.stage, start.and_then(|start| start.deadline)) {
        (Stage::Accepted, Some(deadline)) => now > deadline,
        (_, Some(deadline)) => longer_ago(deadline, service.timing.callback_patience),
        (_, None) => longer_ago(record.at, service.timing.callback_patience),
    }
}
