//! The phase `rules`: an utterance in, what it means for machines out. It answers at once; nothing is waited for.

use std::{collections::BTreeMap, path::PathBuf};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{phase_filter, understand};
use crate::{
    model::{ClauseKind, Understanding, Utterance},
    surgery::{Faults, Library},
};

/// `[service.rules.options]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesOptions {
    /// A folder of further surgeries (`*.toml`), read when the service starts.
    pub surgeries: Option<PathBuf>,
    /// Whether a machine is switched on only in the phases that use it. Switching off is always heard.
    pub phase_filter: bool,
}

/// The phase.
#[derive(Debug)]
pub struct Rules {
    library: Library,
    phase_filter: bool,
}

impl Rules {
    /// Reads the surgeries.
    ///
    /// # Errors
    /// Faults of their files, each with its line.
    pub fn new(options: &RulesOptions) -> Result<Self, Faults> {
        let library = match &options.surgeries {
            Some(folder) => Library::with_folder(folder)?,
            None => Library::built_in()?,
        };
        Ok(Self { library, phase_filter: options.phase_filter })
    }
}

impl Phase for Rules {
    const NAME: &'static str = "rules";
    type Input = Utterance;
    type Output = Understanding;

    async fn run(&self, _ctx: Context, utterance: Utterance) -> Result<Success<Understanding>, PhaseError> {
        let Some(surgery) = self.library.get(&utterance.surgery) else {
            let known = self.library.names().collect::<Vec<_>>().join(", ");
            let message = format!("there is no surgery '{}'; there are {known}", utterance.surgery);
            return Err(PhaseError::permanent("unknown-surgery", message));
        };
        if utterance.text.len() > LONGEST {
            let message =
                format!("the text has {} bytes, an utterance has at most {LONGEST}", utterance.text.len());
            return Err(PhaseError::permanent("text-too-long", message));
        }
        let mut understanding = understand(surgery, &utterance);
        if self.phase_filter {
            phase_filter::apply(surgery, &utterance.phase, &mut understanding);
        }
        let stats = stats(&understanding);
        Ok(Success::new(understanding).stats(stats))
    }
}

/// What is longer was never said in one breath; it would only keep the service busy.
const LONGEST: usize = 8 * 1024;

fn stats(understanding: &Understanding) -> Value {
    let mut kinds: BTreeMap<ClauseKind, usize> = BTreeMap::new();
    for clause in &understanding.clauses {
        *kinds.entry(clause.kind).or_default() += 1;
    }
    json!({
        "clauses": understanding.clauses.len(),
        "kinds": kinds,
        "toggles": understanding.toggles.len(),
        "pending": understanding.pending.len(),
        "negations": understanding.negations.len(),
        "confidence": understanding.confidence,
    })
}
