//! Checks of what a service may offer: health, status, progress, cancel, pause. What is not there is no fault.

use anyhow::Result;
use protocol::{AttemptStatus, PauseAnswer, StartRequest};
use reqwest::Method;
use serde_json::{Value, value::to_raw_value};
use uuid::Uuid;

use super::{
    findings::{Finding, Rule},
    probe::{Answer, Probe, Said},
    starts::words,
};

const HEALTH: Rule = Rule {
    check: "health",
    expected: "GET /health is answered 200 with name, version, phases, running, capacity; or 404",
    mend: "answer 200 with {\"name\", \"version\", \"phases\", \"running\", \"capacity\"}, or 404 where you do not offer it",
};
const STATUS: Rule = Rule {
    check: "status",
    expected: "GET /status/{attemptId} is answered {\"state\": \"unknown\" | \"running\" | \"done\"}, done with the callback's body",
    mend: "answer 404 or {\"state\": \"unknown\"} to attempts that you do not know, {\"state\": \"done\", \"callback\": {…}} to \
           those that have ended; with it Segue finds a lost callback without doing the work again",
};
const PROGRESS: Rule = Rule {
    check: "progress",
    expected: "POST {callback.progressUrl} with the token as bearer, while the work goes on",
    mend: "send Authorization: \"Bearer \" + start.callback.token with progress too",
};
const CANCEL: Rule = Rule {
    check: "cancel",
    expected: "POST /cancel/{attemptId} is answered 200 and the attempt stops; or 404",
    mend: "stop the work and answer 200, or 404 where you do not offer it; 5xx tells nobody anything",
};
const PAUSE: Rule = Rule {
    check: "pause",
    expected: "POST /pause/{attemptId} is answered 200 with {\"checkpoint\": …}, from which a later start goes on; 409 if it is \
               too late; or 404",
    mend: "end the work, answer {\"checkpoint\": …}, and read checkpoint from the next start; or answer 404",
};

pub(super) async fn health(probe: &Probe, found: &mut Vec<Finding>) {
    let said = probe.ask(Method::GET, "/health").await;
    found.push(match &said {
        Ok(answer) if answer.not_there() => HEALTH.not_offered("not offered"),
        Ok(answer) if answer.status == 200 => match probe.health().await {
            Some(health) => HEALTH.right(format!("{} {}", health.name, health.version)),
            None => HEALTH.warning("answered 200, but not with name, version, phases, running and capacity"),
        },
        _ => HEALTH.warning(words(&said)),
    });
}

/// Of an attempt that has ended and of one that never was.
pub(super) async fn status(probe: &Probe, ended: &StartRequest, found: &mut Vec<Finding>) {
    let said = probe.ask(Method::GET, &format!("/status/{}", ended.attempt_id)).await;
    let never = Uuid::now_v7();
    found.push(match (&said, probe.status(ended.attempt_id).await) {
        (Ok(answer), _) if answer.not_there() => STATUS.not_offered("not offered"),
        (_, Some(AttemptStatus::Done { .. })) => match probe.status(never).await {
            Some(AttemptStatus::Running { .. } | AttemptStatus::Done { .. }) => {
                STATUS.fault("it claims to know an attempt that never was: Segue would wait for it")
            }
            _ => STATUS.right("knows what has ended, and what never was"),
        },
        (_, Some(AttemptStatus::Unknown)) => {
            STATUS.right("has forgotten what has ended; a lost callback costs the work")
        }
        (_, Some(AttemptStatus::Running { .. })) => {
            STATUS.fault("running, though its callback has been taken: Segue would wait for it")
        }
        (_, None) => STATUS.warning(format!("not understood: {}", words(&said))),
    });
}

pub(super) fn progress(probe: &Probe, starts: &[&StartRequest], found: &mut Vec<Finding>) {
    let count = |start: &&StartRequest| {
        probe.listener.with(start.attempt_id, |seen| (seen.progress, seen.progress_without_token))
    };
    let (came, bare) = starts.iter().map(count).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    found.push(match (came, bare) {
        (0, _) => {
            PROGRESS.not_offered("none; an attempt that is silent for its phase's heartbeat is asked about")
        }
        (came, 0) => PROGRESS.right(format!("{came} reports")),
        (came, bare) => PROGRESS.fault(format!("{bare} of {came} reports without the attempt's token")),
    });
}

pub(super) async fn cancel(probe: &Probe, found: &mut Vec<Finding>) -> Result<()> {
    let start = probe.attempt(&[])?;
    let accepted = probe.start(&start).await?;
    let said = probe.ask(Method::POST, &format!("/cancel/{}", start.attempt_id)).await;
    found.push(match (&said, accepted.is_ok_and(|answer| answer.accepted())) {
        (_, false) => CANCEL.not_checked("its start was not accepted"),
        (Ok(answer), _) if answer.not_there() => CANCEL.not_offered("not offered"),
        (Ok(Answer { status: 200..300, .. }), _) => match stopped(probe, start.attempt_id).await {
            true => CANCEL.right("answered, and nothing runs"),
            false => CANCEL.fault("answered, but /status says that it is running on"),
        },
        (Ok(Answer { status: 409, .. }), _) => CANCEL.right("answered 409: it was over"),
        _ => CANCEL.fault(words(&said)),
    });
    Ok(())
}

/// Whether `/status`, where there is one, stops saying that an attempt runs.
async fn stopped(probe: &Probe, attempt: Uuid) -> bool {
    let over = async {
        while matches!(probe.status(attempt).await, Some(AttemptStatus::Running { .. })) {
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(probe.patience, over).await.is_ok()
}

pub(super) async fn pause(probe: &Probe, found: &mut Vec<Finding>) -> Result<()> {
    let start = probe.attempt(&[])?;
    let _accepted = probe.start(&start).await?;
    let said = probe.ask(Method::POST, &format!("/pause/{}", start.attempt_id)).await;
    let Some(checkpoint) = checkpoint(&said) else {
        found.push(match &said {
            Ok(answer) if answer.not_there() => PAUSE.not_offered("not offered"),
            Ok(Answer { status: 409, .. }) => {
                PAUSE.right("answered 409: the work was over first; a longer one shows more")
            }
            Ok(Answer { status: 200, .. }) => PAUSE.fault("200 without a checkpoint"),
            _ => PAUSE.fault(words(&said)),
        });
        return Ok(());
    };
    let mut next = probe.attempt(&[])?;
    next.checkpoint = to_raw_value(&checkpoint)?.into();
    next.attempt = 2;
    let resumed = probe.start(&next).await?;
    let came = probe.listener.callbacks(next.attempt_id, 1, probe.patience).await;
    found.push(match (resumed.is_ok_and(|answer| answer.accepted()), came) {
        (true, true) => PAUSE.right("paused, and went on from its checkpoint"),
        (true, false) => PAUSE.fault("the start with its checkpoint was accepted, but no callback came"),
        (false, _) => PAUSE.fault("the start with its checkpoint was not accepted"),
    });
    Ok(())
}

fn checkpoint(said: &Said) -> Option<Value> {
    let answer = said.as_ref().ok().filter(|answer| answer.status == 200)?;
    let answer: PauseAnswer = serde_json::from_slice(&answer.body).ok()?;
    serde_json::from_str(answer.checkpoint.get()).ok()
}
