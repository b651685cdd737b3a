//! The phase `escalate`, which runs where a job is about to fail: counts what the phases could not count themselves, and tells
//! who is to be told.

use std::sync::Arc;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Case, Change};
use crate::{
    desk::{Desk, ledger_trouble},
    ledger::{Failure, Outcome, Told, level_of},
};

/// The phase.
#[derive(Debug)]
pub struct EscalatePhase(pub Arc<Desk>);

/// What it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalated {
    /// 0 to 3.
    pub level: u8,
    /// What was done at that level.
    pub action_taken: String,
    /// Whether it worked.
    pub success: bool,
    /// Failures since the file was last well.
    pub failure_count: usize,
    /// Addresses, or what went wrong.
    pub details: Vec<String>,
}

/// What the engine hands to a phase for failures.
#[derive(Debug, Deserialize)]
struct Item {
    error: ItemError,
    #[serde(default)]
    run: String,
}

#[derive(Debug, Deserialize)]
struct ItemError {
    code: String,
    message: String,
}

/// What the engine says of attempts that could not say anything themselves.
const UNSAID: [&str; 3] = ["timeout", "gone", "silent"];

impl Phase for EscalatePhase {
    const NAME: &'static str = "escalate";
    type Input = Change;
    type Output = Escalated;

    async fn run(&self, ctx: Context, change: Change) -> Result<Success<Escalated>, PhaseError> {
        let case = Case::new(&self.0, &ctx, &change)?;
        let Item { error: ItemError { code, message }, run } = ctx.item()?;
        let opened = self.0.opened()?;
        let job = case.job();
        let known = opened.ledger.knows_failure_of(&job).map_err(|error| ledger_trouble(&error))?;
        if !known || UNSAID.contains(&code.as_str()) {
            let failure = Failure {
                id: format!("{job} {run}"),
                job,
                content: change.content_hash.clone(),
                fixer: String::new(),
                code,
                message,
                at: self.0.clock.now(),
            };
            self.0.count(&change.of(), &failure)?;
        }
        case.ended(Outcome::Failed)?;
        opened.teller.tell_due().await.map_err(|error| ledger_trouble(&error))?;
        let told = opened.ledger.told_of(&change.of()).map_err(|error| ledger_trouble(&error))?;
        let failure_count = case.failures()?.len();
        let level = level_of(u32::try_from(failure_count).unwrap_or(u32::MAX));
        let at_level: Vec<&Told> = told.iter().filter(|one| one.level == level).collect();
        let escalated = Escalated {
            level,
            action_taken: action(level, &at_level),
            success: at_level.iter().all(|one| one.state == "sent" || one.state == "skipped"),
            failure_count,
            details: at_level.iter().map(|one| one.details.clone()).filter(|text| !text.is_empty()).collect(),
        };
        let stats = json!({ "level": level, "failures": failure_count });
        Ok(Success::new(escalated).stats(stats))
    }
}

/// In the original's words.
fn action(level: u8, told: &[&Told]) -> String {
    let end = |state: &str| match state {
        "sent" => "created",
        "skipped" => "skipped",
        _ => "failed",
    };
    let sent: Vec<&str> =
        told.iter().filter(|one| one.state == "sent").map(|one| one.channel.word()).collect();
    match (level, told) {
        (0, _) | (_, []) => "none".to_owned(),
        (1, _) => "logged_and_paused".to_owned(),
        (2, [first, ..]) => format!("github_issue_{}", end(&first.state)),
        _ if sent.is_empty() && told.iter().all(|one| one.state == "skipped") => {
            "notifications_skipped".to_owned()
        }
        _ if sent.is_empty() => "notifications_failed".to_owned(),
        _ => format!("notifications_sent_{}", sent.join("_")),
    }
}
