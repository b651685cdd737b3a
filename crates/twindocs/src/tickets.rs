//! What people are asked: one ticket for each field that only they can decide, in the form of Beads.
//!
//! A ticket's id is a hash of component and field, so that the same question is the same ticket in every iteration and every
//! job: it is brought up to date, not asked again. What is beyond the most tickets at once goes into one ticket for all.

pub mod answers;
pub mod apply;
pub mod ask;
pub mod beads;
pub mod companion;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    comparison::{
        field::{Field, Side},
        truth::Truth,
    },
    records::{
        Stream,
        compared::{Discrepancy, Severity, TicketState},
    },
};
use beads::Issue;

/// Of a ticket's metadata, what is ours.
const OURS: &str = "twindocs";

/// What a ticket asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What became of it.
    pub state: TicketState,
    /// The fields: one, or both ends of a call, but for the ticket that has all the rest.
    pub fields: Vec<AskedField>,
}

/// A field that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedField {
    /// The component.
    pub component_id: String,
    /// The field.
    pub field: String,
    /// What differs there.
    pub discrepancy_id: String,
    /// What A said.
    pub stream_a_value: Value,
    /// What B said.
    pub stream_b_value: Value,
}

impl Asked {
    /// What an issue asks, where it is one of ours.
    #[must_use]
    pub fn of(issue: &Issue) -> Option<Self> {
        serde_json::from_value(issue.metadata.get(OURS)?.clone()).ok()
    }

    /// Writes it into an issue, beside what else is in its metadata.
    pub fn write(&self, issue: &mut Issue) {
        if !issue.metadata.is_object() {
            issue.metadata = json!({});
        }
        issue.metadata[OURS] = json!(self);
        // Where others look for what an issue is about.
        let components: BTreeSet<&str> = self.fields.iter().map(|it| it.component_id.as_str()).collect();
        issue.metadata["components"] = json!(components);
    }
}

/// Returns the id of the ticket for a field. A call has two ends and is one question, whichever end it is asked at.
#[must_use]
pub fn ticket_id(component: &str, field: &str) -> String {
    match field.parse() {
        Ok(Field::Edge(Side::Callers, caller)) => {
            let field = Field::Edge(Side::Callees, component.to_owned());
            hashed(&format!("{caller}\0{field}"))
        }
        _ => hashed(&format!("{component}\0{field}")),
    }
}

/// The same of what is asked.
fn id_of(it: &Discrepancy) -> String {
    ticket_id(&it.component_id, &it.field)
}

/// The id of the ticket for several fields: another one where they are others.
fn group_id(fields: &[AskedField]) -> String {
    let all: Vec<String> = fields.iter().map(|it| format!("{}\0{}", it.component_id, it.field)).collect();
    hashed(&format!("several\0{}", all.join("\0")))
}

fn hashed(text: &str) -> String {
    format!("bd-{}", &blake3::hash(text.as_bytes()).to_hex()[..10])
}

/// What tickets are written with.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'x> {
    /// The code.
    pub truth: &'x Truth<'x>,
    /// The models of each stream.
    pub models: &'x BTreeMap<Stream, String>,
    /// The iteration.
    pub iteration: u32,
    /// Most tickets at once.
    pub most: usize,
    /// The time, as it is written down.
    pub now: &'x str,
}

/// Returns all tickets: those that are asked, new or brought up to date, and those of before, cancelled where they are not asked any
/// more and nobody has answered.
#[must_use]
pub fn tickets(desk: Desk<'_>, decided: &[Discrepancy], existing: Vec<Issue>) -> Vec<Issue> {
    let mut old: BTreeMap<String, Issue> = existing.into_iter().map(|it| (it.id.clone(), it)).collect();
    let mut asked: Vec<&Discrepancy> = decided.iter().filter(|it| it.requires_ticket).collect();
    asked.sort_by_key(|it| {
        let rank = (it.blocking.is_none(), std::cmp::Reverse(it.severity));
        // Of a call the caller's end first: its text is the one to look at.
        (rank, it.field.starts_with("/call_graph/callers/"), &it.component_id, &it.field)
    });
    let mut questions: Vec<Vec<&Discrepancy>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for it in asked {
        let at = *places.entry(id_of(it)).or_insert(questions.len());
        match questions.get_mut(at) {
            Some(question) => question.push(it),
            None => questions.push(vec![it]),
        }
    }
    let most = desk.most.max(1);
    if questions.len() > most {
        let rest = questions.drain(most - 1..).flatten().collect();
        questions.push(rest);
    }
    let mut all: BTreeMap<String, Issue> = BTreeMap::new();
    for question in questions {
        let issue = ticket(desk, &question, |id| old.remove(id));
        all.insert(issue.id.clone(), issue);
    }
    for (id, mut issue) in old {
        if let Some(mut asked) = Asked::of(&issue).filter(|it| it.state == TicketState::Pending) {
            asked.state = TicketState::Cancelled;
            asked.write(&mut issue);
            issue.set_status("closed", desk.now, "the question is not asked any more");
            desk.now.clone_into(&mut issue.updated_at);
        }
        all.insert(id, issue);
    }
    all.into_values().collect()
}

/// One ticket: as it was, where nothing it says has changed.
fn ticket(desk: Desk<'_>, group: &[&Discrepancy], old: impl FnOnce(&str) -> Option<Issue>) -> Issue {
    let fields: Vec<AskedField> = group
        .iter()
        .map(|it| AskedField {
            component_id: it.component_id.clone(),
            field: it.field.clone(),
            discrepancy_id: it.discrepancy_id.clone(),
            stream_a_value: it.stream_a_value.clone(),
            stream_b_value: it.stream_b_value.clone(),
        })
        .collect();
    let ids: BTreeSet<String> = group.iter().map(|it| id_of(it)).collect();
    let id = if ids.len() == 1 { ids.into_iter().collect() } else { group_id(&fields) };
    let old = old(&id);
    let mut issue = old.clone().unwrap_or_default();
    issue.id = id;
    issue.title = words::title(group);
    issue.description = words::description(desk, &issue.id, group);
    issue.priority = group.iter().map(|it| priority(it.severity)).min().unwrap_or(2);
    "task".clone_into(&mut issue.issue_type);
    let mut labels: BTreeSet<String> = issue.labels.drain(..).collect();
    labels.retain(|it| !it.starts_with("iteration-"));
    labels.insert("ai-documentation".to_owned());
    labels.extend(group.iter().map(|it| words::kind(it)));
    labels.insert(format!("iteration-{}", desk.iteration));
    issue.labels = labels.into_iter().collect();
    issue.set_status("open", desk.now, "");
    Asked { state: TicketState::Pending, fields }.write(&mut issue);
    if issue.created_at.is_empty() {
        desk.now.clone_into(&mut issue.created_at);
    }
    if old.as_ref() != Some(&issue) {
        desk.now.clone_into(&mut issue.updated_at);
    }
    issue
}

/// Beads' priority of a severity: 0 is the highest.
fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
    }
}
