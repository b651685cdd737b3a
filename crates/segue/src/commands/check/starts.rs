//! Checks of `POST /start`: the answer, a start that comes twice, what cannot be read, signatures.

use std::time::Duration;

use anyhow::Result;
use phase_kit::webhook::Secret;
use protocol::{Callback, StartRequest, headers::JSON};
use uuid::Uuid;

use super::{
    findings::{Finding, Rule},
    listener::{Reply, outcome},
    probe::{Answer, Probe, START_PATIENCE, Said},
};

/// How long a callback is held back while the start has not been answered.
const HOLD: Duration = Duration::from_secs(5);

const ANSWER: Rule = Rule {
    check: "start",
    expected: "POST /start is answered 202, or 200 with a callback's body if the work is done already",
    mend: "answer 202 with an empty body when the work is taken on. 4xx ends the run for good, 5xx and silence make Segue \
           offer it again; if your service needs a real input, give one: --phase NAME --input @file",
};
const QUICK: Rule = Rule {
    check: "start-quick",
    expected: "202 is answered when the work is taken on, not when it is done: Segue waits 15 s for it",
    mend: "answer first, then work elsewhere: threading.Thread(target=run, args=[start]).start() in Python, \
           run(start) without await in Node",
};
const UNKNOWN: Rule = Rule {
    check: "start-unknown-fields",
    expected: "members that the service does not know are ignored: later versions of the contract add some",
    mend: "do not refuse additional properties where you read the start request",
};
const TWICE: Rule = Rule {
    check: "start-twice",
    expected: "the same Idempotency-Key again is the same attempt: the work is not done twice, there is one outcome",
    mend: "keep the Idempotency-Key of what you have taken on; when it comes again answer 202 and start nothing (a lost 202 \
           makes Segue ask again)",
};
const MALFORMED: Rule = Rule {
    check: "start-malformed",
    expected: "a body that is not JSON is answered 4xx",
    mend: "catch the error of your JSON parser before you answer, and answer 400: 5xx and silence mean \"offer it again\", 202 \
           means \"a callback will come\"",
};
const CONTENT_TYPE: Rule = Rule {
    check: "start-content-type",
    expected: "a start with another content type than JSON is refused with 4xx (415), or done; never 5xx or silence",
    mend: "check Content-Type before you read the body, and answer 415",
};
const SIGNATURE: Rule = Rule {
    check: "start-signature",
    expected: "with a secret, a start with a wrong signature is refused with 401",
    mend: "verify webhook-signature (docs/protocol.md, section 6) before anything else",
};

/// The first start of all, and what it shows; true: it was done at once, and no callback comes. `None`: there is no use in
/// going on.
pub(super) async fn first(probe: &Probe, found: &mut Vec<Finding>) -> Result<Option<(StartRequest, bool)>> {
    let start = probe.attempt(&[Reply::AfterStart(HOLD.min(probe.patience))])?;
    let body = Probe::body(&start, true)?;
    let mut said = probe.patient(async || probe.offer(&start, &body).await).await;
    let mut started = start;
    if !said.as_ref().is_ok_and(Answer::accepted) {
        // Perhaps only what it does not know is in its way.
        let plain = probe.attempt(&[Reply::AfterStart(HOLD.min(probe.patience))])?;
        let again = probe.start(&plain).await?;
        if again.as_ref().is_ok_and(Answer::accepted) {
            found.push(ANSWER.right(words(&again)));
            found.push(UNKNOWN.fault(format!("with members that it does not know: {}", words(&said))));
            (started, said) = (plain, again);
        }
    } else {
        found.push(ANSWER.right(words(&said)));
        found.push(UNKNOWN.right("ignored"));
    }
    let Some(answer) = said.as_ref().ok().filter(|answer| answer.accepted()) else {
        found.push(ANSWER.fault(words(&said)));
        return Ok(None);
    };
    if answer.status == 200 {
        if let Err(problem) = Callback::parse(&answer.body) {
            found.push(ANSWER.fault(format!("200, but its body is no callback: {}", problem.detail)));
            return Ok(None);
        }
        found.push(QUICK.right("done already"));
        return Ok(Some((started, true)));
    }
    found.push(quick(probe, &started).await);
    Ok(Some((started, false)))
}

async fn quick(probe: &Probe, start: &StartRequest) -> Finding {
    let came = probe.listener.callbacks(start.attempt_id, 1, probe.patience).await;
    let late =
        probe.listener.with(start.attempt_id, |seen| seen.callbacks.iter().any(|one| one.before_start));
    match (came, late) {
        (_, true) => {
            QUICK.fault("202 came only after the callback had been answered: the start waits for the work")
        }
        (true, false) => QUICK.right("202 before the callback was answered"),
        (false, false) => QUICK.right("202 within 15 s"),
    }
}

/// Offers one attempt twice at the same time; what came of it is judged later by [`judge_twice`].
pub(super) async fn twice(probe: &Probe) -> Result<(StartRequest, Said)> {
    let start = probe.attempt(&[])?;
    let body = Probe::body(&start, false)?;
    let offer = async || probe.offer(&start, &body).await;
    let (first, second) = tokio::join!(probe.patient(&offer), probe.patient(&offer));
    probe.listener.callbacks(start.attempt_id, 1, probe.patience).await;
    // Once more when it is over: 200 with the result, or 202.
    let third = probe.patient(&offer).await;
    let worst =
        [first, second, third].into_iter().max_by_key(|said| !said.as_ref().is_ok_and(Answer::accepted));
    Ok((start, worst.unwrap_or_else(|| Err("nothing was sent".to_owned()))))
}

/// By now a second run would have called back: others that began later have.
pub(super) fn judge_twice(probe: &Probe, start: &StartRequest, worst: &Said) -> Finding {
    if !worst.as_ref().is_ok_and(Answer::accepted) {
        return TWICE.fault(format!("one of the equal starts was answered so: {}", words(worst)));
    }
    probe.listener.with(start.attempt_id, |seen| {
        let outcomes: Vec<_> =
            seen.callbacks.iter().filter_map(|one| one.callback.as_ref().ok()).map(|one| outcome(one)).collect();
        match outcomes.split_first() {
            None => TWICE.not_checked("no callback came that could be read"),
            Some((_, [])) => TWICE.right("one callback for three equal starts"),
            Some((first, rest)) if rest.iter().any(|other| other != first) => TWICE.fault(format!(
                "the work ran more than once: {} callbacks of one attempt, with different outcomes",
                outcomes.len()
            )),
            Some(_) => TWICE.warning(format!(
                "{} callbacks with the same outcome for three equal starts: no harm to the job, but the work was done again",
                outcomes.len()
            )),
        }
    })
}

/// What is no start. False: the service is gone since.
pub(super) async fn unreadable(probe: &Probe, found: &mut Vec<Finding>) -> Result<bool> {
    let said = probe.send_start(Uuid::now_v7(), b"{\"jobId\": ".to_vec(), JSON, None).await;
    let malformed = match &said {
        Ok(answer) if answer.accepted() => {
            MALFORMED.fault(format!("{}, though nothing could be read", words(&said)))
        }
        Ok(Answer { status: 400..500, .. }) => MALFORMED.right(words(&said)),
        _ => MALFORMED.fault(words(&said)),
    };
    let start = probe.attempt(&[])?;
    let body = Probe::body(&start, false)?.to_string().into_bytes();
    let said = probe.send_start(start.attempt_id, body, "text/plain", None).await;
    if said.is_err() && probe.is_gone().await {
        found.push(MALFORMED.fault("after a start that it could not read the service is gone"));
        return Ok(false);
    }
    found.push(malformed);
    let mut accepted = false;
    found.push(match &said {
        Ok(answer) if answer.accepted() => {
            accepted = true;
            CONTENT_TYPE.right(format!("{}: it reads the body whatever it is called", words(&said)))
        }
        Ok(answer) if answer.busy() => CONTENT_TYPE.not_checked("busy"),
        Ok(Answer { status: 400..500, .. }) => CONTENT_TYPE.right(words(&said)),
        _ => CONTENT_TYPE.fault(words(&said)),
    });
    if accepted {
        probe.listener.callbacks(start.attempt_id, 1, probe.patience).await;
    }
    Ok(true)
}

/// A start that somebody else has signed.
pub(super) async fn signed(probe: &Probe, found: &mut Vec<Finding>) -> Result<()> {
    if !probe.signs() {
        return Ok(());
    }
    // The digits of an id are base64 too, and as long as a secret must be.
    let other = Secret::parse(&Uuid::now_v7().simple().to_string())?;
    let start = probe.attempt(&[])?;
    let body = Probe::body(&start, false)?.to_string().into_bytes();
    let said = probe.send_start(start.attempt_id, body, JSON, Some(&other)).await;
    found.push(match &said {
        Ok(Answer { status: 401 | 403, .. }) => SIGNATURE.right(words(&said)),
        _ => SIGNATURE.fault(format!("a start with a wrong signature: {}", words(&said))),
    });
    Ok(())
}

/// Most characters of an answer that are shown.
const MOST_WORDS: usize = 120;

/// An answer in words.
pub(super) fn words(said: &Said) -> String {
    match said {
        Ok(answer) => {
            let body = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
            let detail = body.as_ref().and_then(|body| body.get("detail")?.as_str());
            let text = String::from_utf8_lossy(&answer.body);
            let line = detail.or_else(|| text.lines().next()).unwrap_or_default().trim();
            // Pages for browsers say nothing in their first line.
            match answer.status < 300 || line.is_empty() || line.starts_with('<') {
                true => format!("answered {}", answer.status),
                false => format!(
                    "answered {}: {}",
                    answer.status,
                    line.chars().take(MOST_WORDS).collect::<String>()
                ),
            }
        }
        Err(error) if *error == format!("no answer within {} s", START_PATIENCE.as_secs()) => {
            format!("{error}: it may be waiting for its own work to end")
        }
        Err(error) => error.clone(),
    }
}
