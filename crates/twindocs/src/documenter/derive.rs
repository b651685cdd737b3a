//! Documentation derived from what is there: syntax, signature, comments, decorators, and the calls that the analysis sees.
//!
//! It says nothing that cannot be read off, and names `derived` as its model, so nobody takes it for more. What a component's
//! comment says comes first; what it leaves open is said in plain sentences.

mod comment;
pub(super) mod phrases;
pub(super) mod raised;
mod verbs;

use crate::{
    analysis::components::{Kind, Parameter, Visibility},
    records::documented::{CallKind, CallRef, Documentation, ParameterDoc, RaisesDoc, ReturnsDoc},
};

use super::assignment::{Assignment, Facts, Written, each_once, last_name};
use comment::Comment;
use phrases::{after_first, first_sentence, listed, summary_of, words_of};

/// How it is written. What an older method wrote is not taken again: raise this when the method changes.
pub const METHOD: u32 = 1;
/// The model's name.
pub const MODEL: &str = "derived";
/// Most callees that a description names.
const MOST_NAMED: usize = 12;

/// Writes what can be derived. Asked again, it keeps what was corrected since, and takes over calls of the other stream where the
/// analysis has seen a call of that name and could not say whom it runs.
#[must_use]
pub fn write(task: &Assignment) -> Written {
    let facts = &task.facts;
    let confidence = if facts.doc.is_empty() { 0.6 } else { 0.9 };
    if let Some(previous) = &task.previous {
        let documentation = previous.documentation.clone();
        let callees = each_once(previous.callees.iter().cloned().chain(taken_over(task)));
        return Written { documentation, callees, model: MODEL.to_owned(), confidence };
    }
    let comment = comment::read(&facts.doc);
    let said = first_sentence(&comment.text);
    let documentation = Documentation {
        summary: if said.is_empty() { summary_of(facts, &task.members) } else { said },
        description: description(task, &comment),
        parameters: facts.parameters.iter().map(|one| parameter(one, &comment)).collect(),
        returns: returns(facts, &comment),
        raises: raises(task, &comment),
        examples: comment.examples,
        notes: Some(comment.notes).filter(|notes| !notes.is_empty()),
        see_also: Vec::new(),
    };
    let call = |seen: &super::assignment::Seen| CallRef {
        component_id: seen.callee.clone(),
        call_site_line: seen.line,
        call_type: seen.kind,
    };
    Written {
        documentation,
        callees: each_once(task.seen.iter().map(call)),
        model: MODEL.to_owned(),
        confidence,
    }
}

/// The calls that only the other stream names, and that the code leaves open.
fn taken_over(task: &Assignment) -> Vec<CallRef> {
    let told = task.feedback.iter().flat_map(|feedback| &feedback.edges_only_in_other_stream);
    let open = |id: &String| {
        let call = task.open.iter().find(|call| call.name == shown(id) && fits(call.on.as_deref(), id))?;
        // Of a text with gaps no reader knows the lines.
        let line = call.line.filter(|_| task.above.is_some());
        Some(CallRef { component_id: id.clone(), call_site_line: line, call_type: CallKind::Direct })
    };
    told.filter_map(open).collect()
}

/// Whether what a call is made on is named as the callee's type or file: a name alone is no evidence.
fn fits(on: Option<&str>, id: &str) -> bool {
    let Some(on) = on else { return true };
    let (path, name) = id.split_once("::").unwrap_or((id, ""));
    let file = path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
    let owner = name.rsplit('.').nth(1).unwrap_or_default();
    !on.is_empty() && [file, owner].iter().any(|one| one.eq_ignore_ascii_case(on))
}

fn description(task: &Assignment, comment: &Comment) -> String {
    let facts = &task.facts;
    let mut parts = vec![after_first(&comment.text)];
    let mut sentences = Vec::new();
    if !facts.decorators.is_empty() {
        sentences.push(format!("Decorated with {}.", listed(facts.decorators.iter().map(String::as_str))));
    }
    let (methods, types): (Vec<_>, Vec<_>) = task.members.iter().partition(|one| one.kind.is_callable());
    let names =
        |all: &[&super::assignment::Member]| listed(all.iter().map(|one| &*one.name).take(MOST_NAMED));
    if facts.kind.is_type() && !methods.is_empty() {
        sentences.push(format!("Methods: {}.", names(&methods)));
    } else if !methods.is_empty() {
        sentences.push(format!("Functions: {}.", names(&methods)));
    }
    if !types.is_empty() {
        sentences.push(format!("Types: {}.", names(&types)));
    }
    let mut callees: Vec<&str> = Vec::new();
    for seen in &task.seen {
        let name = shown(&seen.callee);
        if !callees.contains(&name) {
            callees.push(name);
        }
    }
    if !callees.is_empty() {
        sentences.push(format!("Calls {}.", listed(callees.into_iter().take(MOST_NAMED))));
    }
    if facts.visibility == Visibility::Private && facts.kind != Kind::Module {
        sentences.push("Private.".to_owned());
    }
    parts.push(sentences.join(" "));
    parts.retain(|one| !one.is_empty());
    parts.join("\n\n")
}

/// The name in an id, as a reader of the code knows it: what makes a type is called by the type's name.
pub(super) fn shown(id: &str) -> &str {
    let Some((_, name)) = id.split_once("::") else {
        let file = id.rsplit('/').next().unwrap_or(id);
        return file.split('.').next().unwrap_or(file);
    };
    let name = name.split('(').next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((owner, "__init__" | "constructor")) => last_name(owner),
        _ => last_name(name),
    }
}

/// What a signature and a comment say of a parameter.
pub(crate) fn parameter_doc(one: &Parameter) -> ParameterDoc {
    ParameterDoc {
        name: one.name.clone(),
        kind: one.kind.clone(),
        description: String::new(),
        default: one.default.clone(),
        required: is_required(one),
    }
}

/// Whether a call must give it.
pub(crate) fn is_required(one: &Parameter) -> bool {
    let is_rest =
        one.name.starts_with(['*', '.']) || one.kind.as_deref().is_some_and(|kind| kind.ends_with("..."));
    one.default.is_none() && !is_rest
}

fn parameter(one: &Parameter, comment: &Comment) -> ParameterDoc {
    let said = comment.parameters.get(one.name.trim_start_matches(['*', '.'])).cloned();
    let words = words_of(&one.name).join(" ");
    let description = match (said, &one.kind) {
        (Some(said), _) if !said.is_empty() => said,
        (_, Some(kind)) => format!("The {words}, of type `{kind}`."),
        (_, None) => format!("The {words}."),
    };
    ParameterDoc { description, ..parameter_doc(one) }
}

fn returns(facts: &Facts, comment: &Comment) -> Option<ReturnsDoc> {
    let kind = facts.returns.clone().filter(|kind| !is_nothing(kind));
    let said = comment.returns.trim();
    if kind.is_none() && said.is_empty() {
        return None;
    }
    let returns = |sentence: &&str| sentence.starts_with("Returns ");
    let description = match (said, &kind) {
        ("", Some(kind)) => {
            let sentence = comment.text.split(". ").map(str::trim).find(returns);
            sentence.map_or_else(
                || format!("A value of type `{kind}`."),
                |sentence| sentence.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        }
        (said, _) => said.to_owned(),
    };
    Some(ReturnsDoc { kind, description })
}

/// Whether a type's text says that nothing comes out.
pub(crate) fn is_nothing(kind: &str) -> bool {
    matches!(kind.trim(), "" | "()" | "None" | "void" | "undefined" | "!" | "Promise<void>" | "never")
}

fn raises(task: &Assignment, comment: &Comment) -> Vec<RaisesDoc> {
    let facts = &task.facts;
    let mut all: Vec<RaisesDoc> = Vec::new();
    for (kind, condition) in &comment.raises {
        let kind = if kind.is_empty() { error_type(facts) } else { kind.clone() };
        all.push(RaisesDoc { kind, condition: condition.clone() });
    }
    if facts.kind.is_callable() {
        for found in raised::raised(&task.source, facts.language) {
            if all.iter().all(|one| last_part(&one.kind) != last_part(&found.kind)) {
                all.push(found);
            }
        }
    }
    all
}

fn last_part(kind: &str) -> &str {
    kind.rsplit([':', '.']).next().unwrap_or(kind)
}

/// The error in the type of what comes out: `E` of `Result<T, E>`.
fn error_type(facts: &Facts) -> String {
    let kind = facts.returns.as_deref().unwrap_or_default();
    let inner =
        kind.split_once("Result<").and_then(|(_, rest)| rest.rsplit_once('>')).map(|(inner, _)| inner);
    let error = inner.and_then(|inner| inner.rsplit_once(", ")).map(|(_, error)| error.trim());
    error.filter(|error| !error.contains(['>', ')'])).unwrap_or("error").to_owned()
}
