//! What is known of a theatre at one moment: the value that events are folded into. It is made by [`super::fold`] alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{event::Said, machine::Machine};
use crate::model::{
    Action, Clause, Context, Line, MachineId, ModelAnswer, Reference, Temporal, Toggle, Utterance,
};

/// So far back goes what an utterance may refer to, in seconds.
pub const WINDOW_S: f64 = 180.0;
/// So many lines at most.
pub const WINDOW_LINES: usize = 20;

/// A line of the transcript, with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heard {
    /// What was said.
    #[serde(flatten)]
    pub said: Said,
    /// How it was understood; none: not yet.
    pub clauses: Option<Vec<Clause>>,
    /// What it switched.
    pub toggles: Vec<Toggle>,
}

/// Something that is to happen later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// Its number.
    pub id: u64,
    /// What would change.
    pub toggle: Toggle,
    /// How it is put off.
    pub temporal: Temporal,
    /// The words of the condition.
    pub condition: String,
    /// When it happens by itself; none: when somebody confirms it.
    pub due: Option<Timestamp>,
    /// From which utterance.
    pub utterance: u64,
    /// Whose words.
    pub speaker: String,
}

/// What is known of an utterance of this epoch after its words have left the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// When it was said.
    pub said_at: Timestamp,
    /// When it was written down.
    pub written: Timestamp,
    /// Who said it.
    pub speaker: String,
    /// The rules' answer has been taken in.
    pub understood: bool,
    /// The model's answer has been taken in.
    pub modelled: bool,
}

/// The newest words of the rules.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patch {
    /// Of which utterance.
    pub utterance: u64,
    /// What changed.
    pub toggles: Vec<Toggle>,
    /// Negation words.
    pub negations: Vec<String>,
    /// What had been said a moment before.
    pub debounced: Vec<MachineId>,
    /// What a later sentence had decided already.
    pub late: Vec<MachineId>,
    /// Words that decided.
    pub matched_keywords: Vec<String>,
    /// The lowest of any toggle.
    pub confidence: f64,
    /// How the first pending thing is put off.
    pub temporal: Temporal,
    /// From the words to this, in milliseconds.
    pub took_ms: i64,
}

/// The model's newest words.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// Up to which utterance it had read.
    pub utterance: u64,
    /// What it said.
    pub answer: ModelAnswer,
    /// When that came.
    pub at: Timestamp,
}

/// A theatre.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Room {
    /// Its name.
    pub theatre: String,
    /// Unlike that of every other.
    pub session: String,
    /// The last event's number.
    pub seq: u64,
    /// The last event's time.
    pub at: Timestamp,
    /// Raised by each choice of a surgery; 0: none was chosen.
    pub epoch: u64,
    /// The surgery's name; empty: none was chosen.
    pub surgery: String,
    /// When it was chosen.
    pub began: Timestamp,
    /// The surgery's phases.
    pub phases: Vec<String>,
    /// The phase it is in.
    pub phase: String,
    /// Why the model believes so.
    pub reasoning: String,
    /// What it expects next.
    pub next_phase: String,
    /// What it would tell the team.
    pub suggestions: Vec<String>,
    /// Kinds of words that were taken out of the model's newest answer.
    pub violations: Vec<String>,
    /// The model's newest answer.
    pub opinion: Option<Opinion>,
    /// The machines.
    pub machines: BTreeMap<MachineId, Machine>,
    /// The newest words of the rules.
    pub patch: Patch,
    /// The last utterance's number; it is not set back by a new surgery.
    pub last_utterance: u64,
    /// What was said last.
    pub window: VecDeque<Heard>,
    /// Utterances of this epoch.
    pub said: BTreeMap<u64, Brief>,
    /// Utterances whose job the orchestrator has not accepted yet.
    pub unstarted: BTreeMap<u64, Said>,
    /// What the last understood sentence switched.
    pub last: Vec<Reference>,
    /// Of which utterance that was.
    pub last_of: u64,
    /// What is to happen later.
    pub pending: BTreeMap<u64, Later>,
    /// The last number that something pending got.
    pub last_pending: u64,
    /// Overrides so far.
    pub overrides: u64,
    /// What came too late so far: it was of an earlier epoch.
    pub dropped: u64,
    /// Machines that the rules spoke of and that this surgery does not have.
    pub unknown: BTreeSet<MachineId>,
}

impl Room {
    /// When something happens by itself next: something pending, or the end of an override.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let pending = self.pending.values().filter_map(|later| later.due);
        let overrides = self.machines.values().filter_map(|machine| Some(machine.over.as_ref()?.until));
        pending.chain(overrides).min()
    }

    /// Seconds from the beginning of the session; not negative.
    #[must_use]
    pub fn session_s(&self, at: Timestamp) -> f64 {
        at.duration_since(self.began).as_secs_f64().max(0.0)
    }

    /// The input of the job of something that was said, with what it may refer to as that is now.
    #[must_use]
    pub fn utterance(&self, said: &Said) -> Utterance {
        let of = |wanted: Action| {
            let machines = self.machines.iter().filter(|(_, machine)| machine.state() == wanted);
            machines.map(|(id, _)| id.clone()).collect()
        };
        let until_then = |heard: &&Heard| {
            let age = said.session_s - heard.said.session_s;
            heard.said.utterance <= said.utterance && age <= WINDOW_S
        };
        let line = |heard: &Heard| Line {
            session_s: heard.said.session_s,
            speaker: heard.said.speaker.clone(),
            text: heard.said.text.clone(),
        };
        Utterance {
            theatre: self.theatre.clone(),
            seq: said.utterance,
            epoch: said.epoch,
            surgery: self.surgery.clone(),
            phase: self.phase.clone(),
            text: said.text.clone(),
            speaker: said.speaker.clone(),
            said_at: said.said_at,
            session_s: said.session_s,
            context: Context {
                on: of(Action::On),
                standby: of(Action::Standby),
                last: self.last.clone(),
                window: self.window.iter().filter(until_then).map(line).collect(),
            },
        }
    }
}
