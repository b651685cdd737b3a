//! What a package is made of: everything that the phases before have stored, in one place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    analysis::{calls::CallGraph, components::Component, phase::ComponentsFile},
    records::{
        Stream,
        compared::{Comparison, Discrepancy, Outcome, Resolution, TicketState},
        documented::{Entry, Failed, Spent, StreamFile},
        settings::Settings,
    },
};

/// Which job it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFacts {
    /// The job's id.
    pub id: String,
    /// Its key: the codebase's name.
    pub key: String,
    /// The path that it was started with.
    pub path: String,
    /// When it was started; none where the id does not tell.
    pub started_at: Option<Timestamp>,
    /// When the package is made.
    pub completed_at: Timestamp,
}

/// One iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its number, from 1.
    pub iteration: u32,
    /// What was compared.
    pub comparison: Option<Comparison>,
    /// What was decided.
    pub resolution: Option<Resolution>,
}

/// All of it.
#[derive(Debug)]
pub struct Parts {
    /// The job.
    pub job: JobFacts,
    /// Its settings.
    pub settings: Settings,
    /// The components.
    pub components: ComponentsFile,
    /// The call graph of the code.
    pub graph: CallGraph,
    /// How it ended.
    pub outcome: Outcome,
    /// The streams in the end.
    pub streams: BTreeMap<Stream, StreamFile>,
    /// The iterations, in order.
    pub turns: Vec<Turn>,
    /// The tickets' lines.
    pub tickets: Vec<Value>,
    /// What each role has used: `A1`, `A2`, `B1`, `B2`, `C`.
    pub spent: BTreeMap<String, Spent>,
    /// What a dry run would have used.
    pub estimate: BTreeMap<Stream, Spent>,
}

impl Parts {
    /// Returns what a stream says of a component in the end.
    #[must_use]
    pub fn entry(&self, stream: Stream, id: &str) -> Option<&Entry> {
        self.streams.get(&stream)?.entries.get(id)
    }

    /// Returns why a stream has nothing of a component. What was done in a later iteration has not failed.
    #[must_use]
    pub fn failed(&self, stream: Stream, id: &str) -> Option<&Failed> {
        let file = self.streams.get(&stream)?;
        if file.entries.contains_key(id) { None } else { file.failed.get(id) }
    }

    /// Returns the components by id.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&str, &Component> {
        self.components.components.iter().map(|it| (it.id.as_str(), it)).collect()
    }

    /// Returns the discrepancies that are left for each component, those that a person was not reached for among them.
    #[must_use]
    pub fn remaining(&self) -> BTreeMap<&str, Vec<&Discrepancy>> {
        let mut all: BTreeMap<&str, Vec<&Discrepancy>> = BTreeMap::new();
        for one in &self.outcome.remaining {
            all.entry(&one.component_id).or_default().push(one);
        }
        all
    }

    /// Returns the ticket that is about each component: one that is still open before one that is done with, then the lesser id.
    #[must_use]
    pub fn ticket_of(&self) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, (bool, String)> = BTreeMap::new();
        for ticket in &self.tickets {
            let Some(id) = ticket.get("id").and_then(Value::as_str) else { continue };
            let is_over =
                !matches!(self.outcome.tickets.get(id), Some(TicketState::Pending | TicketState::Expired));
            for component in asked(ticket, "component_id") {
                let mine = (is_over, id.to_owned());
                let known = found.entry(component.to_owned()).or_insert_with(|| mine.clone());
                if mine < *known {
                    *known = mine;
                }
            }
        }
        found.into_iter().map(|(component, (_, id))| (component, id)).collect()
    }
}

/// Returns a member of everything that a ticket asks: `component_id`, `discrepancy_id`.
pub(super) fn asked<'a>(ticket: &'a Value, member: &str) -> BTreeSet<&'a str> {
    let fields = ticket.pointer("/metadata/twindocs/fields").and_then(Value::as_array);
    fields.into_iter().flatten().filter_map(|it| it.get(member)?.as_str()).collect()
}
