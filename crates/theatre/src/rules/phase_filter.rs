//! An optional filter: what a phase has no use for is not switched on in it.
//!
//! Off by default: who has the surgery in his hands knows better than a table. Switching off and putting on standby always pass.

use std::collections::BTreeSet;

use crate::{
    model::{Action, MachineId, Toggle, Understanding},
    surgery::Surgery,
};

/// Takes out what the phase has no use for, and says so in the clauses. A phase that is not the surgery's filters nothing.
pub(crate) fn apply(surgery: &Surgery, phase: &str, understanding: &mut Understanding) {
    if !surgery.has_phase(phase) {
        return;
    }
    let mut out: BTreeSet<MachineId> = BTreeSet::new();
    let mut keep = |toggle: &Toggle| {
        let used = surgery
            .machines
            .get(&toggle.machine_id)
            .is_some_and(|machine| machine.phase_usage.iter().any(|used| used == phase));
        let keep = used || toggle.action != Action::On;
        if !keep {
            out.insert(toggle.machine_id.clone());
        }
        keep
    };
    understanding.toggles.retain(&mut keep);
    // What waits may fall into a later phase, so it stays.
    let lowest = understanding.toggles.iter().map(|toggle| toggle.confidence).reduce(f64::min);
    understanding.confidence = lowest.unwrap_or(0.0);
    for clause in &mut understanding.clauses {
        for machine in clause.machines.iter().filter(|machine| out.contains(machine)) {
            clause.why = format!("{}; not done: {machine} is not used in {phase}", clause.why);
        }
    }
}
