//! A second look, at what the other stream says.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Evidence, mentioned};
use crate::{
    comparison::field::{Field, Side, set},
    documenter::{
        assignment::{Assignment, each_once},
        derive::phrases::words_of,
        lexical,
    },
    records::{
        Stream,
        compared::Feedback,
        documented::{Author, CallKind, CallRef, Calls, Documentation, Entry},
    },
};

/// Share of a sentence's words that must stand in the text for it to be supported.
const SUPPORTED: f64 = 0.5;
/// Words that say nothing of a component: their being elsewhere is no evidence.
const PLAIN: [&str; 67] = [
    "a",
    "an",
    "and",
    "are",
    "as",
    "at",
    "back",
    "be",
    "by",
    "call",
    "can",
    "class",
    "decorated",
    "decorate",
    "do",
    "doe",
    "enumeration",
    "follow",
    "for",
    "from",
    "function",
    "give",
    "given",
    "has",
    "if",
    "in",
    "interface",
    "into",
    "is",
    "it",
    "its",
    "make",
    "method",
    "module",
    "no",
    "not",
    "of",
    "on",
    "one",
    "or",
    "otherwise",
    "private",
    "program",
    "return",
    "say",
    "set",
    "should",
    "stand",
    "start",
    "struct",
    "test",
    "that",
    "the",
    "this",
    "to",
    "trait",
    "turn",
    "type",
    "value",
    "what",
    "when",
    "whether",
    "which",
    "why",
    "with",
    "you",
    "hold",
];

/// The calls that are left when it has looked again: those of which the streams differ stay only with more than a name for
/// evidence, and the other's are taken over where the name stands in the code.
pub(super) fn calls(
    task: &Assignment,
    feedback: &Feedback,
    mut said: Vec<CallRef>,
    found: &[(CallRef, Evidence)],
) -> Vec<CallRef> {
    let is_sure = |id: &String| {
        found.iter().any(|(call, evidence)| call.component_id == *id && *evidence == Evidence::Place)
    };
    said.retain(|call| !feedback.edges_to_verify.contains(&call.component_id) || is_sure(&call.component_id));
    let known: BTreeSet<String> = said.iter().map(|call| call.component_id.clone()).collect();
    let taken =
        feedback.edges_only_in_other_stream.iter().filter(|id| !known.contains(*id)).filter_map(|id| {
            let line = task.line_of(mentioned(task, id)?);
            Some(CallRef { component_id: id.clone(), call_site_line: line, call_type: CallKind::Direct })
        });
    said.extend(taken);
    // How a call that both see is made, it cannot tell better than the other one.
    for (pointer, value) in &feedback.other_says {
        if let Ok(Field::EdgeKind(Side::Callees, id)) = pointer.parse()
            && let Ok(kind) = CallKind::deserialize(value)
            && let Some(call) = said.iter_mut().find(|call| call.component_id == id)
        {
            call.call_type = kind;
        }
    }
    each_once(said)
}

/// Takes over what the other one says, where the text supports it. What no field is called so, or does not hold, is passed over.
pub(super) fn words(task: &Assignment, feedback: &Feedback, documentation: &mut Documentation) {
    let known = known_words(task);
    let order: Vec<String> = task.facts.parameters.iter().map(|one| one.name.clone()).collect();
    let mut entry = around(std::mem::take(documentation));
    for (pointer, value) in &feedback.other_says {
        let Ok(field) = pointer.parse::<Field>() else { continue };
        if supports(&known, value)
            && let Err(error) = set(&mut entry, &field, value, &order)
        {
            tracing::debug!(%error, "what the other stream says does not fit");
        }
    }
    *documentation = entry.documentation;
}

/// An entry with this text and nothing else.
fn around(documentation: Documentation) -> Entry {
    Entry {
        component_id: String::new(),
        documentation,
        call_graph: Calls::default(),
        metadata: Author {
            agent_id: String::new(),
            stream_id: Stream::B,
            model: String::new(),
            confidence: 0.0,
            processing_order: 0,
            token_count: None,
            usd: None,
        },
        written_in: 0,
        key: String::new(),
        validation: None,
    }
}

/// The words that a component's text and names hold, each in its plain form.
fn known_words(task: &Assignment) -> BTreeSet<String> {
    let names = task.members.iter().map(|one| &*one.name).chain([task.facts.name.as_str()]);
    let text = lexical::words(&task.source).chain(names.flat_map(lexical::words));
    let mut known: BTreeSet<String> = text.flat_map(words_of).map(|word| plain(&word)).collect();
    known.insert(plain(&format!("{:?}", task.facts.kind).to_lowercase()));
    known
}

/// Without its ending, so that `parses` and `parsing` are `parse`.
fn plain(word: &str) -> String {
    let mut word = word.to_lowercase();
    let ends = [
        ("ies", "y"),
        ("sses", "ss"),
        ("shes", "sh"),
        ("ches", "ch"),
        ("xes", "x"),
        ("s", ""),
        ("ing", ""),
        ("ed", ""),
    ];
    for (end, instead) in ends {
        if let Some(stem) = word.strip_suffix(end).filter(|stem| stem.len() > 1 && !stem.ends_with('s')) {
            word = format!("{stem}{instead}");
        }
    }
    word.trim_end_matches('e').to_owned()
}

/// Whether enough of what is said stands in the text. What is not there at all says nothing.
fn supports(known: &BTreeSet<String>, value: &Value) -> bool {
    let text = match value {
        Value::Null => return false,
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => return true,
        Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let says_nothing: BTreeSet<String> = PLAIN.iter().map(|word| plain(word)).collect();
    let words: BTreeSet<String> = lexical::words(&text).flat_map(words_of).map(|word| plain(&word)).collect();
    let telling: Vec<&String> = words.difference(&says_nothing).filter(|word| word.len() > 1).collect();
    let there = telling.iter().filter(|word| known.contains(**word)).count();
    telling.is_empty() || there as f64 >= telling.len() as f64 * SUPPORTED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_supported_by_their_stems() {
        let known: BTreeSet<String> =
            ["parse", "manifest", "text", "ValueError"].iter().map(|word| plain(word)).collect();
        let says = |text: &str| supports(&known, &Value::String(text.to_owned()));
        assert!(
            says("Parses the manifest.")
                && says("Returns what it is given.")
                && says("Parsing manifests of text.")
        );
        assert!(!says("Sends an e-mail to the customer."));
    }
}
