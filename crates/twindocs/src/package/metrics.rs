//! The figures of a job: what was documented, how it stands against the code, and what it cost, by role.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    graph::MergedGraph,
    merge::MergedDocumentation,
    parts::{Parts, asked},
};
use crate::{
    analysis::{calls::CallType, source::Language},
    records::{
        Stream,
        compared::{ResolutionSource, TicketState},
        documented::Spent,
    },
};

/// Calls against those that the code evidently has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Calls that are claimed.
    pub claimed: usize,
    /// Calls that the code evidently has.
    pub evident: usize,
    /// Claimed and in the code, evidently or possibly, of all claimed; 1 where nothing is claimed.
    pub precision: f64,
    /// Evident and claimed, of all evident; 1 where nothing is evident.
    pub recall: f64,
    /// Both in one.
    pub f1: f64,
}

/// `metrics.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`super::VERSION`].
    pub version: String,
    /// The job.
    pub job: String,
    /// The codebase.
    pub codebase: String,
    /// Components in each language.
    pub languages: BTreeMap<Language, usize>,
    /// When the job was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When this was written.
    pub completed_at: Timestamp,
    /// Components.
    pub components_total: usize,
    /// Those with a text.
    pub components_documented: usize,
    /// Those with a text and nothing open.
    pub components_agreed: usize,
    /// Those of which a stream, or both, has none.
    pub components_failed: usize,
    /// Mean of the confidence scores, 0 to 100.
    pub mean_confidence: f64,
    /// Calls of the merged graph.
    pub calls: usize,
    /// Each stream's calls, and those of both together.
    pub call_graph: BTreeMap<String, Accuracy>,
    /// Different discrepancies seen in the whole job.
    pub discrepancies_total: usize,
    /// Of them decided by rule, by the analysis or by agreement.
    pub discrepancies_auto: usize,
    /// Of them decided by people: tickets that were answered and applied, not tickets that were written.
    pub discrepancies_by_people: usize,
    /// Of them left.
    pub discrepancies_unresolved: usize,
    /// Tickets in each state.
    pub tickets: BTreeMap<TicketState, usize>,
    /// By role: `A1`, `B1` write, `A2`, `B2` validate, `C` compares.
    pub spent: BTreeMap<String, Spent>,
    /// What a dry run would have used, by stream.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub estimate: BTreeMap<Stream, Spent>,
    /// All tokens.
    pub tokens_total: u64,
    /// All cost in US dollars, as far as prices are known.
    pub usd_total: f64,
    /// The model of each role, as its entries name it.
    pub models: BTreeMap<String, BTreeSet<String>>,
}

/// Counts.
#[must_use]
pub fn metrics(parts: &Parts, documentation: &MergedDocumentation, graph: &MergedGraph) -> Metrics {
    let components = &parts.components.components;
    let mut languages = BTreeMap::new();
    components.iter().for_each(|it| *languages.entry(it.language).or_default() += 1);
    let mut tickets = BTreeMap::new();
    parts.outcome.tickets.values().for_each(|it| *tickets.entry(*it).or_default() += 1);
    let with_text = || documentation.values().filter(|it| it.documentation.is_some());
    let confidence: f64 = documentation.values().map(|it| f64::from(it.confidence_score)).sum();
    let unresolved: BTreeSet<&str> =
        parts.outcome.remaining.iter().map(|it| it.discrepancy_id.as_str()).collect();
    let (seen, by_people) = decided(parts);
    let resolved: BTreeSet<&str> = seen.difference(&unresolved).copied().collect();
    let people = by_people.intersection(&resolved).count();
    Metrics {
        version: super::VERSION.to_owned(),
        job: parts.job.id.clone(),
        codebase: parts.job.path.clone(),
        languages,
        started_at: parts.job.started_at,
        completed_at: parts.job.completed_at,
        components_total: components.len(),
        components_documented: with_text().count(),
        components_agreed: with_text().filter(|it| it.open().next().is_none()).count(),
        components_failed: documentation.values().filter(|it| !it.failed.is_empty()).count(),
        mean_confidence: confidence / documentation.len().max(1) as f64,
        calls: graph.edge_count,
        call_graph: accuracy(parts),
        discrepancies_total: seen.union(&unresolved).count(),
        discrepancies_auto: resolved.len() - people,
        discrepancies_by_people: people,
        discrepancies_unresolved: unresolved.len(),
        tickets,
        tokens_total: parts.spent.values().map(|it| it.tokens).sum(),
        usd_total: parts.spent.values().map(|it| it.usd).sum(),
        spent: parts.spent.clone(),
        estimate: parts.estimate.clone(),
        models: models(parts),
    }
}

/// The ids of all discrepancies of all iterations, and of those that people decided.
fn decided(parts: &Parts) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let in_comparisons =
        parts.turns.iter().filter_map(|it| it.comparison.as_ref()).flat_map(|it| &it.discrepancies);
    let in_resolutions =
        || parts.turns.iter().filter_map(|it| it.resolution.as_ref()).flat_map(|it| &it.decided);
    let seen = in_comparisons.chain(in_resolutions()).map(|it| it.discrepancy_id.as_str()).collect();
    let by_people = in_resolutions().filter(|it| it.resolution_source == ResolutionSource::HumanReview);
    let applied = |id: &str| parts.outcome.tickets.get(id) == Some(&TicketState::Applied);
    let answered = parts.tickets.iter().filter(|it| it["id"].as_str().is_some_and(applied));
    let asked = answered.flat_map(|it| asked(it, "discrepancy_id"));
    (seen, by_people.map(|it| it.discrepancy_id.as_str()).chain(asked).collect())
}

type Pairs<'a> = BTreeSet<(&'a str, &'a str)>;

fn accuracy(parts: &Parts) -> BTreeMap<String, Accuracy> {
    let is_evident = |kind: CallType| !matches!(kind, CallType::Dynamic | CallType::Callback);
    let evident: Pairs<'_> = parts
        .graph
        .edges
        .iter()
        .filter(|it| it.confidence >= 1.0 && is_evident(it.call_type))
        .map(|it| (it.caller.as_str(), it.callee.as_str()))
        .collect();
    let possible: Pairs<'_> =
        parts.graph.edges.iter().map(|it| (it.caller.as_str(), it.callee.as_str())).collect();
    let mut all = BTreeMap::new();
    let mut either = Pairs::new();
    for stream in Stream::ALL {
        let Some(file) = parts.streams.get(&stream) else { continue };
        let claimed: Pairs<'_> = file
            .entries
            .iter()
            .flat_map(|(id, entry)| {
                entry.call_graph.callees.iter().map(move |it| (id.as_str(), it.component_id.as_str()))
            })
            .collect();
        all.insert(stream.letter().to_uppercase(), measure(&claimed, &evident, &possible));
        either.extend(claimed);
    }
    all.insert("merged".to_owned(), measure(&either, &evident, &possible));
    all
}

fn measure(claimed: &Pairs<'_>, evident: &Pairs<'_>, possible: &Pairs<'_>) -> Accuracy {
    let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    let precision = share(claimed.intersection(possible).count(), claimed.len());
    let recall = share(claimed.intersection(evident).count(), evident.len());
    let f1 = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    Accuracy { claimed: claimed.len(), evident: evident.len(), precision, recall, f1 }
}

fn models(parts: &Parts) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in parts.streams.values().flat_map(|file| file.entries.values()) {
        let validator = entry.validation.as_ref().map(|it| &it.author);
        for author in [Some(&entry.metadata), validator].into_iter().flatten() {
            all.entry(author.agent_id.clone()).or_default().insert(author.model.clone());
        }
    }
    all
}
