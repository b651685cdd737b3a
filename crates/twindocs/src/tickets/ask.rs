//! The phase `ask`: what only people can decide becomes tickets, all written at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phase_kit::{ArtifactError, Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Asked, Desk,
    answers::{BadAnswer, by_field, checked, in_comments},
    beads::{self, Issue},
    ticket_id, tickets,
};
use crate::{
    comparison::{
        Streams,
        gather::{Stored, resolved},
        phase::which,
        truth::Truth,
    },
    records::{
        Stream,
        compared::{Resolution, Resolved, TicketAnswer, TicketState},
        names,
        settings::Settings,
    },
    resolution::Answers,
};

/// The media type of a file with a JSON object a line.
pub(crate) const JSON_LINES: &str = "application/jsonl";

/// The phase.
#[derive(Debug, Default)]
pub struct AskPhase;

/// What it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Tickets that wait for an answer.
    pub open: usize,
    /// Whether the job waits for them.
    pub wait: bool,
    /// Their ids.
    pub tickets: Vec<String>,
}

impl Phase for AskPhase {
    const NAME: &'static str = "ask";
    type Input = Settings;
    type Output = Output;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Output>, PhaseError> {
        let Resolved { iteration, .. } = ctx.upstream("resolve")?;
        if settings.dry_run {
            let none = Output { open: 0, wait: false, tickets: Vec::new() };
            return Ok(Success::new(none));
        }
        let stored = Stored::read(&ctx).await?;
        let resolution: Resolution = ctx.artifacts().get_json(&names::resolution(iteration)).await?;
        let streams = resolved(&ctx, &which(&settings), iteration).await?;
        let existing = stored_tickets(&ctx).await?;
        let (models, now) = (models(&streams), Timestamp::now().to_string());
        let truth = Truth::new(stored.code());
        let desk = Desk { truth: &truth, models: &models, iteration, most: settings.max_tickets, now: &now };
        let issues = tickets(desk, &resolution.decided, existing);
        write(&ctx, &issues).await?;
        let (given, _) = answers(&ctx, &issues).await?;
        let open = waiting(&issues, &given);
        let output =
            Output { open: open.len(), wait: settings.wait_for_tickets && !open.is_empty(), tickets: open };
        let stats = json!({ "open": output.open, "tickets": issues.len() });
        Ok(Success::new(output).stats(stats))
    }
}

/// The model of each stream: all names, where there are several.
pub(super) fn models(streams: &Streams) -> BTreeMap<Stream, String> {
    let names = |stream: &Stream| {
        let mut names: Vec<&str> =
            streams[stream].entries.values().map(|it| it.metadata.model.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    };
    streams.keys().map(|stream| (*stream, names(stream))).collect()
}

/// The ids of tickets that nobody has answered. One for several fields is answered where each of them is.
#[must_use]
pub fn waiting(issues: &[Issue], answers: &Answers) -> Vec<String> {
    let answered = by_field(issues, answers);
    let waits = |issue: &&Issue| {
        Asked::of(issue).is_some_and(|it| {
            it.state == TicketState::Pending
                && it.fields.iter().any(|it| !answered.contains_key(&ticket_id(&it.component_id, &it.field)))
        })
    };
    issues.iter().filter(waits).map(|it| it.id.clone()).collect()
}

/// The tickets that the job has stored; none before the first question.
///
/// # Errors
/// Where they cannot be read.
pub async fn stored_tickets(ctx: &Context) -> Result<Vec<Issue>, PhaseError> {
    let bytes = match ctx.artifacts().get_bytes(names::TICKETS).await {
        Ok(bytes) => bytes,
        Err(ArtifactError::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    beads::read(&String::from_utf8_lossy(&bytes))
        .map_err(|error| PhaseError::permanent("invalid-artifact", format!("{}: {error}", names::TICKETS)))
}

/// Stores the tickets.
///
/// # Errors
/// Where they cannot be written.
pub async fn write(ctx: &Context, issues: &[Issue]) -> Result<(), PhaseError> {
    let text =
        beads::write(issues).map_err(|error| PhaseError::permanent("invalid-output", error.to_string()))?;
    ctx.artifacts().put_bytes(names::TICKETS, JSON_LINES, text.into_bytes().into()).await?;
    Ok(())
}

/// Reads people's answers: the artifacts, and comments in the tickets where there is no artifact. What is none is named beside them.
///
/// # Errors
/// Where an artifact cannot be read.
pub async fn answers(ctx: &Context, issues: &[Issue]) -> Result<(Answers, Vec<BadAnswer>), PhaseError> {
    let (mut answers, mut bad) = (Answers::new(), Vec::new());
    for issue in issues {
        match in_comments(issue) {
            Ok(Some(answer)) => drop(answers.insert(issue.id.clone(), answer)),
            Ok(None) => {}
            Err(error) => bad.push(error),
        }
    }
    for info in ctx.artifacts().list().await? {
        let rest = info.name.strip_prefix(names::ANSWERS).and_then(|it| it.strip_suffix(".json"));
        let Some(ticket) = rest else { continue };
        match ctx.artifacts().get_json::<TicketAnswer>(&info.name).await {
            Ok(answer) => drop(answers.insert(ticket.to_owned(), answer)),
            Err(ArtifactError::NotJson { name, source }) => {
                bad.push(BadAnswer::Unreadable { name, why: source.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Before anything is asked, an answer cannot be held against its question.
    if !issues.is_empty() {
        let wrong = answers.iter().filter_map(|(ticket, answer)| checked(issues, ticket, answer).err());
        bad.extend(wrong.collect::<Vec<_>>());
    }
    answers
        .retain(|ticket, answer| !matches!(checked(issues, ticket, answer), Err(BadAnswer::Invalid { .. })));
    Ok((answers, bad))
}
