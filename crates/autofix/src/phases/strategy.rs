//! The phase `strategy`: which fixers fit the file and its project, in which order, with what failed before in mind.

use std::sync::Arc;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Case, Change, Word};
use crate::{desk::Desk, fixers, ledger::Outcome};

/// The phase.
#[derive(Debug)]
pub struct StrategyPhase(pub Arc<Desk>);

/// What it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Whether there is something to try.
    pub outcome: Word,
    /// Fixers by name, in the order in which they are tried.
    pub fixers: Vec<String>,
    /// Failures of this file since it was last well.
    pub failed_before: usize,
    /// In words.
    pub strategy: String,
}

impl Phase for StrategyPhase {
    const NAME: &'static str = "strategy";
    type Input = Change;
    type Output = Strategy;

    async fn run(&self, ctx: Context, change: Change) -> Result<Success<Strategy>, PhaseError> {
        let case = Case::new(&self.0, &ctx, &change)?;
        let failures = case.failures()?;
        let failed_before = failures.len();
        let ended = |outcome: Word, strategy: &str| Strategy {
            outcome,
            fixers: Vec::new(),
            failed_before,
            strategy: strategy.to_owned(),
        };
        if case.content()?.is_none() {
            case.ended(Outcome::Superseded)?;
            return Ok(Success::new(ended(Word::Superseded, "the file is another by now, or gone")));
        }
        let found = fixers::fitting(case.project, &case.root, &change.file, self.0.model.is_some());
        if found.is_empty() {
            case.ended(Outcome::Clean)?;
            return Ok(Success::new(ended(Word::Clean, "no fixer is for this file")));
        }
        // What failed on this very content goes last.
        let failed =
            |name: &str| failures.iter().any(|one| one.content == change.content_hash && one.fixer == name);
        let (last, first): (Vec<_>, Vec<_>) =
            found.into_iter().map(|fixer| fixer.name).partition(|name| failed(name));
        let fixers: Vec<String> = first.into_iter().chain(last).collect();
        let strategy =
            format!("try {}; the file failed {failed_before} times before", fixers.join(", then "));
        let stats = json!({ "fixers": fixers.len(), "failedBefore": failed_before });
        Ok(Success::new(Strategy { outcome: Word::Plan, fixers, failed_before, strategy }).stats(stats))
    }
}
