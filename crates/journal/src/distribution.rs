//! How often something took how long, or was how large: counted in buckets by whoever does it, read by whoever watches.
//!
//! An observation is three relaxed additions and takes no lock. The buckets are fixed when it is made.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts observations in buckets.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than bounds: the last takes what is above all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Histogram`] has counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Upper bound of each bucket, and how many observations were at most that: cumulative, ascending.
    pub buckets: Vec<(u64, u64)>,
    /// All observations.
    pub count: u64,
    /// Of all observations.
    pub sum: u64,
}

impl Histogram {
    /// With ascending upper bounds.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts one.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted so far. The count is that of the buckets, so the two always agree.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let sum = self.sum.load(Ordering::Relaxed);
        let mut count = 0;
        let mut cumulative = self.counts.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = self.bounds.iter().copied().zip(cumulative.by_ref()).collect();
        let count = cumulative.last().unwrap_or_default();
        Distribution { buckets, count, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_in_its_bucket_and_all_above() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 1_000] {
            histogram.observe(value);
        }
        let read = histogram.read();
        assert_eq!(read.buckets, [(1, 2), (10, 4), (100, 5)]);
        assert_eq!((read.count, read.sum), (6, 1_024));
    }
}
