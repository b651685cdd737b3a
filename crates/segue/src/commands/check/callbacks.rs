//! Checks of the callback: that it comes, what it holds, that it comes again until it is taken, and not after.

use anyhow::Result;
use protocol::{AttemptStatus, Code, StartRequest, headers::CALLBACK_LIMIT};
use uuid::Uuid;

use super::{
    findings::{Finding, Rule},
    listener::{Received, Reply},
    probe::Probe,
};

const COMES: Rule = Rule {
    check: "callback",
    expected: "POST {callback.url} with a JSON body that says how the attempt ended, within --takes",
    mend: "POST {\"jobId\", \"attemptId\", \"phase\", \"success\": true, \"output\": {…}} to callback.url when the work is done; \
           if the work takes longer, say --takes",
};
const ENDS_WELL: Rule = Rule {
    check: "callback-success",
    expected: "the work that was asked for succeeds, so that its callback can be judged",
    mend: "give the check an input that the service does well: --phase NAME --input @file --item JSON --upstream @file",
};
const NAMES: Rule = Rule {
    check: "callback-attempt",
    expected: "jobId, attemptId and phase are those of the start",
    mend: "copy jobId, attemptId and phase from the start request, unchanged and in camelCase",
};
const TOKEN: Rule = Rule {
    check: "callback-token",
    expected: "the attempt's token comes as Authorization: Bearer {callback.token}, or as the member token",
    mend: "send the header Authorization: \"Bearer \" + start.callback.token; without it the callback is answered 401",
};
const CONTENT_TYPE: Rule = Rule {
    check: "callback-content-type",
    expected: "Content-Type: application/json",
    mend: "send the header Content-Type: application/json; what is between you and Segue may look at it",
};
const SIZE: Rule = Rule {
    check: "callback-size",
    expected: "a callback has at most 1 MiB",
    mend: "PUT what is large to {artifactsUrl}NAME with the same bearer, and put the name into output",
};
const AGAIN: Rule = Rule {
    check: "callback-again",
    expected: "a callback that is answered 503 is sent again until it is taken",
    mend: "on 5xx, 429 or no answer wait and send the same body again, longer each time; stop at 2xx, 401, 404, 409. A result \
           that arrives nowhere is work done for nothing",
};
const BROKEN: Rule = Rule {
    check: "callback-broken",
    expected: "a callback whose connection breaks is sent again",
    mend: "treat an error of the connection like 503: wait, send the same again (curl: --retry-all-errors)",
};
const STOPS: Rule = Rule {
    check: "callback-stops",
    expected: "after 409 or 404 a callback is not sent again: nobody waits for it",
    mend: "give up at 409 (superseded, conflicting-outcome), 404 and 401; only 5xx, 429 and silence are worth another try",
};

/// What the first callback shows. False: there was none that is worth going on with.
pub(super) async fn form(probe: &Probe, start: &StartRequest, found: &mut Vec<Finding>) -> bool {
    if !probe.listener.callbacks(start.attempt_id, 1, probe.patience).await {
        let status = probe.status(start.attempt_id).await;
        let beside = match status {
            Some(AttemptStatus::Running { .. }) => "; /status says that it is running",
            Some(AttemptStatus::Done { .. }) => "; /status says that it is done",
            Some(AttemptStatus::Unknown) => "; /status says that it is unknown",
            None => "",
        };
        found.push(COMES.fault(format!("none within {} s{beside}", probe.patience.as_secs())));
        return false;
    }
    let Some(first) = probe.listener.with(start.attempt_id, |seen| seen.callbacks.first().cloned()) else {
        return false;
    };
    found.push(match first.size {
        0..=CALLBACK_LIMIT => SIZE.right(format!("{} bytes", first.size)),
        size => SIZE.fault(format!("{size} bytes, which is answered 413 and lost")),
    });
    found.push(match first.json {
        true => CONTENT_TYPE.right("application/json"),
        false => CONTENT_TYPE.warning("another, or none"),
    });
    content(start, &first, found);
    true
}

fn content(start: &StartRequest, first: &Received, found: &mut Vec<Finding>) {
    found.push(match first.token() {
        Some(token) if token == start.callback.token => TOKEN.right("the attempt's"),
        Some(_) => TOKEN.fault("another token than the start's"),
        None => TOKEN.fault("no token"),
    });
    let callback = match &first.callback {
        Ok(callback) => callback,
        Err(problem) => {
            let place = problem.pointer.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            found.push(COMES.fault(format!("it can't be read: {}{place}", problem.detail)));
            return;
        }
    };
    found.push(COMES.right("it came"));
    let underscored =
        ["job_id", "attempt_id"].into_iter().find(|name| first.members.iter().any(|one| one == name));
    let wrong = [
        ("jobId", callback.job_id.map(|id| id == start.job_id)),
        ("attemptId", callback.attempt_id.map(|id| id == start.attempt_id)),
        ("phase", callback.phase.as_ref().map(|phase| *phase == start.phase)),
    ];
    let others: Vec<_> =
        wrong.iter().filter(|(_, same)| *same == Some(false)).map(|(name, _)| *name).collect();
    let has_token = first.token().is_some();
    found.push(match underscored {
        _ if !others.is_empty() => NAMES.fault(format!("another {} than the start's", others.join(", "))),
        Some(name) => NAMES.fault(format!("'{name}': members are in camelCase")),
        None if callback.attempt_id.is_some() => NAMES.right("the start's"),
        None if has_token => NAMES.right("no attemptId; the token says which attempt it is"),
        None => NAMES.fault("neither attemptId nor token: nothing says which attempt it belongs to"),
    });
    if !callback.success {
        let why = callback.error.as_ref().map_or("no error is given", |error| &*error.message);
        found.push(ENDS_WELL.warning(format!("it says that it failed: {why}")));
    }
}

/// Two attempts whose callbacks nobody wants; judged later by [`judge_stops`].
pub(super) async fn unwanted(probe: &Probe) -> Result<[StartRequest; 2]> {
    let superseded = Reply::Problem(Code::Superseded);
    let unknown = Reply::Problem(Code::UnknownAttempt);
    let starts = [probe.attempt(&[])?, probe.attempt(&[])?];
    for (start, reply) in starts.iter().zip([superseded, unknown]) {
        probe.listener.with(start.attempt_id, |seen| seen.always = Some(reply));
        let _said = probe.start(start).await?;
        probe.listener.callbacks(start.attempt_id, 1, probe.patience).await;
    }
    Ok(starts)
}

/// By now what is sent again has come again: callbacks that were refused later than these have.
pub(super) fn judge_stops(probe: &Probe, unwanted: &[StartRequest; 2]) -> Finding {
    let count = |start: &StartRequest| probe.listener.with(start.attempt_id, |seen| seen.callbacks.len());
    let [superseded, unknown] = unwanted.each_ref().map(count);
    match (superseded, unknown) {
        (0, _) | (_, 0) => STOPS.not_checked("no callback came"),
        (1, 1) => STOPS.right("sent once each"),
        _ => STOPS.fault(format!("sent {superseded} times after 409, {unknown} times after 404")),
    }
}

/// A callback that is first answered 503, then not at all, then taken.
pub(super) async fn again(probe: &Probe, found: &mut Vec<Finding>) -> Result<()> {
    let start = probe.attempt(&[Reply::Busy, Reply::Broken])?;
    let _said = probe.start(&start).await?;
    let attempt = start.attempt_id;
    if !probe.listener.callbacks(attempt, 1, probe.patience).await {
        found.push(AGAIN.not_checked("no callback came"));
        return Ok(());
    }
    if !probe.listener.callbacks(attempt, 2, probe.patience).await {
        found.push(match heals(probe, attempt).await {
            true => AGAIN.warning(
                "it was not sent again; /status has it, so that Segue finds it after the phase's heartbeat",
            ),
            false => AGAIN.fault(format!("it was not sent again within {} s", probe.patience.as_secs())),
        });
        found.push(BROKEN.not_checked("it is not sent again after 503 either"));
        return Ok(());
    }
    found.push(AGAIN.right("sent again after 503"));
    found.push(match probe.listener.callbacks(attempt, 3, probe.patience).await {
        true => BROKEN.right("sent again after its connection broke"),
        false => BROKEN.warning(format!("it was not sent again within {} s", probe.patience.as_secs())),
    });
    Ok(())
}

async fn heals(probe: &Probe, attempt: Uuid) -> bool {
    matches!(probe.status(attempt).await, Some(AttemptStatus::Done { .. }))
}
