//! The phase `verify`: does the patch hold on the project as it is now? Other files change while one is fixed, fixes of our own
//! among them. Where nothing has changed since `fix` ran all tests, that run is the proof; else all of it is done again.
//!
//! A patch that does not hold sends the job round the loop: the next turn of `fix` begins with the tree as it is then.

use std::sync::Arc;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Case, Change, Word,
    candidate::{self, NoFix, faults_of, sum},
    fix::Fixed,
    tests_of::{Tests, no_tests},
    unless_cancelled,
};
use crate::{
    desk::Desk,
    fixers::{self, Bench},
    ledger::Outcome,
    paths::content_hash,
};

/// The phase.
#[derive(Debug)]
pub struct VerifyPhase(pub Arc<Desk>);

/// What it gives: all that `apply` needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Verified, broken, clean or superseded.
    pub outcome: Word,
    /// Who fixed.
    pub fixer: String,
    /// Hash of the new content.
    pub new_hash: String,
    /// The artifact with it.
    pub artifact: String,
    /// Faults that are left.
    pub faults_after: usize,
    /// Why it does not hold.
    #[serde(default)]
    pub reason: String,
}

impl Phase for VerifyPhase {
    const NAME: &'static str = "verify";
    type Input = Change;
    type Output = Verified;

    async fn run(&self, ctx: Context, change: Change) -> Result<Success<Verified>, PhaseError> {
        let case = Case::new(&self.0, &ctx, &change)?;
        let fixed: Fixed = ctx.upstream("fix")?;
        let outcome = fixed.outcome.unwrap_or(Word::Clean);
        if outcome != Word::Patched {
            return Ok(Success::new(verified(&fixed, outcome, "")));
        }
        Box::pin(unless_cancelled(&ctx, verify(&case, &fixed))).await
    }
}

fn verified(fixed: &Fixed, outcome: Word, reason: &str) -> Verified {
    Verified {
        outcome,
        fixer: fixed.fixer.clone(),
        new_hash: fixed.new_hash.clone(),
        artifact: fixed.artifact.clone(),
        faults_after: fixed.faults_after,
        reason: reason.to_owned(),
    }
}

async fn verify(case: &Case<'_>, fixed: &Fixed) -> Result<Success<Verified>, PhaseError> {
    if case.content()?.is_none() {
        case.ended(Outcome::Superseded)?;
        return Ok(Success::new(verified(fixed, Word::Superseded, "the file is another by now")));
    }
    let new = case.ctx.artifacts().get_bytes(&fixed.artifact).await?;
    if content_hash(&new) != fixed.new_hash {
        return Err(PhaseError::permanent("patch-damaged", "the kept patch is not the one that was tested"));
    }
    let (place, surroundings) = case.desk.place(&case.change.project, case.project, &case.root).await?;
    if !fixed.tested_on.is_empty() && fixed.tested_on == place.state() {
        let stats = json!({ "testsRun": 0 });
        return Ok(Success::new(verified(fixed, Word::Verified, "")).stats(stats));
    }
    let folder = place.folder();
    let bench = Bench { folder: &folder, surroundings: &surroundings };
    candidate::put(case, &place, &new)?;
    let fixers = fixers::fitting(case.project, &case.root, &case.change.file, false);
    let after = faults_of(case, bench, &fixers).await?;
    let held = match candidate::compare(&fixed.faults_before, &after) {
        Err(no_fix) => Err(no_fix),
        Ok(()) => {
            let tests = Tests::all(case.project, &case.root, &case.change.file).ok_or_else(no_tests)?;
            case.ctx.progress(1, 2, "steps", "running the tests on the tree as it is now");
            candidate::test(case, &place, bench, &tests).await?
        }
    };
    match held {
        Ok(()) => {
            let fixed = Fixed { faults_after: sum(&after), ..fixed.clone() };
            Ok(Success::new(verified(&fixed, Word::Verified, "")).stats(json!({ "testsRun": 1 })))
        }
        // The tree is red by itself: somebody is in the midst of a change, and another attempt may find it whole.
        Err(NoFix { code, message, blames_fixer: false }) => {
            case.count("", code, &message)?;
            Err(PhaseError::retry(code, message))
        }
        Err(NoFix { code, message, .. }) => {
            case.count(&fixed.fixer, code, &message)?;
            Ok(Success::new(verified(fixed, Word::Broken, &message)).stats(json!({ "testsRun": 1 })))
        }
    }
}
