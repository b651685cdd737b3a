//! Questions about the order of phases. Cycles were refused when the pipeline was read.

use std::collections::BTreeSet;

use crate::{ids::PhaseIndex, pipeline::Pipeline};

impl Pipeline {
    /// Everything that comes after a phase, itself apart.
    #[must_use]
    pub fn descendants(&self, of: PhaseIndex) -> BTreeSet<PhaseIndex> {
        self.reach(of, |phase| &self.phase(phase).before)
    }

    /// Everything that comes before a phase, itself apart.
    #[must_use]
    pub fn ancestors(&self, of: PhaseIndex) -> BTreeSet<PhaseIndex> {
        self.reach(of, |phase| &self.phase(phase).after)
    }

    /// What is done again when a phase is: itself, everything after it, and where that belongs to a loop, everything after the
    /// loop, because the loop will turn again and give another result.
    #[must_use]
    pub fn done_again(&self, from: PhaseIndex) -> BTreeSet<PhaseIndex> {
        let mut again = self.descendants(from);
        again.insert(from);
        loop {
            let known = again.len();
            for body in self.loops.iter().map(|one| &one.phases) {
                if body.iter().any(|phase| again.contains(phase)) {
                    let after = body.iter().flat_map(|&phase| self.descendants(phase));
                    again.extend(after.filter(|phase| !body.contains(phase)));
                }
            }
            if again.len() == known {
                return again;
            }
        }
    }

    fn reach<'a>(
        &self,
        of: PhaseIndex,
        next: impl Fn(PhaseIndex) -> &'a Vec<PhaseIndex>,
    ) -> BTreeSet<PhaseIndex> {
        let mut found = BTreeSet::new();
        let mut open = next(of).clone();
        while let Some(phase) = open.pop() {
            if found.insert(phase) {
                open.extend(next(phase));
            }
        }
        found
    }

    /// The phases of a loop that are reached from outside it.
    #[must_use]
    pub fn loop_entries(&self, index: usize) -> Vec<PhaseIndex> {
        let body = &self.loops[index].phases;
        let outside = |phase: &&PhaseIndex| !self.phase(**phase).after.iter().any(|p| body.contains(p));
        body.iter().filter(outside).copied().collect()
    }

    /// The phases of a loop after which nothing of it follows: what they gave is handed to the next turn's entries.
    #[must_use]
    pub fn loop_exits(&self, index: usize) -> Vec<PhaseIndex> {
        let body = &self.loops[index].phases;
        let last = |phase: &&PhaseIndex| !self.phase(**phase).before.iter().any(|p| body.contains(p));
        body.iter().filter(last).copied().collect()
    }
}
