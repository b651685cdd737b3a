//! The phase `apply`: puts a verified patch into the live tree, once, and only if the file is still the one that was fixed.
//!
//! In this order, so that a kill between any two leaves nothing undone that was done: what stands there is kept for an undo; the
//! watcher is told that the new content is ours; the file is replaced; the ledger learns of it. The next attempt finds where
//! the last one was by what stands in the file.

use std::sync::Arc;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Case, Change, Word, verify::Verified};
use crate::{
    desk::{Desk, chain, ledger_trouble},
    ledger::{Outcome, UndoState},
    paths::content_hash,
    replace::{Replaced, Replacement},
    watcher::tell_written,
};

/// The phase.
#[derive(Debug)]
pub struct ApplyPhase(pub Arc<Desk>);

/// What it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Applied or superseded.
    pub outcome: Word,
    /// Hash of the new content.
    pub new_hash: String,
    /// Faults that are left: the file goes round again as a new change.
    pub faults_after: usize,
    /// What takes it back: `POST /undo/{id}` at the service.
    pub undo: String,
}

impl Phase for ApplyPhase {
    const NAME: &'static str = "apply";
    type Input = Change;
    type Output = Applied;

    async fn run(&self, ctx: Context, change: Change) -> Result<Success<Applied>, PhaseError> {
        let case = Case::new(&self.0, &ctx, &change)?;
        let verified: Verified = ctx.upstream("verify")?;
        if verified.outcome != Word::Verified {
            return Err(PhaseError::permanent("not-verified", "only a verified patch is applied"));
        }
        let new = ctx.artifacts().get_bytes(&verified.artifact).await?;
        if content_hash(&new) != verified.new_hash {
            return Err(PhaseError::permanent(
                "patch-damaged",
                "the kept patch is not the one that was verified",
            ));
        }
        ctx.go_on()?;
        let opened = self.0.opened()?;
        let job = case.job();
        let old = case.content()?;
        if let Some(old) = &old {
            let hashes = (change.content_hash.as_str(), verified.new_hash.as_str());
            opened
                .ledger
                .prepare_undo(&change.of(), &job, hashes, old, self.0.clock.now())
                .map_err(|error| ledger_trouble(&error))?;
            // A fix that leaves faults is a change like others: the next fixer is to see it.
            if verified.faults_after == 0 {
                let watcher = self.0.watcher.as_deref();
                tell_written(&opened.client, watcher, &change.project, &change.file, &verified.new_hash)
                    .await
                    .map_err(|error| PhaseError::retry("watcher-unreachable", error.to_string()))?;
            }
        }
        let replaced = replace(&case, &job, new.to_vec()).await?;
        let known = opened.ledger.undo_record(&job).map_err(|error| ledger_trouble(&error))?;
        let ours = known.is_some_and(|record| record.new_hash == verified.new_hash);
        let done = replaced == Replaced::Done || (replaced == Replaced::Already && ours);
        let (outcome, word) = match done {
            true => (Outcome::Applied, Word::Applied),
            false => (Outcome::Superseded, Word::Superseded),
        };
        let state = if done { UndoState::Applied } else { UndoState::Over };
        opened.ledger.set_undo(&job, state).map_err(|error| ledger_trouble(&error))?;
        case.ended(outcome)?;
        let stats = json!({ "applied": u8::from(done), "faultsAfter": verified.faults_after });
        let Verified { new_hash, faults_after, .. } = verified;
        Ok(Success::new(Applied { outcome: word, new_hash, faults_after, undo: job }).stats(stats))
    }
}

/// Not to be cut off half way by a cancel: it takes milliseconds.
async fn replace(case: &Case<'_>, job: &str, new: Vec<u8>) -> Result<Replaced, PhaseError> {
    let (root, file, old_hash) =
        (case.root.clone(), case.change.file.clone(), case.change.content_hash.clone());
    let job = job.to_owned();
    let work = tokio::task::spawn_blocking(move || {
        Replacement { root: &root, file: &file, old_hash: &old_hash, new: &new, id: &job }.run()
    });
    let failed = |error: std::io::Error| PhaseError::retry("not-replaced", chain(&error));
    work.await.map_err(std::io::Error::other).and_then(|done| done).map_err(failed)
}
