//! The phase `package`: everything that is stored of the job in, the folder `package/` out.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use phase_kit::{ArtifactError, Artifacts, Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    FOLDER, build,
    parts::{JobFacts, Parts, Turn},
};
use crate::records::{
    Stream,
    compared::{Outcome, Status},
    documented::{Spent, StreamFile},
    names,
    settings::Settings,
};

/// Files that are sent at the same time.
const SENT_AT_ONCE: usize = 8;

/// The phase.
#[derive(Debug, Clone, Copy, Default)]
pub struct PackagePhase;

/// What the phase gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// How the streams ended.
    pub status: Status,
    /// Iterations that were made.
    pub iterations: u32,
    /// Components.
    pub components: usize,
    /// Those with a text.
    pub documented: usize,
    /// Discrepancies that are left.
    pub remaining: usize,
    /// Components of which a stream has no text.
    pub failed: usize,
    /// Mean of the confidence scores, 0 to 100.
    pub mean_confidence: f64,
    /// Tokens of the whole job.
    pub tokens: u64,
    /// Files in the package.
    pub files: usize,
    /// The page to open.
    pub page: String,
}

impl Phase for PackagePhase {
    const NAME: &'static str = "package";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, input: Value) -> Result<Success<Output>, PhaseError> {
        ctx.progress(0, 3, "parts", "reading what the job has stored");
        let parts = gather(&ctx, &input).await?;
        ctx.go_on()?;
        ctx.progress(1, 3, "parts", "writing the package");
        let made = tokio::task::spawn_blocking(move || build(&parts).map(|package| (package, parts))).await;
        let (package, parts) = made
            .map_err(|error| PhaseError::retry("package-failed", error.to_string()))?
            .map_err(|error| PhaseError::permanent("invalid-artifact", error.to_string()))?;
        ctx.go_on()?;
        let total = package.files.len();
        let mut sent = 0;
        let puts = package.files.into_iter().map(|file| {
            let artifacts = ctx.artifacts().clone();
            async move {
                let name = format!("{FOLDER}{}", file.name);
                artifacts.put_bytes(&name, file.media_type, file.bytes.into()).await
            }
        });
        let mut puts = stream::iter(puts).buffer_unordered(SENT_AT_ONCE);
        while puts.try_next().await?.is_some() {
            ctx.go_on()?;
            sent += 1;
            ctx.progress(sent, total as u64, "files", "storing the package");
        }
        let output = Output {
            status: package.report.final_status,
            iterations: package.report.total_iterations,
            components: package.metrics.components_total,
            documented: package.metrics.components_documented,
            remaining: parts.outcome.remaining.len(),
            failed: package.metrics.components_failed,
            mean_confidence: package.metrics.mean_confidence,
            tokens: package.metrics.tokens_total,
            files: total,
            page: format!("{FOLDER}index.html"),
        };
        let stats = json!(output);
        Ok(Success::new(output).stats(stats))
    }
}

async fn gather(ctx: &Context, input: &Value) -> Result<Parts, PhaseError> {
    let artifacts = ctx.artifacts();
    let settings: Settings = serde_json::from_value(input.clone())
        .map_err(|error| PhaseError::permanent("invalid-input", error.to_string()))?;
    let (components, graph, outcome): (_, _, Outcome) = tokio::try_join!(
        artifacts.get_json(names::COMPONENTS),
        artifacts.get_json(names::CALL_GRAPH),
        artifacts.get_json(names::OUTCOME),
    )?;
    let mut streams = BTreeMap::new();
    for (stream, name) in &outcome.streams {
        streams.insert(*stream, artifacts.get_json::<StreamFile>(name).await?);
    }
    let mut turns = Vec::new();
    for iteration in 1..=outcome.iterations {
        let comparison = optional(artifacts, &names::comparison(iteration)).await?;
        let resolution = optional(artifacts, &names::resolution(iteration)).await?;
        turns.push(Turn { iteration, comparison, resolution });
    }
    let spent = spent(artifacts, outcome.iterations, &turns).await?;
    let mut estimate = BTreeMap::new();
    for stream in Stream::ALL {
        if let Some(spent) = optional(artifacts, &names::estimate(stream)).await? {
            estimate.insert(stream, spent);
        }
    }
    let tickets = tickets(artifacts).await?;
    let start = ctx.start();
    let seconds = start.job_id.get_timestamp().map(|it| it.to_unix());
    let started = seconds.and_then(|(seconds, nanos)| {
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    });
    let job = JobFacts {
        id: start.job_id.to_string(),
        key: start.key.clone(),
        path: input.get("path").and_then(Value::as_str).unwrap_or_default().to_owned(),
        started_at: started,
        completed_at: Timestamp::now(),
    };
    Ok(Parts { job, settings, components, graph, outcome, streams, turns, tickets, spent, estimate })
}

/// What may not be there: a job that ended early has no later iteration.
async fn optional<T: DeserializeOwned>(artifacts: &Artifacts, name: &str) -> Result<Option<T>, PhaseError> {
    match artifacts.get_json(name).await {
        Ok(value) => Ok(Some(value)),
        Err(ArtifactError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn tickets(artifacts: &Artifacts) -> Result<Vec<Value>, PhaseError> {
    let bytes = match artifacts.get_bytes(names::TICKETS).await {
        Ok(bytes) => bytes,
        Err(ArtifactError::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let lines = bytes.split(|it| *it == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let message = format!("{}, line {}: {error}", names::TICKETS, at + 1);
                PhaseError::permanent("invalid-artifact", message)
            })
        })
        .collect()
}

/// What was used of models, by role: `A1` writes, `A2` validates, `C` compares.
async fn spent(
    artifacts: &Artifacts,
    iterations: u32,
    turns: &[Turn],
) -> Result<BTreeMap<String, Spent>, PhaseError> {
    let there: BTreeSet<String> = artifacts.list().await?.into_iter().map(|it| it.name).collect();
    let mut all: BTreeMap<String, Spent> = BTreeMap::new();
    for iteration in 1..=iterations {
        for stream in Stream::ALL {
            let written = names::spent(stream, iteration, "documenter");
            let folder = written.trim_end_matches("documenter.json");
            for name in there.iter().filter(|it| it.starts_with(folder)) {
                let role = if *name == written { 1 } else { 2 };
                let spent: Spent = artifacts.get_json(name).await?;
                all.entry(format!("{}{role}", stream.letter().to_uppercase())).or_default().add(spent);
            }
        }
    }
    let compared: u64 = turns.iter().filter_map(|it| it.comparison.as_ref()).map(|it| it.tokens).sum();
    if compared > 0 {
        all.insert("C".to_owned(), Spent { tokens: compared, ..Spent::default() });
    }
    Ok(all)
}
