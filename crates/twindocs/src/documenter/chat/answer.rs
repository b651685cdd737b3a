//! What is taken of a model's answer: all of it or nothing. A half-right answer would be documentation that nobody wrote.

use serde::Deserialize;

use crate::{
    documenter::assignment::{Assignment, Written, each_once},
    records::documented::{
        CallKind, CallRef, Documentation, LONGEST_SUMMARY, ParameterDoc, RaisesDoc, ReturnsDoc,
    },
};

/// Longest of any other text, in characters.
const LONGEST_TEXT: usize = 8_000;
/// Most of any list.
const MOST: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    summary: String,
    description: String,
    parameters: Vec<ParameterDoc>,
    returns: Option<ReturnsDoc>,
    raises: Vec<RaisesDoc>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    see_also: Vec<String>,
    callees: Vec<Call>,
    #[serde(default = "half")]
    confidence: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    component_id: String,
    #[serde(default)]
    call_site_line: Option<u32>,
    call_type: CallKind,
}

fn half() -> f64 {
    0.5
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it, in words for the model that gave it.
pub(super) fn read(
    text: &str,
    task: &Assignment,
    model: &str,
    is_known: impl Fn(&str) -> bool,
) -> Result<Written, String> {
    let answer: Answer = serde_json::from_str(without_fence(text))
        .map_err(|error| format!("it is not the JSON asked for: {error}"))?;
    let summary = answer.summary.trim();
    if summary.is_empty() {
        return Err("`summary` is empty".to_owned());
    }
    let length = summary.chars().count();
    if length > LONGEST_SUMMARY {
        return Err(format!("`summary` has {length} characters, at most {LONGEST_SUMMARY} are allowed"));
    }
    bounded(&answer)?;
    let ids = answer.callees.iter().map(|call| &call.component_id).chain(&answer.see_also);
    if let Some(id) = ids.into_iter().find(|id| !is_known(id)) {
        return Err(format!("`{id}` is no component of this codebase: use only ids that you were given"));
    }
    let lines = u32::try_from(task.source.lines().count()).unwrap_or(u32::MAX);
    let outside = |call: &&Call| call.call_site_line.is_some_and(|line| line == 0 || line > lines);
    if let Some(call) = answer.callees.iter().find(outside) {
        return Err(format!(
            "the call of `{}` is on no line of the source, which has {lines}",
            call.component_id
        ));
    }
    if !(0.0..=1.0).contains(&answer.confidence) {
        return Err("`confidence` is a number from 0 to 1".to_owned());
    }
    let call = |call: Call| CallRef {
        call_site_line: call.call_site_line.and_then(|line| task.line_of(line)),
        component_id: call.component_id,
        call_type: call.call_type,
    };
    Ok(Written {
        callees: each_once(answer.callees.into_iter().map(call)),
        documentation: Documentation {
            summary: summary.to_owned(),
            description: answer.description.trim().to_owned(),
            parameters: answer.parameters,
            returns: answer.returns,
            raises: answer.raises,
            examples: answer.examples,
            notes: answer.notes.filter(|notes| !notes.trim().is_empty()),
            see_also: answer.see_also,
        },
        model: model.to_owned(),
        confidence: answer.confidence,
    })
}

/// Refuses what is too long to be meant.
fn bounded(answer: &Answer) -> Result<(), String> {
    let lists = [
        ("parameters", answer.parameters.len()),
        ("raises", answer.raises.len()),
        ("examples", answer.examples.len()),
        ("see_also", answer.see_also.len()),
        ("callees", answer.callees.len()),
    ];
    if let Some((name, count)) = lists.iter().find(|(_, count)| *count > MOST) {
        return Err(format!("`{name}` has {count} members, at most {MOST} are allowed"));
    }
    let parameters = answer.parameters.iter().flat_map(|one| [&one.name, &one.description]);
    let raises = answer.raises.iter().flat_map(|one| [&one.kind, &one.condition]);
    let mut texts =
        parameters.chain(raises).chain(&answer.examples).chain([&answer.description]).chain(&answer.notes);
    if texts.any(|text| text.chars().count() > LONGEST_TEXT) {
        return Err(format!("a text has more than {LONGEST_TEXT} characters"));
    }
    if answer.parameters.iter().any(|one| one.name.trim().is_empty()) {
        return Err("a parameter has no name".to_owned());
    }
    Ok(())
}

/// Small models put their JSON into a fence whatever they are told.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).unwrap_or(text).trim()
}
