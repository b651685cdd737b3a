//! An independent reader: the text of a component and the names of all components, nothing of the analysis.
//!
//! It is the second pair of eyes where no second model is: its faults are its own, so what it agrees on with the other stream has
//! been seen twice. Told that they differ, it looks again at its text, keeps the calls it has evidence for, and takes over the
//! other's words where its own text supports them.

mod again;
mod heading;

use crate::{
    analysis::source::Language,
    documenter::{
        assignment::{Assignment, Written, each_once},
        derive::{phrases::*, raised::raised, shown},
        lexical::{self, calls, code_of},
    },
    records::documented::{CallRef, Documentation, ParameterDoc, ReturnsDoc},
};

/// How it reads: raise this when it reads otherwise.
pub const METHOD: u32 = 1;
/// The model's name.
pub const MODEL: &str = "skimmed";

/// Reads a component.
#[must_use]
pub fn write(task: &Assignment) -> Written {
    let found = found(task);
    let mut callees = each_once(found.iter().map(|(call, _)| call.clone()));
    let mut documentation = documentation(task, &callees);
    if let Some(previous) = &task.previous {
        let own = std::mem::replace(&mut documentation, previous.documentation.clone()).description;
        callees.clone_from(&previous.callees);
        if let Some(feedback) = &task.feedback {
            callees = again::calls(task, feedback, callees, &found);
        }
        // Its own words are of the calls that it saw first.
        if documentation.description == own {
            documentation.description = description(task, &callees);
        }
    }
    if let Some(feedback) = &task.feedback {
        again::words(task, feedback, &mut documentation);
    }
    Written { documentation, callees, model: MODEL.to_owned(), confidence: 0.5 }
}

/// How much speaks for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// Only one component has the name, and what it is called on is not known.
    Name,
    /// What it is called on, or where it is, fits too.
    Place,
}

/// The calls in the text, with what speaks for each.
fn found(task: &Assignment) -> Vec<(CallRef, Evidence)> {
    let language = task.facts.language;
    // What stands in a type of Rust or Go declares, whatever it looks like.
    if task.facts.kind.is_type() && matches!(language, Language::Rust | Language::Go) {
        return Vec::new();
    }
    let code = code_of(&task.source, language);
    let mut is_heading = task.facts.kind.is_callable();
    let mut all = Vec::new();
    for call in calls(&code, language) {
        // Its own name comes first in its text, and is no call.
        if is_heading && call.name == task.facts.last_name() {
            is_heading = false;
            continue;
        }
        let ids = task.names.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        if let Some((id, evidence)) = resolved(task, call.on.as_deref(), &call.name, ids) {
            let line = task.line_of(call.line);
            let component_id = id.to_owned();
            all.push((CallRef { component_id, call_site_line: line, call_type: call.kind }, evidence));
        }
    }
    all
}

/// The path and the name in an id.
fn parts(id: &str) -> (&str, &str) {
    let (path, name) = id.split_once("::").unwrap_or((id, ""));
    (path, name.split('(').next().unwrap_or(name))
}

/// Which of the components of a name is meant.
fn resolved<'t>(
    task: &Assignment,
    on: Option<&str>,
    name: &str,
    ids: &'t [String],
) -> Option<(&'t str, Evidence)> {
    let one = |fits: &dyn Fn(&str) -> bool| {
        let mut fitting = ids.iter().filter(|id| fits(id));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => Some(id.as_str()),
            _ => None,
        }
    };
    let (path, own) = parts(&task.facts.id);
    let owner = own.rsplit_once('.').map_or("", |(owner, _)| owner);
    let of = |id: &str, outer: &str| {
        let (_, whole) = parts(id);
        let before = whole.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')).unwrap_or_default();
        !outer.is_empty() && (before == outer || before.ends_with(&format!(".{outer}")))
    };
    let stem = |id: &str| {
        parts(id).0.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or("").to_owned()
    };
    match on {
        None => {
            let plain = |id: &str| !parts(id).1.contains('.');
            let inner = one(&|id| parts(id).0 == path && of(id, own));
            let here = one(&|id| parts(id).0 == path && plain(id));
            // Only Java calls methods by their name alone.
            let own_type = || one(&|id| parts(id).0 == path && of(id, owner));
            let of_java = if task.facts.language == Language::Java { own_type() } else { None };
            let found = inner.or(of_java).or(here).or_else(|| one(&plain));
            found.map(|id| (id, Evidence::Place))
        }
        Some("self" | "this" | "Self" | "cls" | "super") => {
            let own_type =
                one(&|id| parts(id).0 == path && of(id, owner)).or_else(|| one(&|id| of(id, owner)));
            own_type.map(|id| (id, Evidence::Place)).or_else(|| one(&|_| true).map(|id| (id, Evidence::Name)))
        }
        Some(outer) => {
            let outer = if outer == "crate" { "" } else { outer };
            let of_outer = one(&|id| of(id, outer)).or_else(|| one(&|id| stem(id) == outer));
            let alone = || one(&|_| true).map(|id| (id, Evidence::Name));
            of_outer.map(|id| (id, Evidence::Place)).or_else(alone)
        }
    }
}

fn documentation(task: &Assignment, callees: &[CallRef]) -> Documentation {
    let (facts, heading) = (&task.facts, heading::read(task));
    let said = first_sentence(&heading.comment);
    let words = words_of(facts.last_name()).join(" ");
    let summary = if said.is_empty() { format!("{}.", capital(&words)) } else { said };
    let parameter = |one: &heading::Parameter| ParameterDoc {
        description: format!("The {}.", words_of(&one.name).join(" ")),
        name: one.name.clone(),
        kind: one.kind.clone(),
        default: one.default.clone(),
        required: one.default.is_none(),
    };
    Documentation {
        summary: shortened(&summary),
        description: description(task, callees),
        parameters: heading.parameters.iter().map(parameter).collect(),
        returns: heading
            .returns
            .as_ref()
            .map(|kind| ReturnsDoc { kind: Some(kind.clone()), description: format!("A `{kind}`.") }),
        raises: if facts.kind.is_callable() { raised(&task.source, facts.language) } else { Vec::new() },
        ..Documentation::default()
    }
}

fn description(task: &Assignment, callees: &[CallRef]) -> String {
    let mut sentences = Vec::new();
    if !task.members.is_empty() {
        sentences.push(format!("It holds {}.", listed(task.members.iter().map(|one| &*one.name).take(12))));
    }
    if !callees.is_empty() {
        sentences
            .push(format!("Calls {}.", listed(callees.iter().map(|one| shown(&one.component_id)).take(12))));
    }
    sentences.join(" ")
}

/// Whether a callee's name stands in the code, and on which line first.
fn mentioned(task: &Assignment, id: &str) -> Option<u32> {
    let code = code_of(&task.source, task.facts.language);
    let name = shown(id);
    let line = code.lines().skip(1).position(|line| lexical::has_word(line, name))? + 2;
    u32::try_from(line).ok()
}
