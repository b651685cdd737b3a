//! What a surgery must be beyond its form: ids, phases and zones that exist, places inside the room, phrases that mean one
//! machine only. Every fault is noted, so that a file is put right in one go.

use std::collections::{BTreeMap, HashMap};

use toml::Spanned;

use super::{
    Drawn, Layout, Machine, Surgery, SurgeryPhase,
    file::{File, Notes, RawLayout, RawMachine, RawPhase},
};
use crate::{model::MachineId, rules::tokens};

/// Makes a surgery of a file; none where it has no name.
pub(super) fn surgery(file: File, notes: &mut Notes<'_>) -> Option<Surgery> {
    let name = file.surgery.get_ref().trim().to_owned();
    if name.is_empty() {
        notes.at(&file.surgery, "the surgery has no name", "surgery = \"PCNL\"");
        return None;
    }
    if file.machines.is_empty() {
        notes.at(&file.surgery, "the surgery has no machines", "add [machines.M01]");
    }
    let phases = phases(file.phases, notes);
    let layout = layout(file.layout, notes);
    phrases(&file.machines, notes);
    let mut machines = BTreeMap::new();
    for (id, raw) in file.machines {
        let made = machine(raw, &phases, &layout, notes);
        match MachineId::parse(id.get_ref()) {
            Ok(parsed) => drop(machines.insert(parsed, made)),
            Err(error) => notes.at(&id, error.to_string(), "[machines.M01] to [machines.M99]"),
        }
    }
    Some(Surgery { name, full_name: file.full_name, environment: file.environment, phases, machines, layout })
}

fn phases(raw: Spanned<Vec<RawPhase>>, notes: &mut Notes<'_>) -> Vec<SurgeryPhase> {
    if raw.get_ref().is_empty() {
        notes.at(&raw, "the surgery has no phases", "add [[phases]] with id, name and description");
    }
    let mut seen = HashMap::new();
    let mut phases = Vec::new();
    for phase in raw.into_inner() {
        let line = notes.line(&phase.id);
        if phase.id.get_ref().trim().is_empty() {
            notes.at(&phase.id, "a phase has no id", "id = \"Phase1\"");
        }
        if let Some(first) = seen.insert(phase.id.get_ref().clone(), line) {
            let what = format!("the phase '{}' is already in line {first}", phase.id.get_ref());
            notes.at(&phase.id, what, "give each phase an id of its own");
        }
        let RawPhase { id, name, description } = phase;
        phases.push(SurgeryPhase { id: id.into_inner(), name, description });
    }
    phases
}

fn layout(raw: RawLayout, notes: &mut Notes<'_>) -> Layout {
    for side in [&raw.width, &raw.height] {
        if !(side.get_ref().is_finite() && *side.get_ref() > 0.0) {
            notes.at(side, "a room has a size", "width = 800, height = 600");
        }
    }
    let (width, height) = (raw.width.into_inner(), raw.height.into_inner());
    let inside = |x: f64, y: f64| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
    let hint = || format!("x is 0 to {width}, y is 0 to {height}");
    let mut seen = HashMap::new();
    for zone in &raw.zones {
        let one = zone.get_ref();
        if let Some(first) = seen.insert(one.id.clone(), notes.line(zone)) {
            notes.at(
                zone,
                format!("the zone '{}' is already in line {first}", one.id),
                "give each an id of its own",
            );
        }
        if !inside(one.x, one.y) {
            notes.at(zone, format!("the zone '{}' is outside the room", one.id), hint());
        }
    }
    for person in &raw.people {
        let one = person.get_ref();
        if !inside(one.x, one.y) {
            notes.at(person, format!("{} is outside the room", one.label), hint());
        }
    }
    Layout {
        width,
        height,
        bed: raw.bed,
        zones: raw.zones.into_iter().map(Spanned::into_inner).collect(),
        people: raw.people.into_iter().map(Spanned::into_inner).collect(),
    }
}

fn machine(raw: RawMachine, phases: &[SurgeryPhase], layout: &Layout, notes: &mut Notes<'_>) -> Machine {
    let known: Vec<&str> = phases.iter().map(|phase| &*phase.id).collect();
    for used in &raw.phase_usage {
        if !known.contains(&used.get_ref().as_str()) {
            let what = format!("there is no phase '{}'", used.get_ref());
            notes.at(used, what, format!("there are {}", known.join(", ")));
        }
    }
    let ui = raw.ui;
    if !layout.zones.iter().any(|zone| zone.id == *ui.zone.get_ref()) {
        let zones: Vec<&str> = layout.zones.iter().map(|zone| &*zone.id).collect();
        let what = format!("there is no zone '{}'", ui.zone.get_ref());
        notes.at(&ui.zone, what, format!("[[layout.zones]] has {}", zones.join(", ")));
    }
    for (place, most) in [(&ui.x, layout.width), (&ui.y, layout.height)] {
        if !(0.0..=most).contains(place.get_ref()) {
            notes.at(place, "the machine is outside the room", format!("0 to {most}"));
        }
    }
    let plain = |phrases: Vec<Spanned<String>>| phrases.into_iter().map(Spanned::into_inner).collect();
    Machine {
        name: raw.name.into_inner(),
        category: raw.category,
        description: raw.description,
        default_state: raw.default_state.into_inner(),
        phase_usage: plain(raw.phase_usage),
        triggers: plain(raw.triggers.into_inner()),
        aliases: plain(raw.aliases),
        ui: Drawn { icon: ui.icon, zone: ui.zone.into_inner(), x: ui.x.into_inner(), y: ui.y.into_inner() },
    }
}

/// A phrase that two machines share means neither, and one that the parser reads as an order would never mean a machine.
fn phrases(machines: &BTreeMap<Spanned<String>, RawMachine>, notes: &mut Notes<'_>) {
    let mut seen: HashMap<Vec<String>, (String, usize)> = HashMap::new();
    for (id, machine) in machines {
        if machine.triggers.get_ref().is_empty() {
            let what = format!("{} has no triggers", id.get_ref());
            notes.at(&machine.triggers, what, "add at least one phrase that means this machine");
        }
        let named = machine.triggers.get_ref().iter().chain(&machine.aliases).chain([&machine.name]);
        for phrase in named {
            let words = tokens::words(phrase.get_ref());
            if words.is_empty() {
                notes.at(phrase, "a phrase without a word", "write it as it is spoken");
                continue;
            }
            if crate::rules::lexicon::is_reserved(&words) {
                let what = format!("'{}' is a word of orders and cannot be a machine", phrase.get_ref());
                notes.at(phrase, what, "add a second word to it");
            }
            let line = notes.line(phrase);
            match seen.get(&words) {
                Some((other, first)) if other != id.get_ref() => {
                    let what = format!("'{}' already means {other} (line {first})", phrase.get_ref());
                    notes.at(phrase, what, "a phrase can mean one machine only: make one of them longer");
                }
                Some(_) => {}
                None => drop(seen.insert(words, (id.get_ref().clone(), line))),
            }
        }
    }
}
