//! What a model is asked: the room as it is, the last three minutes, and the form of the answer. Everything that has a fixed
//! set of values is a list in the schema, so that a small model cannot invent a machine.

use std::fmt::Write as _;

use providers::{AnswerSchema, ChatMessage};
use serde_json::{Value, json};

use crate::{
    model::{Action, MachineId, Utterance},
    surgery::Surgery,
};

/// Most lines of the transcript that a model sees; the newest.
const LINES: usize = 40;
/// Most characters of them, for models with a short memory.
const CHARACTERS: usize = 4_000;

/// What the model is told and asked.
#[must_use]
pub fn messages(surgery: &Surgery, utterance: &Utterance) -> Vec<ChatMessage> {
    vec![ChatMessage::system(room(surgery)), ChatMessage::user(question(surgery, utterance))]
}

/// The form of the answer: this surgery's phases and machines, and nothing else.
#[must_use]
pub fn schema(surgery: &Surgery) -> AnswerSchema {
    let phases: Vec<&str> = surgery.phases.iter().map(|phase| &*phase.id).collect();
    let machines: Vec<&str> = surgery.machines.keys().map(MachineId::as_str).collect();
    let share = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    let toggle = closed(json!({
        "machine_id": { "type": "string", "enum": machines },
        "action": { "type": "string", "enum": ["ON", "OFF", "STANDBY"] },
        "confidence": share,
    }));
    let schema = closed(json!({
        "phase": { "type": "string", "enum": phases },
        "next_phase": { "type": "string", "enum": phases },
        "reasoning": { "type": "string" },
        "toggles": { "type": "array", "maxItems": 5, "items": toggle },
        "suggestions": { "type": "array", "maxItems": 3, "items": { "type": "string" } },
        "confidence": share,
    }));
    AnswerSchema { name: "theatre_answer".to_owned(), schema }
}

/// An object that must have all of these members and may have no other.
fn closed(members: Value) -> Value {
    let names: Vec<&String> = members.as_object().map(|members| members.keys().collect()).unwrap_or_default();
    json!({ "type": "object", "required": names, "additionalProperties": false, "properties": members })
}

fn room(surgery: &Surgery) -> String {
    let mut text = format!(
        "You watch a training simulation of an operating theatre ({}). You advise; you control nothing.\n\
         Surgery: {}, {}.\n\nPhases, in order:\n",
        surgery.environment, surgery.name, surgery.full_name,
    );
    // Writing to a string cannot fail.
    for phase in &surgery.phases {
        let _ = writeln!(text, "- {}: {}. {}", phase.id, phase.name, phase.description);
    }
    text.push_str("\nMachines:\n");
    for (id, machine) in &surgery.machines {
        let used = machine.phase_usage.join(", ");
        let _ = writeln!(text, "- {id} {}: {} ({used})", machine.name, machine.description);
    }
    text.push_str(
        "\nAnswer with one JSON object and nothing else: phase, next_phase, reasoning (one short sentence that quotes what \
         was said), toggles (machine_id, action ON, OFF or STANDBY, confidence), suggestions (short sentences about the \
         room, for the team; none about doses or treatment), confidence from 0 to 1.\n\
         Use only the ids above. Put a machine into toggles only if somebody asked for it and it is not so already. \
         Stay in the current phase unless the words show another. When unsure: no toggles, a low confidence.",
    );
    text
}

fn question(surgery: &Surgery, utterance: &Utterance) -> String {
    let seconds = utterance.session_s.max(0.0) as u64;
    let mut text = format!("Current phase: {}\n", utterance.phase);
    let _ = writeln!(text, "Session time: {} min {} s", seconds / 60, seconds % 60);
    for (label, state) in [("ON", Action::On), ("STANDBY", Action::Standby), ("OFF", Action::Off)] {
        let named: Vec<String> = surgery
            .machines
            .iter()
            .filter(|(id, _)| state_of(utterance, id) == state)
            .map(|(id, machine)| format!("{id} {}", machine.name))
            .collect();
        let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        let _ = writeln!(text, "{label}: {named}");
    }
    text.push_str("\nWhat was said lately, the newest last:\n");
    text.push_str(&window(utterance));
    text.push_str(
        "\nWhich machines should change, which phase is it, which comes next, and what should the team know?",
    );
    text
}

/// What a machine is, as the utterance says.
#[must_use]
pub fn state_of(utterance: &Utterance, id: &MachineId) -> Action {
    if utterance.context.on.contains(id) {
        Action::On
    } else if utterance.context.standby.contains(id) {
        Action::Standby
    } else {
        Action::Off
    }
}

/// The newest lines that fit, oldest first, the utterance itself at the end even where no window came with it.
fn window(utterance: &Utterance) -> String {
    let line = |at: f64, speaker: &str, text: &str| format!("[{at:.1} s] {speaker}: {text}\n");
    let context = &utterance.context.window;
    let mut lines = Vec::new();
    if context.last().is_none_or(|last| last.text != utterance.text) {
        lines.push(line(utterance.session_s, &utterance.speaker, &utterance.text));
    }
    lines.extend(context.iter().rev().map(|said| line(said.session_s, &said.speaker, &said.text)));
    let mut room = CHARACTERS;
    let fits = lines.iter().take(LINES).take_while(|line| {
        let length = line.chars().count();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    let mut kept: Vec<&str> = fits.map(String::as_str).collect();
    kept.reverse();
    kept.concat()
}
