//! The phase `compare`: the streams of an iteration in, `comparison/{n}.json` out.

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Moment, Streams, compare,
    gather::{Stored, optional, written},
    measure::{Measure, MeasureOptions},
    similarity::Similarities,
    truth::Truth,
};
use crate::records::{
    self, VERSION,
    compared::{Comparison, Summary},
    names,
    settings::Settings,
};

/// The phase.
#[derive(Debug)]
pub struct ComparePhase {
    measure: Measure,
}

impl ComparePhase {
    /// With options.
    #[must_use]
    pub fn new(options: MeasureOptions) -> Self {
        Self { measure: Measure::new(options) }
    }
}

/// What it gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The iteration.
    pub iteration: u32,
    /// Figures.
    pub summary: Summary,
}

impl Phase for ComparePhase {
    const NAME: &'static str = "compare";
    type Input = Settings;
    type Output = Output;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Output>, PhaseError> {
        let iteration = records::iteration(&ctx);
        ctx.progress(0, 3, "parts", "reading the code and the streams");
        let stored = Stored::read(&ctx).await?;
        let comparison = if settings.dry_run {
            nothing(&stored, iteration)
        } else {
            let streams = written(&ctx, &which(&settings), iteration).await?;
            let before = match iteration {
                0 | 1 => None,
                _ => optional::<Comparison>(&ctx, &names::comparison(iteration - 1)).await?,
            };
            ctx.progress(1, 3, "parts", "measuring how alike the texts are");
            let texts = measured(&ctx, &self.measure, &streams).await?;
            ctx.progress(2, 3, "parts", "comparing");
            let work = move || {
                let moment = Moment { iteration, before: before.as_ref() };
                compare(&Truth::new(stored.code()), &streams, &settings, moment, &texts)
            };
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|error| PhaseError::retry("comparison-failed", error.to_string()))?
        };
        ctx.go_on()?;
        ctx.artifacts().put_json(&names::comparison(iteration), &comparison).await?;
        let output = Output { iteration, summary: comparison.summary };
        let stats = json!(output.summary);
        Ok(Success::new(output).stats(stats))
    }
}

/// The streams of a job, each once.
#[must_use]
pub fn which(settings: &Settings) -> Vec<records::Stream> {
    let mut which = settings.streams.clone();
    which.sort();
    which.dedup();
    which
}

/// Measures, unless the attempt is to stop.
///
/// # Errors
/// Where it is to stop.
pub async fn measured(
    ctx: &Context,
    measure: &Measure,
    streams: &Streams,
) -> Result<Similarities, PhaseError> {
    let cancel = providers::CancellationToken::new();
    tokio::select! {
        () = ctx.cancelled() => Err(PhaseError::Cancelled),
        texts = measure.similarities(streams, &cancel) => Ok(texts),
    }
}

/// Of a dry run: nobody has written anything.
fn nothing(stored: &Stored, iteration: u32) -> Comparison {
    let summary = Summary { total_components: stored.components.components.len(), ..Summary::default() };
    Comparison { version: VERSION.to_owned(), iteration, summary, discrepancies: Vec::new(), tokens: 0 }
}
