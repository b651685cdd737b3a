//! Waiting for a file to come to rest: an editor writes it in several strokes, a checkout thousands of them.
//!
//! A file is looked at when nothing has happened to it for a while, or when something has happened for too long. It takes no
//! clock: whoever calls says what time it is.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::paths::RelPath;

/// A file of a project.
pub(super) type Spot = (String, RelPath);

/// Files that are not at rest yet.
#[derive(Debug)]
pub(super) struct Settle {
    quiet: Duration,
    longest: Duration,
    moving: HashMap<Spot, Moving>,
}

#[derive(Debug, Clone, Copy)]
struct Moving {
    first: Instant,
    last: Instant,
}

impl Settle {
    /// A file is at rest after `quiet`, or looked at anyway after `longest`.
    pub(super) fn new(quiet: Duration, longest: Duration) -> Self {
        Self { quiet, longest, moving: HashMap::new() }
    }

    /// Something happened to a file.
    pub(super) fn touch(&mut self, spot: Spot, now: Instant) {
        self.moving.entry(spot).or_insert(Moving { first: now, last: now }).last = now;
    }

    /// At most so many files that are to be looked at now, the longest moved first.
    pub(super) fn at_rest(&mut self, now: Instant, most: usize) -> Vec<Spot> {
        let mut due: Vec<(Instant, Spot)> = self
            .moving
            .iter()
            .filter(|(_, moving)| self.due(moving) <= now)
            .map(|(spot, moving)| (moving.first, spot.clone()))
            .collect();
        due.sort();
        due.truncate(most);
        due.into_iter()
            .map(|(_, spot)| {
                self.moving.remove(&spot);
                spot
            })
            .collect()
    }

    /// Everything, at rest or not: at the end nothing is dropped.
    pub(super) fn everything(&mut self) -> Vec<Spot> {
        let mut all: Vec<Spot> = self.moving.drain().map(|(spot, _)| spot).collect();
        all.sort();
        all
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.moving.values().map(|moving| self.due(moving)).min()
    }

    /// How many are not at rest.
    pub(super) fn len(&self) -> usize {
        self.moving.len()
    }

    fn due(&self, moving: &Moving) -> Instant {
        (moving.last + self.quiet).min(moving.first + self.longest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Settle, Spot};
    use crate::paths::RelPath;

    fn spot(file: &str) -> Spot {
        ("p".to_owned(), RelPath::new(file).expect("a path"))
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn strokes_of_one_file_are_one_change_two_seconds_after_the_last() {
        let start = Instant::now();
        let mut settle = Settle::new(Duration::from_secs(2), Duration::from_secs(10));
        for at in [0, 500, 1500] {
            settle.touch(spot("a"), after(start, at));
        }
        assert_eq!(settle.next(), Some(after(start, 3500)));
        assert!(settle.at_rest(after(start, 3499), 10).is_empty());
        assert_eq!(settle.at_rest(after(start, 3500), 10), [spot("a")]);
        assert_eq!(settle.next(), None);
    }

    #[test]
    fn a_file_that_never_rests_is_looked_at_all_the_same() {
        let start = Instant::now();
        let mut settle = Settle::new(Duration::from_secs(2), Duration::from_secs(10));
        (0..20).for_each(|second| settle.touch(spot("a"), after(start, second * 1000)));
        assert_eq!(settle.at_rest(after(start, 10_000), 10), [spot("a")]);
    }

    #[test]
    fn five_thousand_files_come_in_batches_and_none_is_dropped() {
        let start = Instant::now();
        let mut settle = Settle::new(Duration::from_secs(2), Duration::from_secs(10));
        for number in 0..5000 {
            settle.touch(spot(&format!("f{number}")), after(start, number / 100));
        }
        let now = after(start, 5000);
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let batch = settle.at_rest(now, 500);
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= 500);
            seen.extend(batch);
        }
        assert_eq!(seen.len(), 5000);
    }

    #[test]
    fn at_the_end_nothing_that_waits_is_discarded() {
        let start = Instant::now();
        let mut settle = Settle::new(Duration::from_secs(2), Duration::from_secs(10));
        settle.touch(spot("b"), start);
        settle.touch(spot("a"), start);
        assert_eq!(settle.everything(), [spot("a"), spot("b")]);
        assert_eq!(settle.len(), 0);
    }
}
