//! Callers: the other ends of the callees that a stream claims.

use std::collections::{BTreeMap, BTreeSet};

use crate::records::documented::{CallRef, Entry};

/// Gives every entry its callers. Those that were written in this iteration get them anew; in the others only what the written
/// ones claim of them changes: what was corrected in a caller's entry stays corrected here.
pub(super) fn set(
    entries: &mut BTreeMap<String, Entry>,
    before: &BTreeMap<String, Entry>,
    written: &BTreeSet<String>,
) {
    let mut claims: Vec<(String, CallRef)> = Vec::new();
    let mut withdrawn: BTreeSet<(String, String)> = BTreeSet::new();
    for (id, entry) in entries.iter() {
        for call in &entry.call_graph.callees {
            let is_news = written.contains(id) || !before.contains_key(&call.component_id);
            if is_news {
                claims
                    .push((call.component_id.clone(), CallRef { component_id: id.clone(), ..call.clone() }));
            }
        }
        if written.contains(id)
            && let Some(old) = before.get(id)
        {
            let gone = old.call_graph.callees.iter().map(|call| (call.component_id.clone(), id.clone()));
            withdrawn.extend(gone);
        }
    }
    for id in written {
        if let (Some(entry), Some(old)) = (entries.get_mut(id), before.get(id)) {
            entry.call_graph.callers.clone_from(&old.call_graph.callers);
        }
    }
    for (callee, caller) in &withdrawn {
        if let Some(entry) = entries.get_mut(callee) {
            entry.call_graph.callers.retain(|one| one.component_id != *caller);
        }
    }
    for (callee, caller) in claims {
        if let Some(entry) = entries.get_mut(&callee) {
            let callers = &mut entry.call_graph.callers;
            callers.retain(|one| one.component_id != caller.component_id);
            callers.push(caller);
        }
    }
    for entry in entries.values_mut() {
        entry.call_graph.callers.sort();
    }
}
