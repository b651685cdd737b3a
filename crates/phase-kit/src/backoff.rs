//! How long to wait before the next try: doubling, with jitter, never longer than a bound. Arithmetic only.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Doubles from `first` to `most`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// The wait after the `failures`-th failure (from 1): between half and the whole of the doubled time, so that services
    /// which lost their orchestrator at the same moment do not come back at the same moment.
    pub(crate) fn after(self, failures: u32, rng: &mut impl Rng) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.most);
        doubled.mul_f64(rng.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{SeedableRng, rngs::StdRng};

    use super::Backoff;

    #[test]
    fn waits_double_up_to_the_bound() {
        let backoff = Backoff { first: Duration::from_millis(200), most: Duration::from_secs(30) };
        let mut rng = StdRng::seed_from_u64(7);
        for (failures, whole) in [(1, 200), (2, 400), (5, 3200), (9, 30_000), (1000, 30_000)] {
            let wait = backoff.after(failures, &mut rng);
            let whole = Duration::from_millis(whole);
            assert!(whole / 2 <= wait && wait <= whole, "{failures}: {wait:?}");
        }
    }
}
