//! What becomes of the differences: the stream that was wrong is corrected, what may be agreed on goes back to the streams, what
//! nobody can decide waits for people, and the loop ends where nothing can change any more.
//!
//! [`resolve`] is a pure function; [`phase`] does it for a job.

pub mod answer;
pub mod convergence;
pub mod correct;
pub mod feedback;
pub mod phase;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    comparison::{Streams, field::Field, metrics, truth::Truth},
    records::{
        Stream, VERSION,
        compared::{
            Action, Authority, Comparison, Discrepancy, Resolution, ResolutionSource, Resolved, Severity,
            Status, Summary, TicketAnswer,
        },
        settings::Settings,
    },
    tickets::ticket_id,
};
use correct::Corrector;

/// People's answers by ticket.
pub type Answers = BTreeMap<String, TicketAnswer>;

/// What an iteration is resolved with, beside the streams.
#[derive(Debug, Clone, Copy)]
pub struct Given<'x> {
    /// What was compared.
    pub comparison: &'x Comparison,
    /// What was compared before, the last one first: two are enough.
    pub earlier: &'x [&'x Comparison],
    /// What was decided before; none in the first iteration.
    pub before: Option<&'x Resolution>,
    /// What people have said already, by the ticket of a single field.
    pub answers: &'x Answers,
    /// The job's settings.
    pub settings: &'x Settings,
}

/// How an iteration ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The streams, corrected.
    pub streams: Streams,
    /// What was decided.
    pub resolution: Resolution,
    /// The phase's output.
    pub resolved: Resolved,
}

/// Resolves an iteration.
#[must_use]
pub fn resolve(truth: &Truth<'_>, streams: Streams, given: Given<'_>) -> Ended {
    let names: Vec<Stream> = streams.keys().copied().collect();
    let mut corrector = Corrector::new(truth, streams);
    let mut decided = given.comparison.discrepancies.clone();
    for it in &mut decided {
        decide(&mut corrector, it, given.answers);
    }
    let failed: BTreeMap<Stream, usize> =
        corrector.streams.iter().map(|(stream, file)| (*stream, missing(truth, &file.entries))).collect();
    let summary = after_people(given.comparison, &decided);
    let verdict = convergence::check(&summary, &given.settings.convergence);
    let mut feedback = feedback::feedback(&decided, &names);
    let is_last = given.comparison.iteration >= given.settings.max_iterations;
    let nothing_moves = (feedback.is_empty() && corrector.made.is_empty())
        || given.before.is_some_and(|it| convergence::nothing_moved(&decided, &it.decided));
    let has_entries = corrector.streams.values().any(|it| !it.entries.is_empty());
    let lacks = failed.values().sum::<usize>();
    let retries = lacks > 0 && shrinks(given);
    let (status, settled) = match verdict.hold {
        _ if !has_entries => (Status::Failed, true),
        4 if lacks == 0 => (Status::Converged, true),
        _ if is_last => (Status::Forced, true),
        // All that could be documented is agreed on, and trying the rest again has not helped.
        4 if !retries => (Status::PartiallyConverged, true),
        0 if nothing_moves && !retries => (Status::Forced, true),
        _ if nothing_moves && !retries => (Status::PartiallyConverged, true),
        _ => (Status::InProgress, false),
    };
    let mut required_actions = verdict.required_actions;
    required_actions.extend(convergence::failures(&failed));
    required_actions.extend(convergence::trends(&summary, given.earlier));
    if settled && !matches!(status, Status::Converged) {
        decided.iter_mut().for_each(hand_to_people);
    }
    if settled {
        feedback.clear();
    }
    decided.extend(agreed(given));
    let mut again: Vec<&str> = feedback.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
    again.sort_unstable();
    again.dedup();
    let resolved = Resolved {
        iteration: given.comparison.iteration,
        status,
        settled,
        to_do_again: if settled { 0 } else { again.len() + lacks },
        for_people: decided.iter().filter(|it| it.requires_ticket).count(),
    };
    let resolution = Resolution {
        version: VERSION.to_owned(),
        iteration: given.comparison.iteration,
        status,
        required_actions,
        decided,
        corrections: corrector.made,
        feedback,
    };
    Ended { streams: corrector.streams, resolution, resolved }
}

/// A person's answer is final; else the code's word is done where it has one.
fn decide(corrector: &mut Corrector<'_>, it: &mut Discrepancy, answers: &Answers) {
    let Ok(field) = it.field.parse::<Field>() else { return };
    if let Some(answer) = answers.get(&ticket_id(&it.component_id, &it.field)) {
        match corrector.by_person(&it.component_id, &field, answer) {
            Ok(()) => return correct::mark(it, answer),
            // `apply` says it to whoever answered; until then the question stays open.
            Err(error) => {
                tracing::warn!(component = it.component_id, field = it.field, %error, "not applied")
            }
        }
    }
    match (it.authority, it.resolution) {
        (Authority::Analysis, _) => corrector.by_code(it, &field),
        (Authority::Agreement, Action::MergeBoth) => corrector.by_keeping(it, &field),
        _ => {}
    }
}

/// The figures without what people have decided: their word is final, also against the code.
fn after_people(comparison: &Comparison, decided: &[Discrepancy]) -> Summary {
    let mut summary = comparison.summary.clone();
    metrics::count(&mut summary, decided);
    summary
}

/// Components that a stream has no entry for.
fn missing<T>(truth: &Truth<'_>, entries: &BTreeMap<String, T>) -> usize {
    truth.components().filter(|it| !entries.contains_key(&it.id)).count()
}

/// Whether trying again what failed has a chance: it was not tried twice, or the last try helped.
fn shrinks(given: Given<'_>) -> bool {
    given.earlier.first().is_none_or(|it| it.summary.failed > given.comparison.summary.failed)
}

/// In the end nobody is left but people for what blocks or is wrong.
fn hand_to_people(it: &mut Discrepancy) {
    let matters = it.blocking.is_some() || it.severity >= Severity::High;
    if it.resolution == Action::Deferred && matters {
        it.authority = Authority::People;
        it.resolution = Action::NeedsHumanReview;
        it.requires_ticket = true;
    }
}

/// What was left to agreement before and is no more found: they say the same now.
fn agreed(given: Given<'_>) -> Vec<Discrepancy> {
    let now: BTreeSet<&str> =
        given.comparison.discrepancies.iter().map(|it| it.discrepancy_id.as_str()).collect();
    let before = given.before.into_iter().flat_map(|it| &it.decided);
    before
        .filter(|it| metrics::is_open(it) && !now.contains(it.discrepancy_id.as_str()))
        .map(|it| Discrepancy {
            resolution: Action::AcceptConsensus,
            resolution_source: ResolutionSource::Consensus,
            requires_ticket: false,
            blocking: None,
            ..it.clone()
        })
        .collect()
}
