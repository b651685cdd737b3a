//! What people are told of a file that stays broken, and the telling: log, issue, chat, mail, each once per file and level.
//!
//! A row of the outbox is tried until it is taken, with pauses that double up to an hour, ten seconds for a call. An issue whose
//! answer was lost is looked for by the mark in its body before another is opened. Chat and mail have no such way: they get
//! the same `Idempotency-Key` each time.

mod send;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ledger::{Channel, Failure, FileOf};

pub use send::Teller;

/// A file rests so long after the third failure: the window of the pipeline's breaker, in seconds.
pub const REST: i64 = 3600;

/// What is told.
pub(crate) fn payload(
    channel: Channel,
    of: &FileOf<'_>,
    level: u8,
    count: u32,
    failure: &Failure,
    latest: &[Failure],
) -> Value {
    let (project, file) = (of.project, of.file);
    let description = format!("{project}: {file} could not be fixed: {}", failure.code);
    match channel {
        Channel::Log => json!({
            "timestamp": moment(failure.at), "task_id": failure.job, "level": level, "failure_count": count,
            "description": description, "reason": failure.message, "paused_at": moment(failure.at), "resume_after": REST,
        }),
        Channel::Github => json!({
            "title": format!("[AutoFix Failed] {description}"),
            "body": issue(of, count, failure, latest),
            "labels": ["autofix-failure", "needs-investigation"],
        }),
        Channel::Chat => json!({
            "text": format!("[CRITICAL] {description}, {count} times. {}", in_one_line(&failure.message)),
            "username": "Segue auto-fix", "icon": ":rotating_light:",
        }),
        Channel::Mail => json!({
            "subject": "[CRITICAL] AutoFix Failure",
            "body": issue(of, count, failure, latest),
        }),
    }
}

fn issue(of: &FileOf<'_>, count: u32, failure: &Failure, latest: &[Failure]) -> String {
    let tries: String = latest
        .iter()
        .map(|one| {
            let fixer = if one.fixer.is_empty() { "no fixer" } else { &one.fixer };
            format!("- {} {fixer}: {}: {}\n", moment(one.at), one.code, in_one_line(&one.message))
        })
        .collect();
    format!(
        "The auto-fixer gave up on a file.\n\n- Project: {}\n- File: `{}`\n- Job: {}\n- Failures since it was last well: \
         {count}\n\nLast attempts:\n{tries}\nNext steps: look at the job's page, mend the file by hand, or set another fixer. \
         The count begins anew when the file is clean.\n",
        of.project,
        of.file.as_str().replace('`', "'"),
        failure.job,
    )
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn moment(at: i64) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}
