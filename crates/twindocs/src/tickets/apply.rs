//! The phase `apply`: what people have answered becomes the streams' text; what nobody has answered is carried into the report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};

use super::{
    Asked,
    answers::{BadAnswer, by_field},
    ask,
    beads::Issue,
    ticket_id,
};
use crate::{
    comparison::{
        Moment, Streams, compare,
        field::Field,
        gather::{Stored, resolved},
        measure::{Measure, MeasureOptions},
        metrics,
        phase::{measured, which},
        similarity::Similarities,
        truth::Truth,
    },
    records::{
        Stream, VERSION,
        compared::{
            Action, Discrepancy, Outcome, Resolution, ResolutionSource, Resolved, Status, TicketState,
        },
        documented::StreamFile,
        names,
        settings::Settings,
    },
    resolution::{
        Answers, convergence,
        correct::{Corrector, mark},
    },
};

/// The phase.
#[derive(Debug)]
pub struct ApplyPhase {
    measure: Measure,
}

impl ApplyPhase {
    /// With the options of what measures.
    #[must_use]
    pub fn new(options: MeasureOptions) -> Self {
        Self { measure: Measure::new(options) }
    }
}

/// What it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// Tickets that were answered.
    pub applied: usize,
    /// Tickets that nobody answered in time.
    pub expired: usize,
    /// Tickets that are not asked any more.
    pub cancelled: usize,
    /// Discrepancies that are left.
    pub remaining: usize,
    /// Answers to what was not asked.
    pub unknown: Vec<String>,
}

impl Phase for ApplyPhase {
    const NAME: &'static str = "apply";
    type Input = Settings;
    type Output = Output;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Output>, PhaseError> {
        let Resolved { iteration, .. } = ctx.upstream("resolve")?;
        let resolution: Resolution = ctx.artifacts().get_json(&names::resolution(iteration)).await?;
        if settings.dry_run {
            let outcome = apply_nothing(iteration, resolution.status);
            ctx.artifacts().put_json(names::OUTCOME, &outcome).await?;
            return Ok(Success::new(output(&outcome, Vec::new())));
        }
        let stored = Stored::read(&ctx).await?;
        let streams = resolved(&ctx, &which(&settings), iteration).await?;
        let mut issues = ask::stored_tickets(&ctx).await?;
        let (answers, bad) = ask::answers(&ctx, &issues).await?;
        let unknown = refused(bad)?;
        let answers = by_field(&issues, &answers);
        let truth = Truth::new(stored.code());
        let (decided, corrected) = apply(&truth, streams, &resolution, &answers)?;
        let changed: Vec<Stream> = corrected.made.keys().copied().collect();
        let streams = corrected.streams;
        let texts = measured(&ctx, &self.measure, &streams).await?;
        let status = ended(&truth, &streams, &settings, &resolution, &decided, &texts);
        let now = Timestamp::now().to_string();
        let states = settle(&mut issues, &answers, &now);
        let mut outcome = Outcome {
            version: VERSION.to_owned(),
            iterations: iteration,
            status,
            tickets: states,
            remaining: decided.into_iter().filter(metrics::is_open).collect(),
            divergent: BTreeSet::new(),
            streams: BTreeMap::new(),
        };
        outcome.divergent = divergent(&truth, &streams, &outcome.remaining);
        for (stream, file) in &streams {
            let mut name = names::resolved(*stream, iteration);
            if changed.contains(stream) {
                name = answered(*stream);
                ctx.artifacts().put_json::<StreamFile>(&name, file).await?;
            }
            outcome.streams.insert(*stream, name);
        }
        if !issues.is_empty() {
            ask::write(&ctx, &issues).await?;
        }
        ctx.artifacts().put_json(names::OUTCOME, &outcome).await?;
        Ok(Success::new(output(&outcome, unknown)))
    }
}

/// The artifact with a stream as people's answers left it.
fn answered(stream: Stream) -> String {
    format!("{stream}/answered.json")
}

/// An answer that does not fit ends the attempt with its name: it can be corrected, and the run be retried; nothing else is lost.
fn refused(bad: Vec<BadAnswer>) -> Result<Vec<String>, PhaseError> {
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for it in bad {
        match it {
            BadAnswer::UnknownTicket(ticket) => unknown.push(ticket),
            other => wrong.push(other.to_string()),
        }
    }
    if wrong.is_empty() {
        Ok(unknown)
    } else {
        Err(PhaseError::permanent("invalid-answer", wrong.join("; ")))
    }
}

/// Applies the answers. Returns all discrepancies of the last iteration as they are then, and the streams.
///
/// # Errors
/// Where an answer does not fit what the streams say.
pub fn apply<'x>(
    truth: &'x Truth<'x>,
    streams: Streams,
    resolution: &Resolution,
    answers: &Answers,
) -> Result<(Vec<Discrepancy>, Corrector<'x>), PhaseError> {
    let mut corrector = Corrector::new(truth, streams);
    let mut decided = resolution.decided.clone();
    let mut wrong = Vec::new();
    for it in decided.iter_mut().filter(|it| it.resolution != Action::AcceptConsensus) {
        let Ok(field) = it.field.parse::<Field>() else { continue };
        let ticket = ticket_id(&it.component_id, &it.field);
        let Some(answer) = answers.get(&ticket) else { continue };
        match corrector.by_person(&it.component_id, &field, answer) {
            Ok(()) => mark(it, answer),
            Err(error) => wrong.push(BadAnswer::Invalid { ticket, source: error }.to_string()),
        }
    }
    if wrong.is_empty() {
        Ok((decided, corrector))
    } else {
        Err(PhaseError::permanent("invalid-answer", wrong.join("; ")))
    }
}

/// How it ended: what the loop ended with, and agreement where people's answers have brought it about.
fn ended(
    truth: &Truth<'_>,
    streams: &Streams,
    settings: &Settings,
    resolution: &Resolution,
    decided: &[Discrepancy],
    texts: &Similarities,
) -> Status {
    let by_people = decided.iter().any(|it| it.resolution_source == ResolutionSource::HumanReview);
    if !by_people || !matches!(resolution.status, Status::PartiallyConverged | Status::Forced) {
        return resolution.status;
    }
    let moment = Moment { iteration: resolution.iteration, before: None };
    let mut again = compare(truth, streams, settings, moment, texts);
    let answered: BTreeSet<(&str, &str)> = decided
        .iter()
        .filter(|it| it.resolution_source == ResolutionSource::HumanReview)
        .map(|it| (&*it.component_id, &*it.field))
        .collect();
    again.discrepancies.retain(|it| !answered.contains(&(&*it.component_id, &*it.field)));
    metrics::count(&mut again.summary, &again.discrepancies);
    let holds = convergence::check(&again.summary, &settings.convergence).all_hold();
    if holds && again.summary.failed == 0 { Status::Converged } else { resolution.status }
}

/// Writes into each ticket what became of it.
fn settle(issues: &mut [Issue], answers: &Answers, now: &str) -> BTreeMap<String, TicketState> {
    let mut states = BTreeMap::new();
    for issue in issues {
        let Some(mut asked) = Asked::of(issue) else { continue };
        let is_answered =
            asked.fields.iter().all(|it| answers.contains_key(&ticket_id(&it.component_id, &it.field)));
        if matches!(asked.state, TicketState::Pending | TicketState::Expired) {
            asked.state = if is_answered { TicketState::Applied } else { TicketState::Expired };
            asked.write(issue);
            match asked.state {
                TicketState::Applied => issue.set_status("closed", now, "answered, and both streams say it"),
                _ => issue.set_status("deferred", now, ""),
            }
            now.clone_into(&mut issue.updated_at);
        }
        states.insert(issue.id.clone(), asked.state);
    }
    states
}

/// Components on which the streams are not at one: with something left, or with only one of them.
fn divergent(truth: &Truth<'_>, streams: &Streams, remaining: &[Discrepancy]) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = remaining.iter().map(|it| it.component_id.clone()).collect();
    for component in truth.components() {
        let there = streams.values().filter(|it| it.entries.contains_key(&component.id)).count();
        if there > 0 && there < streams.len() {
            all.insert(component.id.clone());
        }
    }
    all
}

fn apply_nothing(iterations: u32, status: Status) -> Outcome {
    Outcome {
        version: VERSION.to_owned(),
        iterations,
        status,
        tickets: BTreeMap::new(),
        remaining: Vec::new(),
        divergent: BTreeSet::new(),
        streams: BTreeMap::new(),
    }
}

fn output(outcome: &Outcome, unknown: Vec<String>) -> Output {
    let count = |state| outcome.tickets.values().filter(|it| **it == state).count();
    Output {
        status: outcome.status,
        applied: count(TicketState::Applied),
        expired: count(TicketState::Expired),
        cancelled: count(TicketState::Cancelled),
        remaining: outcome.remaining.len(),
        unknown,
    }
}
