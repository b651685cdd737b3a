//! The phase `translation`: sentences in, `seed_pairs.json` and the report of the uniqueness check out.

use std::collections::BTreeMap;
use std::sync::Arc;

use phase_kit::{ArtifactError, Context, Phase, PhaseError, Success};
use providers::{CancellationToken, Corrector, LanguagePair, ProviderError, Translator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chain::{self, Came, Chain, Counts, seed_id};
use super::corrections;
use super::memory::Memory;
use super::report::Report;
use crate::model::{FORMAT_VERSION, HeldBack, Pair, SeedPairs};
use crate::seeds::{self, Seed, SeedsError, SeedsFile};

/// The pairs.
const PAIRS: &str = "seed_pairs.json";
/// The report of the uniqueness check.
const REPORT: &str = "seed_pairs_report.json";
/// Whom to credit for which seed; only where somebody is.
const CREDITS: &str = "seed_credits.json";

/// The phase.
#[derive(Debug)]
pub struct TranslationPhase {
    translators: Vec<Arc<dyn Translator>>,
    memory: bool,
    corrector: Option<Arc<dyn Corrector>>,
}

/// What the phase gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Sentences with a translation.
    pub seeds: usize,
    /// Ids of sentences that wait for a correction.
    pub held_back: Vec<String>,
    /// The artifacts that were written.
    pub artifacts: Vec<String>,
}

impl TranslationPhase {
    /// A phase that asks these translators, in this order, for what people have not said.
    #[must_use]
    pub fn new(translators: Vec<Arc<dyn Translator>>) -> Self {
        Self { translators, memory: true, corrector: None }
    }

    /// Whether our reviewed translations are used.
    #[must_use]
    pub fn memory(mut self, uses: bool) -> Self {
        self.memory = uses;
        self
    }

    /// Who mends what the translators leave open.
    #[must_use]
    pub fn corrector(mut self, corrector: Option<Arc<dyn Corrector>>) -> Self {
        self.corrector = corrector;
        self
    }

    async fn chain(
        &self,
        ctx: &Context,
        (target, known): (&str, &str),
        wanted: &[Seed],
        came: &mut [Came],
    ) -> Result<(), PhaseError> {
        if came.iter().all(|one| matches!(one, Came::To { .. })) {
            return Ok(());
        }
        let pair = LanguagePair::new(known, target).map_err(|error| phase_error(&error.into()))?;
        let cancel = CancellationToken::new();
        let (translators, corrector) = (&self.translators, self.corrector.as_deref());
        let chain = Chain { translators, corrector, pair, folder: ctx.data_dir(), cancel: &cancel };
        let total = wanted.len() as u64;
        let tell = |done: usize, name: &str| {
            ctx.progress(done as u64, total, "seeds", &format!("translated, asking {name}"));
        };
        tokio::select! {
            translated = chain.translate(wanted, came, tell) => {
                translated.map_err(|error| phase_error(&error))
            }
            () = ctx.cancelled() => Err(PhaseError::Cancelled),
        }
    }
}

impl Phase for TranslationPhase {
    const NAME: &'static str = "translation";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, input: Value) -> Result<Success<Output>, PhaseError> {
        let (target, known) = seeds::languages(ctx.key())?;
        let name = seeds::artifact_name(&input)?;
        let bytes = match name {
            Some(name) => Some(ctx.artifacts().get_bytes(name).await?),
            None => None,
        };
        let file = name.zip(bytes.as_ref()).map(|(name, bytes)| SeedsFile { name, bytes });
        let wanted = seeds::read(&input, (target, known), file)?;
        let corrected = optional_artifact(&ctx, corrections::ARTIFACT).await?;
        let corrections = corrections::read(&input, corrected.as_deref(), &wanted)?;
        let memory = if self.memory && uses_memory(&input)? {
            Memory::reviewed(known, target)
        } else {
            Memory::default()
        };

        let mut came = chain::known_already(&wanted, &corrections, &memory);
        self.chain(&ctx, (target, known), &wanted, &mut came).await?;
        ctx.progress(wanted.len() as u64, wanted.len() as u64, "seeds", "translated");
        write(&ctx, (target, known), &wanted, &came).await
    }
}

fn uses_memory(input: &Value) -> Result<bool, SeedsError> {
    match input.get("memory") {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(uses)) => Ok(*uses),
        Some(_) => Err(SeedsError::new("invalid-field", "/memory", "true or false is expected")),
    }
}

async fn optional_artifact(ctx: &Context, name: &str) -> Result<Option<Vec<u8>>, PhaseError> {
    match ctx.artifacts().get_bytes(name).await {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(ArtifactError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn phase_error(error: &ProviderError) -> PhaseError {
    match error {
        ProviderError::Cancelled => PhaseError::Cancelled,
        // One code for "this pair cannot be translated", whoever found out.
        ProviderError::UnsupportedPair { .. } => {
            PhaseError::permanent("unsupported-language", error.to_string())
        }
        error if error.is_retryable() => PhaseError::retry(error.code(), error.to_string()),
        error => PhaseError::permanent(error.code(), error.to_string()),
    }
}

/// Writes the artifacts and says what is in them.
async fn write(
    ctx: &Context,
    languages: (&str, &str),
    wanted: &[Seed],
    came: &[Came],
) -> Result<Success<Output>, PhaseError> {
    let pairs = file(ctx.key(), languages, wanted, came);
    let ids: Vec<String> = (0..came.len()).map(seed_id).collect();
    let sources = ids.iter().zip(came).filter_map(|(id, came)| match came {
        Came::To { source, .. } => Some((id.as_str(), source.name())),
        Came::HeldBack { .. } => None,
    });
    let report = Report::of(&pairs, sources.collect());
    let credits: BTreeMap<&str, &str> = ids
        .iter()
        .zip(wanted)
        .filter_map(|(id, seed)| Some((id.as_str(), seed.attribution.as_deref()?)))
        .collect();

    let mut artifacts = vec![PAIRS.to_owned(), REPORT.to_owned()];
    ctx.artifacts().put_json(PAIRS, &pairs).await?;
    ctx.artifacts().put_json(REPORT, &report).await?;
    if !credits.is_empty() {
        let credits = json!({ "version": FORMAT_VERSION, "course": ctx.key(), "credits": credits });
        ctx.artifacts().put_json(CREDITS, &credits).await?;
        artifacts.push(CREDITS.to_owned());
    }
    if pairs.translations.is_empty() {
        let message = format!("every sentence is held back: see {PAIRS}, and correct them");
        return Err(PhaseError::permanent("nothing-translated", message));
    }
    let counts = Counts::of(came);
    let stats = json!({
        "total": wanted.len(), "seeds": pairs.translations.len(), "heldBack": counts.held_back,
        "corrected": counts.corrected, "given": counts.given, "fromMemory": counts.memory,
        "translated": counts.translated(), "reused": counts.reused, "translatedBy": counts.by_translator,
        "collisions": report.violation_count,
    });
    let held_back = pairs.held_back.keys().cloned().collect();
    let output = Output { seeds: pairs.translations.len(), held_back, artifacts };
    Ok(Success::new(output).stats(stats))
}

fn file(course: &str, (target, known): (&str, &str), wanted: &[Seed], came: &[Came]) -> SeedPairs {
    let (mut translations, mut held_back) = (BTreeMap::new(), BTreeMap::new());
    for (at, (seed, came)) in wanted.iter().zip(came).enumerate() {
        let known = seed.known.clone();
        match came {
            Came::To { text, .. } => {
                translations.insert(seed_id(at), Pair { known, target: text.clone() });
            }
            Came::HeldBack { candidate, reasons } => {
                let (candidate, reason) = (candidate.clone(), reasons.join("; "));
                held_back.insert(seed_id(at), HeldBack { known, candidate, reason });
            }
        }
    }
    SeedPairs {
        version: FORMAT_VERSION.to_owned(),
        course: course.to_owned(),
        target_language: target.to_owned(),
        known_language: known.to_owned(),
        total_seeds: wanted.len(),
        translations,
        held_back,
    }
}
