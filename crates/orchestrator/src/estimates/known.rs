//! What is known of earlier runs: a fixed number of them for each phase, service and version.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
};

use engine::ids::Name;

use super::fit::{Fit, Sample, Sizes, Spread};

/// Runs kept of each phase.
pub const KEPT: usize = 40;
/// Phases known at most; of others those learned of longest ago are forgotten.
const MOST: usize = 5_000;

/// Whose runs they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The pipeline.
    pub pipeline: Name,
    /// The phase.
    pub phase: Name,
    /// Who does it.
    pub service: Name,
    /// In which version.
    pub version: Arc<str>,
}

/// The last numbers of something.
#[derive(Debug, Clone)]
struct Last<T> {
    kept: VecDeque<T>,
    fit: OnceLock<Option<Fit>>,
    learned: u64,
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self { kept: VecDeque::new(), fit: OnceLock::new(), learned: 0 }
    }
}

impl<T> Last<T> {
    fn keep(&mut self, one: T, learned: u64) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(one);
        self.fit = OnceLock::new();
        self.learned = learned;
    }
}

impl Last<Sample> {
    fn foretell(&self, sizes: &Sizes) -> Option<Spread> {
        let fit = self.fit.get_or_init(|| Fit::of(self.kept.iter()));
        fit.as_ref().map(|fit| fit.foretell(sizes))
    }
}

/// Everything that was learned.
#[derive(Debug, Clone, Default)]
pub struct Known {
    phases: BTreeMap<Kind, Last<Sample>>,
    /// Whether a phase was needed.
    needed: BTreeMap<(Name, Name), Last<bool>>,
    /// Turns that a loop took.
    turns: BTreeMap<(Name, Name), Last<f64>>,
    /// Seconds of single attempts at a service, whosesoever.
    attempts: BTreeMap<Name, Last<Sample>>,
    learned: u64,
}

impl Known {
    /// A phase of a job is through.
    pub fn phase(&mut self, kind: Kind, sample: Sample) {
        self.learned += 1;
        if self.phases.len() >= MOST && !self.phases.contains_key(&kind) {
            let oldest =
                self.phases.iter().min_by_key(|(_, last)| last.learned).map(|(kind, _)| kind.clone());
            if let Some(oldest) = oldest {
                self.phases.remove(&oldest);
                let phase = (oldest.pipeline, oldest.phase);
                self.needed.remove(&phase);
            }
        }
        self.needed(&kind.pipeline, &kind.phase, true);
        self.phases.entry(kind).or_default().keep(sample, self.learned);
    }

    /// A phase was needed in a job, or not.
    pub fn needed(&mut self, pipeline: &Name, phase: &Name, needed: bool) {
        let phase = (pipeline.clone(), phase.clone());
        if self.needed.len() < MOST || self.needed.contains_key(&phase) {
            self.needed.entry(phase).or_default().keep(needed, self.learned);
        }
    }

    /// A loop is over.
    pub fn turns(&mut self, pipeline: &Name, id: &Name, turns: u32) {
        let id = (pipeline.clone(), id.clone());
        if self.turns.len() < MOST || self.turns.contains_key(&id) {
            self.turns.entry(id).or_default().keep(f64::from(turns), self.learned);
        }
    }

    /// An attempt is over.
    pub fn attempt(&mut self, service: &Name, seconds: f64) {
        let sample = Sample { sizes: Sizes::new(), seconds };
        self.attempts.entry(service.clone()).or_default().keep(sample, self.learned);
    }

    /// How long a phase takes at a job of some size: of this version of the service, or, where none is known of it, of the one
    /// that was learned of last.
    #[must_use]
    pub fn foretell(&self, kind: &Kind, sizes: &Sizes) -> Option<Spread> {
        let same = self.phases.get(kind);
        let others = || {
            let from = Kind { version: Arc::from(""), ..kind.clone() };
            let same_work = |other: &Kind| {
                (&other.pipeline, &other.phase, &other.service)
                    == (&kind.pipeline, &kind.phase, &kind.service)
            };
            self.phases
                .range(from..)
                .take_while(|(kind, _)| same_work(kind))
                .map(|(_, last)| last)
                .max_by_key(|last| last.learned)
        };
        same.or_else(others)?.foretell(sizes)
    }

    /// The share of jobs in which a phase was needed; none where nothing is known.
    #[must_use]
    pub fn share_needed(&self, pipeline: &Name, phase: &Name) -> Option<f64> {
        let last = self.needed.get(&(pipeline.clone(), phase.clone()))?;
        let needed = last.kept.iter().filter(|needed| **needed).count();
        Some(needed as f64 / last.kept.len() as f64)
    }

    /// Turns that a loop takes beyond those it has had: a share `q` of the jobs that came so far took no more; none where
    /// nothing is known.
    #[must_use]
    pub fn turns_left(&self, pipeline: &Name, id: &Name, turn: u32, q: f64) -> Option<f64> {
        let last = self.turns.get(&(pipeline.clone(), id.clone()))?;
        let turn = f64::from(turn);
        let mut left: Vec<f64> = last.kept.iter().filter(|all| **all >= turn).map(|all| all - turn).collect();
        left.sort_by(f64::total_cmp);
        let at = ((left.len() as f64 * q).ceil() as usize).clamp(1, left.len().max(1));
        Some(left.get(at - 1).copied().unwrap_or(1.0))
    }

    /// How long a single attempt takes at a service.
    #[must_use]
    pub fn one_attempt(&self, service: &Name) -> Option<Spread> {
        self.attempts.get(service)?.foretell(&Sizes::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(version: &str) -> Kind {
        let name = |text: &str| Name::try_from(text.to_owned()).unwrap();
        Kind { pipeline: name("p"), phase: name("a"), service: name("s"), version: version.into() }
    }

    #[test]
    fn only_the_last_runs_are_kept_and_those_of_the_version_count_first() {
        let mut known = Known::default();
        for seconds in 0..1000 {
            known.phase(kind("1"), Sample { sizes: Sizes::new(), seconds: f64::from(seconds) });
        }
        let told = known.foretell(&kind("1"), &Sizes::new()).unwrap();
        assert_eq!((told.runs(), told.at(0.5).round()), (KEPT, 980.0));
        assert!(known.foretell(&kind("2"), &Sizes::new()).is_some(), "better another version than nothing");
        known.phase(kind("2"), Sample { sizes: Sizes::new(), seconds: 5.0 });
        assert_eq!(known.foretell(&kind("2"), &Sizes::new()).unwrap().at(0.5), 5.0);
        let other = Kind { phase: Name::try_from("b".to_owned()).unwrap(), ..kind("1") };
        assert_eq!(known.foretell(&other, &Sizes::new()), None);
    }

    #[test]
    fn a_loop_that_came_so_far_is_compared_with_those_that_did() {
        let mut known = Known::default();
        let (p, id) = (kind("1").pipeline, kind("1").phase);
        assert_eq!(known.turns_left(&p, &id, 1, 0.5), None);
        [1, 1, 1, 4, 6].into_iter().for_each(|turns| known.turns(&p, &id, turns));
        assert_eq!(known.turns_left(&p, &id, 1, 0.5), Some(0.0));
        assert_eq!(known.turns_left(&p, &id, 2, 0.5), Some(2.0));
        assert_eq!(known.turns_left(&p, &id, 9, 0.5), Some(1.0), "further than any before");
    }
}
