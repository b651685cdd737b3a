//! The check of a service that is killed at work: what it accepted must come back, or be known to be gone.

use anyhow::Result;
use protocol::AttemptStatus;

use super::{
    findings::{Finding, Rule},
    listener::Reply,
    probe::{Answer, Probe},
    process::Process,
    starts::words,
};

const CRASH: Rule = Rule {
    check: "crash",
    expected: "killed at work and started again, it goes on by itself, or /status says unknown (or 404), or the same start is \
               done again when it is offered again",
    mend: "answer \"running\" only for work that this process really does: what an earlier process had taken on is unknown, or \
           is started again when the service starts. Otherwise Segue waits until the deadline",
};

/// Kills the service once it has accepted a start, and looks what becomes of the attempt.
pub(super) async fn crash(
    probe: &Probe,
    process: Option<&mut Process>,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let Some(process) = process else {
        found.push(CRASH.not_checked(
            "not checked: --run 'COMMAND' lets segue check start the service, kill and start it again",
        ));
        return Ok(());
    };
    let start = probe.attempt(&[])?;
    let attempt = start.attempt_id;
    // However quick the work is, its callback is not taken before the crash.
    probe.listener.with(attempt, |seen| seen.always = Some(Reply::Broken));
    let said = probe.start(&start).await?;
    if !said.as_ref().is_ok_and(|answer| answer.status == 202) {
        found.push(CRASH.not_checked(words(&said)));
        return Ok(());
    }
    process.kill_and_start(probe.patience).await?;
    let before = probe.listener.with(attempt, |seen| {
        seen.always = None;
        seen.callbacks.len()
    });
    let claims = matches!(probe.status(attempt).await, Some(AttemptStatus::Running { .. }));
    let done = matches!(probe.status(attempt).await, Some(AttemptStatus::Done { .. }));
    if claims || done {
        let came = probe.listener.callbacks(attempt, before + 1, probe.patience).await;
        found.push(match came {
            true => CRASH.right("it went on by itself, and called back"),
            false if done => CRASH.right("/status still has the result"),
            false => CRASH.fault(format!(
                "/status says running, but no callback came within {} s: nobody does the work",
                probe.patience.as_secs()
            )),
        });
        return Ok(());
    }
    // As Segue does with what a service does not know.
    let again = probe.start(&start).await?;
    let came = match &again {
        Ok(Answer { status: 200, .. }) => true,
        Ok(Answer { status: 202, .. }) => probe.listener.callbacks(attempt, before + 1, probe.patience).await,
        _ => false,
    };
    found.push(match (&again, came) {
        (_, true) => CRASH.right("forgotten, and done when it was offered again"),
        (Ok(Answer { status: 202, .. }), false) => CRASH.fault(format!(
            "offered again it was accepted, but no callback came within {} s: it takes the start for one that it works on",
            probe.patience.as_secs()
        )),
        _ => CRASH.fault(format!("offered again: {}", words(&again))),
    });
    Ok(())
}
