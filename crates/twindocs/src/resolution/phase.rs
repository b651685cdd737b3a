//! The phase `resolve`: `comparison/{n}.json` in; `resolution/{n}.json` and the corrected streams out.

use std::collections::BTreeMap;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde_json::json;

use super::{Answers, Ended, Given, convergence::recommendation, resolve};
use crate::{
    comparison::{
        gather::{Stored, optional, written},
        phase::which,
        truth::Truth,
    },
    records::{
        self, VERSION,
        compared::{Comparison, Resolution, Resolved, Status},
        names,
        settings::Settings,
    },
    tickets::{answers, ask},
};

/// The phase.
#[derive(Debug, Default)]
pub struct ResolvePhase;

impl Phase for ResolvePhase {
    const NAME: &'static str = "resolve";
    type Input = Settings;
    type Output = Resolved;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Resolved>, PhaseError> {
        let iteration = records::iteration(&ctx);
        if settings.dry_run {
            return dry_run(&ctx, iteration).await;
        }
        ctx.progress(0, 2, "parts", "reading what was compared");
        let stored = Stored::read(&ctx).await?;
        let streams = written(&ctx, &which(&settings), iteration).await?;
        let comparison: Comparison = ctx.artifacts().get_json(&names::comparison(iteration)).await?;
        let mut earlier: Vec<Comparison> = Vec::new();
        for back in 1..=2 {
            match iteration.checked_sub(back).filter(|it| *it > 0) {
                Some(at) => earlier.extend(optional(&ctx, &names::comparison(at)).await?),
                None => break,
            }
        }
        let before: Option<Resolution> = match iteration {
            0 | 1 => None,
            _ => optional(&ctx, &names::resolution(iteration - 1)).await?,
        };
        let answers = known_answers(&ctx).await?;
        let work = move || {
            let earlier: Vec<&Comparison> = earlier.iter().collect();
            let given = Given {
                comparison: &comparison,
                earlier: &earlier,
                before: before.as_ref(),
                answers: &answers,
                settings: &settings,
            };
            resolve(&Truth::new(stored.code()), streams, given)
        };
        let done = tokio::task::spawn_blocking(work).await;
        let Ended { streams, resolution, resolved } =
            done.map_err(|error| PhaseError::retry("resolution-failed", error.to_string()))?;
        ctx.go_on()?;
        ctx.progress(1, 2, "parts", "storing the corrected streams");
        for (stream, file) in &streams {
            ctx.artifacts().put_json(&names::resolved(*stream, iteration), file).await?;
        }
        // What is decided is stored last: where it is, the streams are.
        ctx.artifacts().put_json(&names::resolution(iteration), &resolution).await?;
        let stats = json!({
            "status": resolved.status,
            "recommendation": recommendation(resolved.status, resolved.for_people),
            "requiredActions": resolution.required_actions,
            "toDoAgain": resolved.to_do_again,
            "forPeople": resolved.for_people,
        });
        Ok(Success::new(resolved).stats(stats))
    }
}

/// Answers that are there already: of an earlier round of questions, or given before they were asked. One that is none is left
/// for `apply` to name.
async fn known_answers(ctx: &Context) -> Result<Answers, PhaseError> {
    let issues = ask::stored_tickets(ctx).await?;
    let (answers, bad) = ask::answers(ctx, &issues).await?;
    for it in bad {
        tracing::warn!(error = %it, "an answer is not taken");
    }
    Ok(answers::by_field(&issues, &answers))
}

async fn dry_run(ctx: &Context, iteration: u32) -> Result<Success<Resolved>, PhaseError> {
    let resolution = Resolution {
        version: VERSION.to_owned(),
        iteration,
        status: Status::NotStarted,
        required_actions: vec!["this was a dry run: nothing was documented".to_owned()],
        decided: Vec::new(),
        corrections: BTreeMap::new(),
        feedback: BTreeMap::new(),
    };
    ctx.artifacts().put_json(&names::resolution(iteration), &resolution).await?;
    let status = Status::NotStarted;
    Ok(Success::new(Resolved { iteration, status, settled: true, to_do_again: 0, for_people: 0 }))
}
