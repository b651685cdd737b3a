//! The phases of `pipelines/autofix.toml`: strategy → fix → verify → apply, and escalate where a job fails.
//!
//! `fix` ends with a patch that holds in a scratch place; `verify` proves it on the tree as it is then, for other files change
//! meanwhile; `apply` puts it into the live tree. A try that fails is a failed attempt of `fix`: its pauses, their number and
//! the rest of an hour after three of them are the engine's, by `retry` and `breaker`.

mod apply;
mod candidate;
mod escalate;
mod fix;
mod strategy;
mod tests_of;
mod verify;

use std::path::PathBuf;

use phase_kit::{Context, PhaseError};
use serde::{Deserialize, Serialize};

use crate::{
    desk::{Desk, chain, ledger_trouble, live_content},
    ledger::{Failure, FileOf, Outcome},
    options::Project,
    paths::{RelPath, content_hash},
};

pub use apply::ApplyPhase;
pub use escalate::EscalatePhase;
pub use fix::FixPhase;
pub use strategy::StrategyPhase;
pub use verify::VerifyPhase;

/// What a job is started with: a file as it was when the watcher saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The project's name.
    pub project: String,
    /// The file.
    pub file: RelPath,
    /// BLAKE3 of its content, hexadecimal.
    pub content_hash: String,
    /// The watcher's number of the change.
    #[serde(default)]
    pub change: u64,
}

/// What a phase says of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    /// There are fixers to try.
    Plan,
    /// There is a patch that holds in a scratch place.
    Patched,
    /// It holds on the tree as it is.
    Verified,
    /// It does not, for the tree has changed.
    Broken,
    /// It is in the live tree.
    Applied,
    /// There is nothing to mend.
    Clean,
    /// The file is another now: its newer change has a job of its own.
    Superseded,
}

impl Change {
    fn of(&self) -> FileOf<'_> {
        FileOf { project: &self.project, file: &self.file }
    }
}

/// A change at the desk: its project, its folder.
struct Case<'a> {
    desk: &'a Desk,
    change: &'a Change,
    project: &'a Project,
    root: PathBuf,
    ctx: &'a Context,
}

impl<'a> Case<'a> {
    fn new(desk: &'a Desk, ctx: &'a Context, change: &'a Change) -> Result<Self, PhaseError> {
        let (project, root) = desk.project(&change.project)?;
        Ok(Self { desk, change, project, root, ctx })
    }

    fn job(&self) -> String {
        self.ctx.start().job_id.to_string()
    }

    /// The content, if it is still the one that the job is about.
    fn content(&self) -> Result<Option<Vec<u8>>, PhaseError> {
        let content = live_content(&self.root, &self.change.file).map_err(|error| {
            PhaseError::retry("file-unreadable", format!("{}: {error}", self.change.file))
        })?;
        Ok(content.filter(|content| content_hash(content) == self.change.content_hash))
    }

    /// Puts down how the job ends.
    fn ended(&self, outcome: Outcome) -> Result<(), PhaseError> {
        let ledger = &self.desk.opened()?.ledger;
        let now = self.desk.clock.now();
        ledger.ended(&self.change.of(), &self.job(), outcome, now).map_err(|error| ledger_trouble(&error))
    }

    /// Counts this attempt as failed.
    fn count(&self, fixer: &str, code: &str, message: &str) -> Result<(), PhaseError> {
        let failure = Failure {
            id: self.ctx.start().attempt_id.to_string(),
            job: self.job(),
            content: self.change.content_hash.clone(),
            fixer: fixer.to_owned(),
            code: code.to_owned(),
            message: message.chars().take(2000).collect(),
            at: self.desk.clock.now(),
        };
        self.desk.count(&self.change.of(), &failure).map(drop)
    }

    fn failures(&self) -> Result<Vec<Failure>, PhaseError> {
        self.desk.opened()?.ledger.failures(&self.change.of()).map_err(|error| ledger_trouble(&error))
    }
}

/// Of commands that could not be run at all: another attempt may find the machine better, but not one without the program.
fn run_trouble(error: &crate::process::RunError) -> PhaseError {
    match error {
        crate::process::RunError::Missing(_) => PhaseError::permanent("program-missing", error.to_string()),
        crate::process::RunError::TimedOut { .. } => PhaseError::retry("timed-out", error.to_string()),
        crate::process::RunError::Io { .. } => PhaseError::retry("not-run", chain(error)),
    }
}

/// Ends with the attempt: what runs is killed when it is cancelled.
async fn unless_cancelled<T>(
    ctx: &Context,
    work: impl Future<Output = Result<T, PhaseError>>,
) -> Result<T, PhaseError> {
    tokio::select! {
        () = ctx.cancelled() => Err(PhaseError::Cancelled),
        done = work => done,
    }
}
