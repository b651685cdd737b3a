//! A state as JSON: the six top-level members of the original's state file and nothing beside them, so that what reads the
//! original's reads ours. What ours knows more of (who, why, since, overrides, pending, transcript) is in `metadata`, where
//! the original allows it.

use serde_json::{Map, Value, json};

use super::{machine::Machine, room::Room};
use crate::model::{Action, MachineId};

/// What a simulation says of itself, on every page and with every state.
pub const DISCLAIMER: &str = "A simulation. It controls no device; every output is a suggestion to people.";

/// The state as everybody gets it.
#[must_use]
pub fn state(room: &Room) -> Value {
    let of = |wanted: fn(Action) -> bool| -> Vec<&MachineId> {
        room.machines.iter().filter(|(_, machine)| wanted(machine.state())).map(|(id, _)| id).collect()
    };
    json!({
        "metadata": metadata(room),
        "machines": { "0": of(|state| state != Action::On), "1": of(|state| state == Action::On) },
        "details": {
            "toggles": room.patch.toggles,
            "negations": room.patch.negations,
            "debounced": room.patch.debounced,
        },
        "suggestions": room.suggestions,
        "confidence": confidence(room),
        "source": source(room),
    })
}

fn metadata(room: &Room) -> Value {
    let chosen = room.epoch > 0;
    let lines: Vec<String> = room
        .window
        .iter()
        .map(|heard| format!("[{:.1}s] {}: {}", heard.said.session_s, heard.said.speaker, heard.said.text))
        .collect();
    let first = room.window.front().map_or(0.0, |heard| heard.said.session_s);
    let last = room.window.back().map_or(0.0, |heard| heard.said.session_s);
    json!({
        "timestamp": room.at,
        "surgery": room.surgery,
        "phase": if chosen { room.phase.as_str() } else { "Phase1" },
        "processing_time_ms": room.patch.took_ms.max(0),
        "matched_keywords": room.patch.matched_keywords,
        "temporal": room.patch.temporal,
        "reasoning": if room.opinion.is_none() { "normal" } else { room.reasoning.as_str() },
        "next_phase": room.next_phase,
        "transcript_context": lines.join("\n"),
        "buffer_entries": room.window.len(),
        "buffer_duration_s": (last - first).max(0.0),
        "session_elapsed_s": if chosen { room.session_s(room.at) } else { 0.0 },
        "overrides_applied": room.machines.values().filter(|machine| machine.over.is_some()).count(),
        "safety_violations": room.violations,
        "disclaimer": DISCLAIMER,
        "theatre": room.theatre,
        "seq": room.seq,
        "epoch": room.epoch,
        "phases": room.phases,
        "machine_states": machines(room),
        "pending": room.pending.values().collect::<Vec<_>>(),
        "transcript": room.window,
        "late": room.patch.late,
        "last_utterance": room.last_utterance,
        "patch_utterance": room.patch.utterance,
        "waiting_to_start": room.unstarted.len(),
        "dropped": room.dropped,
        "model": room.opinion.as_ref().map(|opinion| json!({
            "utterance": opinion.utterance,
            "at": opinion.at,
            "confidence": opinion.answer.confidence,
            "degraded": opinion.answer.degraded,
            "took_ms": opinion.answer.took_ms,
            "phase": opinion.answer.phase,
            "toggles": opinion.answer.toggles,
        })),
    })
}

fn machines(room: &Room) -> Map<String, Value> {
    room.machines.iter().map(|(id, machine)| (id.to_string(), one_machine(machine))).collect()
}

fn one_machine(machine: &Machine) -> Value {
    let layer = machine.layer();
    let mut view = json!({
        "name": machine.name,
        "state": layer.state,
        "source": layer.source,
        "confidence": layer.confidence,
        "since": layer.since,
        "by": layer.by,
        "utterance": layer.utterance,
    });
    if let Some(over) = &machine.over {
        view["override"] = json!(over);
        view["underneath"] = json!(machine.base);
    }
    view
}

/// Of the decision about machines, where there was one: the model's number never stands beside a decision of the rules.
fn confidence(room: &Room) -> f64 {
    let model = || room.opinion.as_ref().map_or(0.0, |opinion| opinion.answer.confidence);
    if room.patch.utterance > 0 { room.patch.confidence } else { model() }
}

fn source(room: &Room) -> &'static str {
    let model = room.opinion.as_ref().is_some_and(|opinion| !opinion.answer.degraded);
    match (room.patch.utterance > 0, model) {
        (true, true) => "rule+medgemma",
        (false, true) => "medgemma",
        (_, false) => "rule",
    }
}
