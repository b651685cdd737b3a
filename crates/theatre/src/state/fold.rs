//! The meaning of events: a pure function from what happened to what is. No clock, no file, no outside: the state that lives
//! and the state that is replayed cannot differ.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Definition, Entry, Event, Said},
    machine::{Effect, Machine, Order, Override},
    room::{Brief, Heard, Later, Opinion, Patch, Room, WINDOW_LINES, WINDOW_S},
};
use crate::model::{MachineId, ModelAnswer, Reference, Temporal, Toggle, Understanding};

/// The state after these events.
#[must_use]
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Room {
    let mut room = Room::default();
    for entry in entries {
        apply(&mut room, entry);
    }
    room
}

/// Takes one more event in.
pub fn apply(room: &mut Room, entry: &Entry) {
    room.seq = entry.seq;
    room.at = entry.at;
    match &entry.event {
        Event::Opened { theatre, session } => {
            theatre.clone_into(&mut room.theatre);
            session.clone_into(&mut room.session);
        }
        Event::SurgerySelected { epoch, surgery, phases, machines } => {
            select(room, entry.at, *epoch, surgery, phases, machines);
        }
        Event::Said(said) => hear(room, said, entry.at),
        Event::JobStarted { utterance, .. } => {
            room.unstarted.remove(utterance);
        }
        Event::Understood { utterance, epoch, understanding } if *epoch == room.epoch => {
            understand(room, *utterance, understanding, entry.at);
        }
        Event::ModelAnswered { utterance, epoch, answer, violations } if *epoch == room.epoch => {
            model(room, *utterance, answer, violations, entry.at);
        }
        Event::Understood { .. } | Event::ModelAnswered { .. } | Event::Dropped { .. } => room.dropped += 1,
        Event::Overridden { machine_id, action, reason, until } => {
            room.overrides += 1;
            if let Some(machine) = room.machines.get_mut(machine_id) {
                machine.over = Some(Override {
                    action: *action,
                    reason: reason.clone(),
                    operator: entry.who.clone(),
                    since: entry.at,
                    until: *until,
                });
            }
        }
        Event::Released { machine_id, .. } => {
            if let Some(machine) = room.machines.get_mut(machine_id) {
                machine.over = None;
            }
        }
        Event::PendingDue { pending } => happen(room, *pending, entry.at, None),
        Event::PendingConfirmed { pending } => happen(room, *pending, entry.at, Some(&entry.who)),
        Event::PendingDropped { pending } => {
            room.pending.remove(pending);
        }
    }
}

/// A new surgery: nothing of the old one is left but the numbers. What the orchestrator has not been told yet would come too
/// late, and is dropped here.
fn select(
    room: &mut Room,
    at: Timestamp,
    epoch: u64,
    surgery: &str,
    phases: &[String],
    machines: &BTreeMap<MachineId, Definition>,
) {
    let old = std::mem::take(room);
    *room = Room {
        theatre: old.theatre,
        session: old.session,
        seq: old.seq,
        at,
        epoch,
        surgery: surgery.to_owned(),
        began: at,
        phases: phases.to_vec(),
        phase: phases.first().cloned().unwrap_or_else(|| "Phase1".to_owned()),
        machines: machines
            .iter()
            .map(|(id, one)| (id.clone(), Machine::new(one.name.clone(), one.default, at)))
            .collect(),
        last_utterance: old.last_utterance,
        last_pending: old.last_pending,
        overrides: old.overrides,
        dropped: old.dropped + old.unstarted.len() as u64,
        ..Room::default()
    };
}

fn hear(room: &mut Room, said: &Said, written: Timestamp) {
    room.last_utterance = said.utterance;
    room.unstarted.insert(said.utterance, said.clone());
    let brief = Brief {
        said_at: said.said_at,
        written,
        speaker: said.speaker.clone(),
        understood: false,
        modelled: false,
    };
    room.said.insert(said.utterance, brief);
    room.window.push_back(Heard { said: said.clone(), clauses: None, toggles: Vec::new() });
    let oldest = said.session_s - WINDOW_S;
    while room.window.len() > WINDOW_LINES
        || room.window.front().is_some_and(|heard| heard.said.session_s < oldest)
    {
        room.window.pop_front();
    }
}

fn understand(room: &mut Room, utterance: u64, understanding: &Understanding, at: Timestamp) {
    let Some(brief) = room.said.get_mut(&utterance) else { return };
    brief.understood = true;
    let brief = brief.clone();
    if let Some(heard) = room.window.iter_mut().find(|heard| heard.said.utterance == utterance) {
        heard.clauses = Some(understanding.clauses.clone());
        heard.toggles.clone_from(&understanding.toggles);
    }
    let mut patch = Patch {
        utterance,
        negations: understanding.negations.clone(),
        matched_keywords: understanding.matched_keywords.clone(),
        confidence: understanding.confidence.clamp(0.0, 1.0),
        temporal: understanding.pending.first().map_or(Temporal::None, |pending| pending.temporal),
        took_ms: at.duration_since(brief.written).as_millis().try_into().unwrap_or(i64::MAX),
        ..Patch::default()
    };
    let mut references = Vec::new();
    for toggle in &understanding.toggles {
        let was = room.machines.get(&toggle.machine_id).map(Machine::state);
        let order = Order {
            utterance,
            words: utterance,
            said_at: brief.said_at,
            action: toggle.action,
            confidence: toggle.confidence.clamp(0.0, 1.0),
            by: &brief.speaker,
        };
        switch(room, toggle, &order, &mut patch);
        if let Some(was) = was {
            let (machine_id, action) = (toggle.machine_id.clone(), toggle.action);
            references.push(Reference { machine_id, action, was });
        }
    }
    for pending in &understanding.pending {
        room.last_pending += 1;
        let after = |seconds: u64| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            brief.said_at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
        };
        let later = Later {
            id: room.last_pending,
            toggle: pending.toggle.clone(),
            temporal: pending.temporal,
            condition: pending.condition.clone(),
            due: pending.in_seconds.map(after),
            utterance,
            speaker: brief.speaker.clone(),
        };
        room.pending.insert(later.id, later);
    }
    if !references.is_empty() && utterance >= room.last_of {
        (room.last, room.last_of) = (references, utterance);
    }
    // What was said last is shown, in whatever order the answers come.
    let says_something = !(understanding.toggles.is_empty() && understanding.pending.is_empty());
    if says_something && utterance >= room.patch.utterance {
        room.patch = patch;
    }
}

fn switch(room: &mut Room, toggle: &Toggle, order: &Order<'_>, patch: &mut Patch) {
    let Some(machine) = room.machines.get_mut(&toggle.machine_id) else {
        room.unknown.insert(toggle.machine_id.clone());
        return;
    };
    match machine.order(order) {
        Effect::Taken => patch.toggles.push(toggle.clone()),
        Effect::Debounced => patch.debounced.push(toggle.machine_id.clone()),
        Effect::Late => patch.late.push(toggle.machine_id.clone()),
    }
}

/// Something pending happens: it counts as said now, after everything that has been said.
fn happen(room: &mut Room, pending: u64, at: Timestamp, operator: Option<&str>) {
    let Some(later) = room.pending.remove(&pending) else { return };
    let utterance = room.last_utterance.max(later.utterance);
    let confidence = later.toggle.confidence.clamp(0.0, 1.0);
    let by = operator.unwrap_or(&later.speaker);
    let order =
        Order { utterance, words: later.utterance, said_at: at, action: later.toggle.action, confidence, by };
    let mut patch = Patch { utterance, confidence, temporal: later.temporal, ..Patch::default() };
    switch(room, &later.toggle, &order, &mut patch);
    room.patch = patch;
}

fn model(room: &mut Room, utterance: u64, answer: &ModelAnswer, violations: &[String], at: Timestamp) {
    if let Some(brief) = room.said.get_mut(&utterance) {
        brief.modelled = true;
    }
    if room.opinion.as_ref().is_some_and(|opinion| utterance < opinion.utterance) {
        return;
    }
    room.opinion = Some(Opinion { utterance, answer: answer.clone(), at });
    room.violations = violations.to_vec();
    room.reasoning.clone_from(&answer.reasoning);
    if answer.degraded {
        return;
    }
    if room.phases.contains(&answer.phase) {
        room.phase.clone_from(&answer.phase);
    }
    room.next_phase.clone_from(&answer.next_phase);
    room.suggestions.clear();
    for suggestion in &answer.suggestions {
        if !room.suggestions.contains(suggestion) {
            room.suggestions.push(suggestion.clone());
        }
    }
}
