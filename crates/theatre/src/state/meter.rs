//! What a theatre's writer counts and times, for `/stats` and the page.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Latencies that are kept.
const KEPT: usize = 1_000;

/// Counts since the service began.
#[derive(Debug, Default)]
pub struct Meter {
    /// Commits.
    pub writes: u64,
    /// Answers of rules and model that were taken in.
    pub merges: u64,
    /// Commits that failed.
    pub errors: u64,
    /// Answers of the rules.
    pub understood: u64,
    /// Those that switch something.
    pub matched: u64,
    /// Answers of the model.
    pub modelled: u64,
    /// Those that say that no model answered.
    pub degraded: u64,
    /// From written down to shown, in milliseconds.
    latencies: VecDeque<f64>,
}

impl Meter {
    /// Notes how long it took from an utterance to its effect, in milliseconds.
    pub fn took(&mut self, milliseconds: f64) {
        if self.latencies.len() == KEPT {
            self.latencies.pop_front();
        }
        self.latencies.push_back(milliseconds);
    }

    /// The last latency, and what half and all but one in a hundred are within; `null` where there was none.
    #[must_use]
    pub fn latency(&self) -> Value {
        let mut sorted: Vec<f64> = self.latencies.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        // Nearest rank: the smallest that so many in a hundred do not exceed.
        let rank = |hundredths: usize| {
            let index = (sorted.len() * hundredths).div_ceil(100).max(1) - 1;
            sorted.get(index).copied()
        };
        json!({ "count": sorted.len(), "last_ms": self.latencies.back(), "p50_ms": rank(50), "p99_ms": rank(99) })
    }

    /// The mean latency in milliseconds; 0 where there was none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let count = self.latencies.len().max(1) as f64;
        self.latencies.iter().sum::<f64>() / count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_of_what_was_measured() {
        let mut meter = Meter::default();
        assert_eq!(meter.latency()["p50_ms"], Value::Null);
        for milliseconds in (1..=200).rev() {
            meter.took(f64::from(milliseconds));
        }
        let latency = meter.latency();
        assert_eq!(
            (&latency["last_ms"], &latency["p50_ms"], &latency["p99_ms"]),
            (&1.0.into(), &100.0.into(), &198.0.into())
        );
    }
}
