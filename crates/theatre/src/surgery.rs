//! Surgeries: their phases, their machines with everything they are called by, and the room they stand in.
//!
//! A surgery is a file (`surgeries/*.toml`), not code: three are compiled in, more come from a folder at run time. A file is
//! taken whole or not at all, because half a surgery would hear half of the orders. How to write one:
//! `docs/theatre-surgeries.md`.
//!
//! Reading order: this file (what a surgery is), [`library`] (where they come from), `file` and `check` (how one is read),
//! [`grammar`] (what a recogniser should listen for).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    model::{Action, MachineId, MatchType},
    rules::tokens,
};

mod check;
mod file;
pub mod grammar;
pub mod library;

pub use file::{Fault, Faults, parse};
pub use grammar::{hint, jsgf, vocabulary};
pub use library::Library;

/// A kind of operation: what stands in the room, and what it is called by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Surgery {
    /// Its short name, by which it is chosen: `PCNL`.
    #[serde(rename = "surgery")]
    pub name: String,
    /// Its name in full.
    pub full_name: String,
    /// The kind of room.
    pub environment: String,
    /// Its phases, in their order.
    pub phases: Vec<SurgeryPhase>,
    /// Its machines.
    pub machines: BTreeMap<MachineId, Machine>,
    /// Where things stand.
    pub layout: Layout,
}

/// A phase of a surgery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SurgeryPhase {
    /// `Phase3`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What happens in it.
    pub description: String,
}

/// A machine in the room.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// What it is called.
    pub name: String,
    /// What kind of machine it is.
    pub category: String,
    /// What it does.
    pub description: String,
    /// What it is when the surgery begins.
    pub default_state: Action,
    /// The phases in which it is used, by id.
    pub phase_usage: Vec<String>,
    /// Short phrases that mean it and nothing else.
    pub triggers: Vec<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// How it is drawn.
    pub ui: Drawn,
}

impl Machine {
    /// Everything the machine is called by, with how sure each makes us of it.
    pub fn phrases(&self) -> impl Iterator<Item = (&str, MatchType)> {
        let triggers = self.triggers.iter().map(|phrase| (&**phrase, MatchType::Trigger));
        let aliases = self.aliases.iter().map(|phrase| (&**phrase, MatchType::Alias));
        triggers.chain(aliases).chain([(&*self.name, MatchType::Name)])
    }
}

/// How and where a machine is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawn {
    /// The name of a picture.
    pub icon: String,
    /// The zone of the room, by id.
    pub zone: String,
    /// From the left, in the units of the layout.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// The room.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Layout {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// Where the patient lies.
    pub bed: Bed,
    /// Parts of the room.
    pub zones: Vec<Zone>,
    /// Who stands where.
    pub people: Vec<Person>,
}

/// The rectangle of the operating table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bed {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

/// A part of the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// By which machines say where they stand.
    pub id: String,
    /// What is written there.
    pub label: String,
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// `surgeon`, `scrub-nurse`…
    pub role: String,
    /// What is written there.
    pub label: String,
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl Surgery {
    /// What every machine is when the surgery begins.
    #[must_use]
    pub fn defaults(&self) -> BTreeMap<MachineId, Action> {
        self.machines.iter().map(|(id, machine)| (id.clone(), machine.default_state)).collect()
    }

    /// Whether there is such a phase.
    #[must_use]
    pub fn has_phase(&self, id: &str) -> bool {
        self.phases.iter().any(|phase| phase.id == id)
    }

    /// Every phrase that means a machine, as words, with the machine. Where a machine has a phrase twice, the surest stays.
    #[must_use]
    pub fn phrases(&self) -> BTreeMap<Vec<String>, (MachineId, MatchType)> {
        let mut phrases = BTreeMap::new();
        for (id, machine) in &self.machines {
            let spoken_id = (id.as_str(), MatchType::Name);
            for (phrase, kind) in machine.phrases().chain([spoken_id]) {
                phrases.entry(tokens::words(phrase)).or_insert_with(|| (id.clone(), kind));
            }
        }
        phrases
    }
}
