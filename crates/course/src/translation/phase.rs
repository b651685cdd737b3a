//! The phase `translation`: sentences in, `seed_pairs.json` and the report of the uniqueness check out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    apertium::{ApertiumError, Translated, translate},
    memory::Memory,
};
use crate::{
    model::{FORMAT_VERSION, HeldBack, Pair, SeedPairs},
    seeds::{self, Seed},
    text::normal,
};

/// Sentences given to the translator at a time.
const GROUP: usize = 100;

/// The phase.
#[derive(Debug)]
pub struct TranslationPhase;

/// What the phase gives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Sentences with a translation.
    pub seeds: usize,
    /// Ids of sentences that wait for a correction.
    pub held_back: Vec<String>,
}

/// Where translations came from.
#[derive(Debug, Default)]
struct Sources {
    given: usize,
    corrected: usize,
    memory: usize,
    reused: usize,
    translated: usize,
}

/// A sentence with what it came to.
enum Came {
    To(String),
    Doubt { candidate: String, reason: String },
    Open,
}

impl Phase for TranslationPhase {
    const NAME: &'static str = "translation";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, input: Value) -> Result<Success<Output>, PhaseError> {
        let (target, known) = seeds::languages(ctx.key())?;
        let artifact = match input.get("seedsArtifact").and_then(Value::as_str) {
            Some(name) => Some(ctx.artifacts().get_bytes(name).await?),
            None => None,
        };
        let wanted = seeds::read(&input, known, artifact.as_deref())?;
        let cache = Cache::open(ctx.data_dir(), known, target).await;
        let (came, sources, cache) = self.translate(&ctx, &input, &wanted, (known, target), cache).await?;
        cache.keep().await;
        let pairs = file(ctx.key(), (target, known), &wanted, came);
        let report = report(&pairs);
        ctx.artifacts().put_json("seed_pairs.json", &pairs).await?;
        ctx.artifacts().put_json("seed_pairs_report.json", &report).await?;
        if pairs.translations.is_empty() {
            return Err(PhaseError::permanent(
                "nothing-translated",
                "every sentence is held back; see seed_pairs.json",
            ));
        }
        let stats = json!({
            "seeds": pairs.translations.len(), "heldBack": pairs.held_back.len(), "given": sources.given,
            "corrected": sources.corrected, "fromMemory": sources.memory, "reused": sources.reused,
            "translated": sources.translated, "collisions": report["violation_count"],
        });
        let held_back = pairs.held_back.keys().cloned().collect();
        Ok(Success::new(Output { seeds: pairs.translations.len(), held_back }).stats(stats))
    }
}

impl TranslationPhase {
    async fn translate(
        &self,
        ctx: &Context,
        input: &Value,
        wanted: &[Seed],
        (known, target): (&str, &str),
        mut cache: Cache,
    ) -> Result<(Vec<Came>, Sources, Cache), PhaseError> {
        let use_memory = input.get("memory") != Some(&Value::Bool(false));
        let memory = if use_memory { Memory::reviewed(known, target) } else { Memory::default() };
        let corrections = input.get("corrections").and_then(Value::as_object);
        let mut sources = Sources::default();
        let mut came: Vec<Came> = Vec::with_capacity(wanted.len());
        for (at, seed) in wanted.iter().enumerate() {
            let corrected = corrections.and_then(|all| all.get(&seed_id(at))?.as_str());
            came.push(match (corrected, &seed.target, memory.find(&seed.known), cache.find(&seed.known)) {
                (Some(text), ..) => count(&mut sources.corrected, text),
                (None, Some(text), ..) => count(&mut sources.given, text),
                (None, None, Some(text), _) => count(&mut sources.memory, text),
                (None, None, None, Some(text)) => count(&mut sources.reused, text),
                (None, None, None, None) => Came::Open,
            });
        }
        let open: Vec<usize> = (0..wanted.len()).filter(|at| matches!(came[*at], Came::Open)).collect();
        let total = wanted.len() as u64;
        let mut done = total - open.len() as u64;
        for group in open.chunks(GROUP) {
            ctx.go_on()?;
            ctx.progress(done, total, "seeds", "translating");
            let texts: Vec<String> = group.iter().map(|at| wanted[*at].known.clone()).collect();
            let made = translate(&texts, known, target).await.map_err(phase_error)?;
            for ((at, text), made) in group.iter().zip(texts).zip(made) {
                came[*at] = match made {
                    Translated::Done(translation) => {
                        cache.add(&text, &translation);
                        count(&mut sources.translated, &translation)
                    }
                    Translated::Doubtful { candidate, reason } => Came::Doubt { candidate, reason },
                };
            }
            done += group.len() as u64;
        }
        ctx.progress(total, total, "seeds", "translated");
        Ok((came, sources, cache))
    }
}

fn count(source: &mut usize, text: &str) -> Came {
    *source += 1;
    Came::To(text.to_owned())
}

fn phase_error(error: ApertiumError) -> PhaseError {
    match error {
        ApertiumError::NoPair { .. } => PhaseError::permanent("unsupported-language", error.to_string()),
        ApertiumError::Missing(_) => PhaseError::permanent("translator-missing", error.to_string()),
        ApertiumError::Incomplete { .. } => PhaseError::retry("translator-failed", error.to_string()),
    }
}

fn seed_id(at: usize) -> String {
    format!("S{:04}", at + 1)
}

fn file(course: &str, (target, known): (&str, &str), wanted: &[Seed], came: Vec<Came>) -> SeedPairs {
    let (mut translations, mut held_back) = (BTreeMap::new(), BTreeMap::new());
    for (at, (seed, came)) in wanted.iter().zip(came).enumerate() {
        let known = seed.known.clone();
        match came {
            Came::To(target) => {
                translations.insert(seed_id(at), Pair { known, target });
            }
            Came::Doubt { candidate, reason } => {
                held_back.insert(seed_id(at), HeldBack { known, candidate, reason });
            }
            Came::Open => {
                let reason = "it was not translated".to_owned();
                held_back.insert(seed_id(at), HeldBack { known, candidate: String::new(), reason });
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

/// One known text to one target text.
fn report(pairs: &SeedPairs) -> Value {
    let mut mappings: BTreeMap<String, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for (id, pair) in &pairs.translations {
        mappings.entry(normal(&pair.known)).or_default().entry(normal(&pair.target)).or_default().push(id);
    }
    let violations: Vec<Value> = mappings
        .iter()
        .filter(|(_, targets)| targets.len() > 1)
        .map(|(known, targets)| json!({ "known": known, "mappings": targets }))
        .collect();
    json!({
        "status": if violations.is_empty() { "PASS" } else { "FAIL" }, "total_seeds": pairs.translations.len(),
        "unique_known_seeds": mappings.len(), "violation_count": violations.len(), "violations": violations,
    })
}

/// What was translated before, so that an unchanged sentence is not translated again.
struct Cache {
    path: Option<PathBuf>,
    pairs: BTreeMap<String, String>,
    changed: bool,
}

impl Cache {
    async fn open(folder: Option<&Path>, known: &str, target: &str) -> Self {
        let path =
            folder.map(|folder| folder.join("translated").join(format!("{known}-{target}-apertium.json")));
        let pairs = match &path {
            Some(path) => {
                tokio::fs::read(path).await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
            }
            None => None,
        };
        Self { path, pairs: pairs.unwrap_or_default(), changed: false }
    }

    fn find(&self, known: &str) -> Option<&str> {
        self.pairs.get(known).map(String::as_str)
    }

    fn add(&mut self, known: &str, target: &str) {
        self.changed = true;
        self.pairs.insert(known.to_owned(), target.to_owned());
    }

    async fn keep(&self) {
        let Some(path) = self.path.as_ref().filter(|_| self.changed) else { return };
        let write = async {
            if let Some(folder) = path.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            let fresh = path.with_extension("new");
            tokio::fs::write(&fresh, serde_json::to_vec(&self.pairs)?).await?;
            tokio::fs::rename(&fresh, path).await
        };
        if let Err(error) = write.await {
            tracing::warn!(%error, "translations could not be kept for the next time");
        }
    }
}
