//! What people decided about single phrases: one that a rule removed comes back, one that no rule found wrong goes.
//!
//! A decision is an artifact of the job, `decisions/…` and of any name after that: a file for each phrase, so that two people
//! who decide at the same time can't overwrite each other. Grammar reads them whenever it runs; what depends on grammar
//! follows by `rerun?from=grammar`. A later decision about the same phrase replaces an earlier one.

use std::collections::BTreeMap;

use phase_kit::{Context, PhaseError};
use serde::{Deserialize, Serialize};

use crate::model::{FORMAT_VERSION, Pair};

/// The folder of a job's decisions.
const FOLDER: &str = "decisions/";

/// What is to become of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It stays, whatever the rules say.
    Keep,
    /// It goes, whatever the rules say.
    Delete,
    /// The rules decide, as if nobody had decided anything.
    Rules,
}

/// `decisions/*.json`: one phrase, decided by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// The basket.
    pub lego_id: String,
    /// The phrase, exactly as the basket or the report has it.
    pub phrase: Pair,
    /// What is to become of it.
    pub verdict: Verdict,
    /// Why, for the next person; may be empty.
    #[serde(default)]
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// When, RFC 3339.
    pub at: jiff::Timestamp,
}

/// The decisions that hold, by basket and phrase.
#[derive(Debug, Default)]
pub struct Decisions(BTreeMap<(String, Pair), (Decision, bool)>);

impl Decisions {
    /// Of several about the same phrase the latest holds.
    #[must_use]
    pub fn of(files: Vec<Decision>) -> Self {
        let mut all: BTreeMap<_, (Decision, bool)> = BTreeMap::new();
        for decision in files {
            let key = (decision.lego_id.clone(), decision.phrase.clone());
            match all.get(&key) {
                Some((other, _)) if other.at > decision.at => {}
                _ => {
                    all.insert(key, (decision, false));
                }
            }
        }
        all.retain(|_, (decision, _)| decision.verdict != Verdict::Rules);
        Self(all)
    }

    /// The decision about a phrase, if there is one of this kind; it counts as used from now on.
    pub fn take(&mut self, lego: &str, phrase: &Pair, verdict: Verdict) -> Option<&Decision> {
        let (decision, used) = self.0.get_mut(&(lego.to_owned(), phrase.clone()))?;
        if decision.verdict != verdict {
            return None;
        }
        *used = true;
        Some(decision)
    }

    /// Those that changed nothing: the course has no such phrase any more, or is already as they want it.
    pub fn unused(&self) -> impl Iterator<Item = &Decision> {
        self.0.values().filter(|(_, used)| !used).map(|(decision, _)| decision)
    }
}

/// Reads a job's decisions.
///
/// # Errors
/// Where a file is not a decision, permanently; where the orchestrator does not answer, to be tried again.
pub async fn read(ctx: &Context) -> Result<Decisions, PhaseError> {
    let mut files = Vec::new();
    let names = ctx.artifacts().list().await?.into_iter().map(|artifact| artifact.name);
    for name in names.filter(|name| name.starts_with(FOLDER)) {
        let bytes = ctx.artifacts().get_bytes(&name).await?;
        let wrong = |why: String| PhaseError::permanent("invalid-decision", format!("{name}: {why}"));
        let decision: Decision = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if decision.version != FORMAT_VERSION {
            return Err(wrong(format!("version {} is not known here", decision.version)));
        }
        files.push(decision);
    }
    Ok(Decisions::of(files))
}
