//! What is understood so far: clauses, and drafts of switches that later words may still take back.

use super::{conditions::When, scan::Mention};
use crate::{
    model::{Action, Clause, MatchType, Pending, Toggle, Understanding},
    surgery::Surgery,
};

/// A machine, what it is to become, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// Which, and by which words.
    pub(crate) mention: Mention,
    /// What it is to become.
    pub(crate) action: Action,
}

/// What one clause would switch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// Its clause.
    pub(crate) clause: usize,
    /// Its sentence.
    pub(crate) sentence: usize,
    /// What it switches.
    pub(crate) targets: Vec<Target>,
    /// What it waits for.
    pub(crate) when: Option<When>,
    /// Whether a negation is in it: less sure.
    pub(crate) negated: bool,
    /// Whether it is for now, with emphasis: surer.
    pub(crate) now: bool,
    /// Whether it was taken back.
    pub(crate) gone: bool,
}

/// How sure a kind of phrase makes, before anything else is known.
const fn sureness(kind: MatchType) -> f64 {
    match kind {
        MatchType::Trigger => 0.95,
        MatchType::Alias => 0.85,
        MatchType::Name | MatchType::Llm => 0.80,
    }
}

/// For a negation.
const NEGATED: f64 = 0.10;
/// For "immediately".
const NOW: f64 = 0.05;

fn toggle(surgery: &Surgery, draft: &Draft, target: &Target) -> Option<Toggle> {
    let machine = surgery.machines.get(&target.mention.id)?;
    let negated = if draft.negated { NEGATED } else { 0.0 };
    let now = if draft.now { NOW } else { 0.0 };
    let confidence = (sureness(target.mention.kind) - negated + now).clamp(0.0, 1.0);
    Some(Toggle {
        machine_id: target.mention.id.clone(),
        name: machine.name.clone(),
        action: target.action,
        trigger: target.mention.phrase.clone(),
        confidence: (confidence * 100.0).round() / 100.0,
        match_type: target.mention.kind,
    })
}

/// Makes the result of all drafts: what is said last of a machine counts.
pub(crate) fn finish(surgery: &Surgery, drafts: &[Draft], clauses: Vec<Clause>) -> Understanding {
    let mut toggles: Vec<Toggle> = Vec::new();
    let mut pending: Vec<Pending> = Vec::new();
    for draft in drafts.iter().filter(|draft| !draft.gone) {
        for toggle in draft.targets.iter().filter_map(|target| toggle(surgery, draft, target)) {
            match &draft.when {
                Some(when) => {
                    let one = Pending {
                        toggle,
                        temporal: when.temporal,
                        condition: when.words.clone(),
                        in_seconds: when.seconds,
                    };
                    if !pending.contains(&one) {
                        pending.push(one);
                    }
                }
                None => {
                    toggles.retain(|other| other.machine_id != toggle.machine_id);
                    toggles.push(toggle);
                }
            }
        }
    }
    let lowest = toggles.iter().map(|toggle| toggle.confidence).reduce(f64::min);
    Understanding { clauses, toggles, pending, confidence: lowest.unwrap_or(0.0), ..Understanding::default() }
}
