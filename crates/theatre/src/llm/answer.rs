//! What is taken of a model's answer: JSON wherever it stands in the text, and of it only what this surgery knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::prompt::state_of;
use crate::{
    model::{Action, MachineId, MatchType, ModelAnswer, Toggle, Utterance},
    surgery::Surgery,
};

/// Longest reasoning and suggestion, in characters: people read them at a glance.
const LONGEST: usize = 300;
/// Most suggestions.
const SUGGESTIONS: usize = 5;

/// What was wrong with an answer as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Nonsense {
    /// There is no JSON object in it.
    #[error("the model's answer holds no JSON object")]
    NoJson,
    /// None of the members that were asked for.
    #[error("the model's answer holds nothing that was asked for")]
    Nothing,
}

/// An answer that may be used, and how much of it was not.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What is left.
    pub answer: ModelAnswer,
    /// Machines, actions and phases that do not exist, and machines that are so already.
    pub dropped: usize,
}

/// Reads a model's text.
///
/// # Errors
/// [`Nonsense`]. A single wrong member is dropped and counted instead.
pub fn take(text: &str, surgery: &Surgery, utterance: &Utterance) -> Result<Taken, Nonsense> {
    let object = object(text).ok_or(Nonsense::NoJson)?;
    let known = ["phase", "next_phase", "reasoning", "toggles", "suggestions"];
    if !known.iter().any(|name| object.get(name).is_some()) {
        return Err(Nonsense::Nothing);
    }
    let mut dropped = 0;
    let mut phase = |name: &str| {
        let said = object[name].as_str().unwrap_or_default().trim();
        let found = phase_named(surgery, said);
        dropped += usize::from(found.is_none() && !said.is_empty());
        found.unwrap_or_default()
    };
    let (now, next) = (phase("phase"), phase("next_phase"));
    let confidence = share(&object["confidence"]).unwrap_or(0.0);
    let (toggles, wrong) = toggles(&object["toggles"], surgery, utterance, confidence);
    let suggestions = object["suggestions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let suggestions = suggestions.map(short).filter(|text| !text.is_empty()).take(SUGGESTIONS);
    let answer = ModelAnswer {
        phase: now,
        reasoning: short(object["reasoning"].as_str().unwrap_or_default()),
        next_phase: next,
        toggles,
        suggestions: suggestions.collect(),
        confidence,
        degraded: false,
        took_ms: 0,
    };
    Ok(Taken { answer, dropped: dropped + wrong })
}

/// The whole text, else what is between the outermost braces, else the first fenced block.
fn object(text: &str) -> Option<Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text.trim()).ok().filter(Value::is_object);
    let braces = || text.get(text.find('{')?..=text.rfind('}')?);
    let fenced = || {
        let (_, after) = text.split_once("```")?;
        let (block, _) = after.split_once("```")?;
        block.get(block.find('{')?..)
    };
    read(text).or_else(|| read(braces()?)).or_else(|| read(fenced()?))
}

/// A phase by its id or its name, in any case.
fn phase_named(surgery: &Surgery, said: &str) -> Option<String> {
    let same = |text: &str| text.eq_ignore_ascii_case(said);
    let found = surgery.phases.iter().find(|phase| same(&phase.id) || same(&phase.name));
    found.map(|phase| phase.id.clone())
}

fn toggles(list: &Value, surgery: &Surgery, utterance: &Utterance, overall: f64) -> (Vec<Toggle>, usize) {
    let mut seen = BTreeSet::new();
    let mut wrong = 0;
    let mut taken = Vec::new();
    for one in list.as_array().into_iter().flatten() {
        let toggle = toggle(one, surgery, overall)
            .filter(|toggle| state_of(utterance, &toggle.machine_id) != toggle.action)
            .filter(|toggle| seen.insert(toggle.machine_id.clone()));
        match toggle {
            Some(toggle) => taken.push(toggle),
            None => wrong += 1,
        }
    }
    (taken, wrong)
}

fn toggle(one: &Value, surgery: &Surgery, overall: f64) -> Option<Toggle> {
    let machine_id = MachineId::parse(one["machine_id"].as_str()?.trim()).ok()?;
    let machine = surgery.machines.get(&machine_id)?;
    let action = match one["action"].as_str()?.trim().to_ascii_uppercase().as_str() {
        "ON" => Action::On,
        "OFF" => Action::Off,
        "STANDBY" => Action::Standby,
        _ => return None,
    };
    Some(Toggle {
        machine_id,
        name: machine.name.clone(),
        action,
        trigger: String::new(),
        confidence: share(&one["confidence"]).unwrap_or(overall),
        match_type: MatchType::Llm,
    })
}

/// A number from 0 to 1 with two decimals; what is outside is taken to the nearer end.
fn share(value: &Value) -> Option<f64> {
    let number = value.as_f64().filter(|number| number.is_finite())?;
    Some((number.clamp(0.0, 1.0) * 100.0).round() / 100.0)
}

fn short(text: &str) -> String {
    let text: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    text.trim_end().to_owned()
}
