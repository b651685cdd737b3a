//! What an author is given of a component, and what he gives back.
//!
//! An assignment holds everything that an answer may depend on, so that its hash says whether the work is done already. Lines are counted
//! from the component's own first: what only moved down in its file is the same work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    analysis::{
        calls::{CallEdge, Unresolved},
        components::{Component, Kind, Parameter, Visibility},
        source::Language,
    },
    records::{
        compared::Feedback,
        documented::{CallKind, CallRef, Documentation},
    },
};

/// A component without its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// Its name, with those of the types around it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// In what it is written.
    pub language: Language,
    /// In what it is.
    pub parent: Option<String>,
    /// Its text up to its body.
    pub signature: String,
    /// What goes in.
    pub parameters: Vec<Parameter>,
    /// What comes out.
    pub returns: Option<String>,
    /// What decorates it.
    pub decorators: Vec<String>,
    /// What is said of it already.
    pub doc: String,
    /// Who may use it.
    pub visibility: Visibility,
}

impl Facts {
    /// Of a component.
    #[must_use]
    pub fn of(component: &Component) -> Self {
        Self {
            id: component.id.clone(),
            name: component.name.clone(),
            kind: component.kind,
            language: component.language,
            parent: component.parent.clone(),
            signature: component.signature.clone(),
            parameters: component.parameters.clone(),
            returns: component.returns.clone(),
            decorators: component.decorators.clone(),
            doc: component.doc.clone(),
            visibility: component.visibility,
        }
    }

    /// Its name without those around it.
    #[must_use]
    pub fn last_name(&self) -> &str {
        last_name(&self.name)
    }
}

/// The last part of a component's name.
#[must_use]
pub fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A component that is written inside another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id.
    pub id: String,
    /// Its name without those around it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// A component that is called, as the caller's author is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callee {
    /// Its id.
    pub id: String,
    /// Its text up to its body.
    pub signature: String,
    /// What this stream has written of it; none where it could not, or comes later in a circle.
    pub summary: Option<String>,
}

/// A call that the analysis sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Who is called.
    pub callee: String,
    /// Line of the call, the component's first being 1.
    pub line: Option<u32>,
    /// How.
    pub kind: CallKind,
    /// How sure the analysis is.
    pub confidence: f64,
}

impl Seen {
    /// Of an edge.
    #[must_use]
    pub fn of(edge: &CallEdge, first_line: u32) -> Self {
        Self {
            callee: edge.callee.clone(),
            line: edge.line.checked_sub(first_line).map(|line| line + 1),
            kind: CallKind::of(edge.call_type, edge.around),
            confidence: edge.confidence,
        }
    }
}

/// A call of which the analysis cannot say whom it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenCall {
    /// The last name in what is called.
    pub name: String,
    /// The word that it is called on: none where there is none; empty where it is no word.
    pub on: Option<String>,
    /// Line of the call, the component's first being 1.
    pub line: Option<u32>,
}

impl OpenCall {
    /// Of a call that was not resolved.
    #[must_use]
    pub fn of(call: &Unresolved, first_line: u32) -> Self {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let name = call.text.rsplit(|letter| !is_part(letter)).next().unwrap_or_default();
        let before = call.text.strip_suffix(name).unwrap_or_default();
        let before = before.strip_suffix('.').or_else(|| before.strip_suffix("::"));
        let on = before
            .map(|before| before.rsplit(|letter| !is_part(letter)).next().unwrap_or_default().to_owned());
        let line = call.line.checked_sub(first_line).map(|line| line + 1);
        Self { name: name.to_owned(), on, line }
    }
}

/// What an author is given. Of `seen`, `open`, `callees` and `names` each engine gets what it may use; the rest is empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignment {
    /// The component.
    pub facts: Facts,
    /// Its text, with the comment above it.
    pub source: String,
    /// How many lines of the text are above the component's first; none where the text has gaps, and its lines say nothing.
    pub above: Option<u32>,
    /// What is written inside it.
    pub members: Vec<Member>,
    /// The calls that the analysis sees.
    pub seen: Vec<Seen>,
    /// Those that it sees and cannot resolve.
    pub open: Vec<OpenCall>,
    /// What is known of those it calls.
    pub callees: Vec<Callee>,
    /// Names that the text calls and components have, with the ids of those.
    pub names: BTreeMap<String, Vec<String>>,
    /// What the other stream says; none where the streams agree, or nothing was compared yet.
    #[serde(skip)]
    pub feedback: Option<Feedback>,
    /// What this stream said of it before, as corrected since: an author who is asked again goes on from there, or what was agreed
    /// on in one iteration would be forgotten in the next.
    #[serde(skip)]
    pub previous: Option<Previous>,
}

/// What a stream said before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Previous {
    /// The text.
    pub documentation: Documentation,
    /// Whom it calls; lines from the component's first.
    pub callees: Vec<CallRef>,
}

impl Assignment {
    /// Returns the line of the component that a line of its text is, both from 1.
    #[must_use]
    pub fn line_of(&self, line_of_text: u32) -> Option<u32> {
        line_of_text.checked_sub(self.above?).filter(|line| *line > 0)
    }

    /// Returns the hash of everything in it together with who is asked: `work.talk`. The first part alone says whether anything
    /// has changed but what the streams said to each other.
    #[must_use]
    pub fn key(&self, fingerprint: &str) -> String {
        let talk = match (&self.feedback, &self.previous) {
            (None, None) => "0".to_owned(),
            talk => hash_of(&talk, "talk", 16),
        };
        format!("{}.{talk}", hash_of(self, fingerprint, 40))
    }
}

/// Returns the part of a key that does not depend on what the streams said to each other.
#[must_use]
pub fn work_of(key: &str) -> &str {
    key.split('.').next().unwrap_or(key)
}

fn hash_of(value: &impl Serialize, salt: &str, letters: usize) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("segue twindocs assignment 1");
    hasher.update(&(salt.len() as u64).to_le_bytes()).update(salt.as_bytes());
    // Of our own types: writing them cannot fail, and the hash of a half would only ask once more.
    if let Err(error) = serde_json::to_writer(&mut hasher, value) {
        tracing::error!(%error, "an assignment cannot be hashed");
    }
    hasher.finalize().to_hex()[..letters].to_owned()
}

/// What an author gives back. The callers of a component are not his to say: they are those whose callees it is among.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The text.
    pub documentation: Documentation,
    /// Whom it calls, each once, sorted; lines from the component's first.
    pub callees: Vec<CallRef>,
    /// Who wrote it.
    pub model: String,
    /// 0 to 1: how sure he is.
    pub confidence: f64,
}

/// Keeps the first call of each callee, sorted by id.
#[must_use]
pub fn each_once(calls: impl IntoIterator<Item = CallRef>) -> Vec<CallRef> {
    let mut first: BTreeMap<String, CallRef> = BTreeMap::new();
    for call in calls {
        let line = |call: &CallRef| call.call_site_line.unwrap_or(u32::MAX);
        match first.get(&call.component_id) {
            Some(known) if line(known) <= line(&call) => {}
            _ => drop(first.insert(call.component_id.clone(), call)),
        }
    }
    first.into_values().collect()
}
