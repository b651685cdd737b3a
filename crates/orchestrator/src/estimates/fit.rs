//! How long a phase takes for its size: three simple rules, and which of them was right so far.
//!
//! A rule is judged by the runs that it has not seen: each run is foretold from all the others, and the rule whose error is
//! smallest in the middle wins. How far the runs lay beside that is the spread of what it foretells next.

use std::{collections::BTreeMap, sync::Arc};

/// Figures of a job by name, such as `extraction.stats.legos`.
pub type Sizes = BTreeMap<Arc<str>, f64>;

/// One phase of one job that is through.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was known of the job's size.
    pub sizes: Sizes,
    /// What it came to: seconds.
    pub seconds: f64,
}

/// Shorter than this is as long: below it everything is chance.
const SHORTEST: f64 = 0.05;
/// A rule by a size must be better than the one without by so much.
const BETTER: f64 = 0.9;
/// A rule by a size needs so many runs that have it.
const ENOUGH: usize = 3;

/// A time that is not known exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Seconds, where everything is as it was in the middle.
    middle: f64,
    /// What runs came to beside what was foretold of them, sorted.
    ratios: Arc<[f64]>,
    /// The size that it goes by.
    pub by: Option<Arc<str>>,
}

impl Spread {
    /// How many runs it is from.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.ratios.len()
    }

    /// The seconds that a share `q` (0 to 1) of runs stays below.
    #[must_use]
    pub fn at(&self, q: f64) -> f64 {
        self.middle * self.ratio(q)
    }

    /// The seconds left after `elapsed`, among runs that took longer than that; where none did, a part of what it took.
    #[must_use]
    pub fn rest(&self, elapsed: f64, q: f64) -> f64 {
        let longer: Vec<f64> =
            self.ratios.iter().map(|ratio| self.middle * ratio).filter(|&all| all > elapsed).collect();
        if longer.is_empty() {
            return elapsed * (0.1 + 0.5 * q);
        }
        if longer.len() == self.ratios.len() {
            return (self.at(q) - elapsed).max(0.0);
        }
        (quantile(&longer, q) - elapsed).max(0.0)
    }

    fn ratio(&self, q: f64) -> f64 {
        quantile(&self.ratios, q)
    }
}

/// A quantile of sorted numbers; above the middle it grows by what few numbers can't know.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let count = sorted.len();
    let rank = (count as f64 + 1.0) * q - 1.0;
    let at = |index: f64| sorted[(index.max(0.0) as usize).min(count - 1)];
    let low = rank.floor();
    let value = at(low) + (at(low + 1.0) - at(low)) * (rank - low).clamp(0.0, 1.0);
    value * (1.0 + 2.0 * (q - 0.5).max(0.0) / (count as f64).sqrt())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        count if count % 2 == 1 => numbers[count / 2],
        count => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Always about the same.
    Same,
    /// So much for each.
    Each,
    /// So much for a start, and so much for each.
    StartAndEach,
}

impl Rule {
    /// What it foretells for a size, from runs as (size, seconds).
    fn foretell(self, runs: &[(f64, f64)], size: f64) -> f64 {
        match self {
            Self::Same => median(runs.iter().map(|run| run.1).collect()),
            Self::Each => size * median(runs.iter().map(|run| run.1 / run.0).collect()),
            Self::StartAndEach => line(runs)
                .map_or_else(|| Self::Each.foretell(runs, size), |(start, each)| each.mul_add(size, start)),
        }
    }
}

/// Start and each by least squares, where the error counts in parts of the size; none where that makes no sense.
fn line(runs: &[(f64, f64)]) -> Option<(f64, f64)> {
    // In parts of the size: seconds/size = start · 1/size + each.
    let count = runs.len() as f64;
    let (x, y) = (runs.iter().map(|run| 1.0 / run.0), runs.iter().map(|run| run.1 / run.0));
    let (mean_x, mean_y) = (x.clone().sum::<f64>() / count, y.clone().sum::<f64>() / count);
    let across: f64 = x.clone().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let along: f64 = x.map(|x| (x - mean_x).powi(2)).sum();
    let start = (along > 0.0).then_some(across / along)?;
    let each = mean_y - start * mean_x;
    (start > 0.0 && each > 0.0).then_some((start, each))
}

/// A rule with the size it goes by and how it did.
#[derive(Debug, Clone)]
struct Judged {
    rule: Rule,
    by: Option<Arc<str>>,
    runs: Vec<(f64, f64)>,
    ratios: Arc<[f64]>,
    error: f64,
}

fn judge(rule: Rule, by: Option<Arc<str>>, runs: Vec<(f64, f64)>) -> Judged {
    let mut ratios: Vec<f64> = match runs.len() {
        1 => vec![1.0],
        count => (0..count)
            .map(|left_out| {
                let others: Vec<(f64, f64)> =
                    runs.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, run)| *run).collect();
                let (size, seconds) = runs[left_out];
                seconds / rule.foretell(&others, size).max(SHORTEST)
            })
            .collect(),
    };
    let error = median(ratios.iter().map(|ratio| ratio.max(1e-6).ln().abs()).collect());
    ratios.sort_by(f64::total_cmp);
    Judged { rule, by, runs, ratios: ratios.into(), error }
}

/// All rules over some samples, judged.
#[derive(Debug, Clone)]
pub struct Fit {
    same: Judged,
    by_size: Vec<Judged>,
}

impl Fit {
    /// Judges the rules; none without samples.
    #[must_use]
    pub fn of<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Option<Self> {
        let seconds = |sample: &Sample| sample.seconds.max(SHORTEST);
        let all: Vec<(f64, f64)> = samples.clone().map(|sample| (1.0, seconds(sample))).collect();
        if all.is_empty() {
            return None;
        }
        let mut sizes: BTreeMap<Arc<str>, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in samples {
            for (name, &size) in sample.sizes.iter().filter(|(_, size)| **size > 0.0) {
                sizes.entry(name.clone()).or_default().push((size, seconds(sample)));
            }
        }
        // Of fewer than all but a few it would be a rule for other jobs than this one.
        sizes.retain(|_, runs| runs.len() >= ENOUGH && runs.len() * 4 >= all.len() * 3);
        let rules = |(name, runs): (Arc<str>, Vec<(f64, f64)>)| {
            [Rule::Each, Rule::StartAndEach].map(|rule| judge(rule, Some(name.clone()), runs.clone()))
        };
        Some(Self {
            same: judge(Rule::Same, None, all),
            by_size: sizes.into_iter().flat_map(rules).collect(),
        })
    }

    /// What the best rule says of a job of which these sizes are known.
    #[must_use]
    pub fn foretell(&self, sizes: &Sizes) -> Spread {
        let known = self.by_size.iter().filter_map(|judged| {
            let size = *sizes.get(judged.by.as_ref()?).filter(|size| **size > 0.0)?;
            Some((judged, size))
        });
        let best = known.min_by(|a, b| a.0.error.total_cmp(&b.0.error));
        let (judged, size) = match best {
            Some((judged, size)) if judged.error < self.same.error * BETTER => (judged, size),
            _ => (&self.same, 1.0),
        };
        let middle = judged.rule.foretell(&judged.runs, size).max(SHORTEST);
        Spread { middle, ratios: judged.ratios.clone(), by: judged.by.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(size: f64, chance: f64, seconds: f64) -> Sample {
        let sizes = [("input.seeds".into(), size), ("input.chance".into(), chance)].into();
        Sample { sizes, seconds }
    }

    fn sizes(seeds: f64) -> Sizes {
        [("input.seeds".into(), seeds), ("input.chance".into(), 5.0)].into()
    }

    #[test]
    fn what_grows_with_the_size_is_foretold_by_it_and_what_does_not_is_not() {
        let grows: Vec<Sample> = [10.0, 40.0, 20.0, 80.0, 60.0]
            .iter()
            .zip([3.0, 9.0, 1.0, 7.0, 4.0])
            .map(|(&size, chance)| sample(size, chance, 2.0 + 0.5 * size))
            .collect();
        let told = Fit::of(grows.iter()).unwrap().foretell(&sizes(100.0));
        assert_eq!(told.by.as_deref(), Some("input.seeds"));
        assert!((told.at(0.5) - 52.0).abs() < 0.5, "a start of 2 s and 0.5 s each: {}", told.at(0.5));

        let same: Vec<Sample> = [10.0, 40.0, 20.0, 80.0].map(|size| sample(size, 1.0 / size, 7.0)).into();
        let told = Fit::of(same.iter()).unwrap().foretell(&sizes(1000.0));
        assert_eq!((told.by.as_deref(), told.at(0.5)), (None, 7.0));
    }

    #[test]
    fn few_runs_give_a_wide_range_and_the_middle_is_never_above_the_end() {
        for count in 1..30 {
            let samples: Vec<Sample> =
                (0..count).map(|n| sample(1.0, 1.0, 10.0 + f64::from(n * 7 % 5))).collect();
            let told = Fit::of(samples.iter()).unwrap().foretell(&Sizes::new());
            let (p50, p90) = (told.at(0.5), told.at(0.9));
            assert!(0.0 < p50 && p50 <= p90, "{count}: {p50} {p90}");
            for elapsed in [0.0, 5.0, 11.0, 13.9, 100.0] {
                let (rest50, rest90) = (told.rest(elapsed, 0.5), told.rest(elapsed, 0.9));
                assert!(0.0 <= rest50 && rest50 <= rest90, "{count} {elapsed}: {rest50} {rest90}");
            }
        }
        let one = Fit::of([sample(1.0, 1.0, 10.0)].iter()).unwrap().foretell(&Sizes::new());
        assert_eq!(one.at(0.5), 10.0);
        assert!(one.at(0.9) > 15.0, "one run says little: {}", one.at(0.9));
    }
}
