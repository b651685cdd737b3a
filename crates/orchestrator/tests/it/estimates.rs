//! Whether the time left is true: recorded course runs, each foretold from those before it.

#![expect(clippy::unwrap_used, reason = "a recording that can't be read fails the test")]

mod recorded;

use orchestrator::estimates::{learn::Learning, path::Range};
use recorded::{Recorded, course, read};

/// Runs that are only learned from.
const FIRST: usize = 4;
/// Moments of a run at which its end is foretold, in parts of what it took.
const MOMENTS: [f64; 7] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9];

/// What was foretold at a moment, and what came.
struct Told {
    moment: f64,
    seeds: u64,
    left: Range,
    actual: f64,
    took: f64,
}

impl Told {
    fn is_early(&self) -> bool {
        self.actual < self.left.p50
    }

    fn is_late(&self) -> bool {
        self.actual > self.left.p90
    }

    /// How far the middle was from the truth, in parts of the whole run.
    fn error(&self) -> f64 {
        (self.left.p50 - self.actual).abs() / self.took
    }
}

/// Every run but the first few is foretold at each moment from the runs before it.
fn foretell(runs: &[Recorded]) -> Vec<Told> {
    let pipeline = course();
    let mut learning = Learning::default();
    let mut all = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let took = run.took();
        if number >= FIRST {
            for moment in MOMENTS {
                let now = (took as f64 * moment) as u64;
                let left =
                    run.replay(&pipeline, learning.clone(), now).left(&pipeline, now).remaining.unwrap();
                let (actual, took) = ((took - now) as f64 / 1000.0, took as f64 / 1000.0);
                all.push(Told { moment, seeds: run.seeds, left, actual, took });
            }
        }
        learning = run.replay(&pipeline, learning, u64::MAX).learned(&pipeline);
    }
    all
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The table of the documents.
fn table(told: &[Told]) -> String {
    let mut text =
        "| through | before P50 | within P50 to P90 | after P90 | median error of P50 | median width |\n"
            .to_owned();
    text.push_str("| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for moment in MOMENTS {
        let at: Vec<&Told> = told.iter().filter(|told| told.moment == moment).collect();
        let (early, late) = (
            at.iter().filter(|told| told.is_early()).count(),
            at.iter().filter(|told| told.is_late()).count(),
        );
        text.push_str(&format!(
            "| {:.0} % | {early} | {} | {late} | {:.0} % | {:.0} % |\n",
            moment * 100.0,
            at.len() - early - late,
            100.0 * median(at.iter().map(|told| told.error())),
            100.0 * median(at.iter().map(|told| (told.left.p90 - told.left.p50) / told.took)),
        ));
    }
    text
}

#[test]
fn x() {
    for text in [include_str!("../../test_data/estimates/reused.jsonl")] {
        let told = foretell(&read(text));
        println!("{}", table(&told));
        for one in told.iter().filter(|one| one.is_late()) {
            println!(
                "{:4} {:4.0}% {:6.1} .. {:6.1}  actual {:6.1}",
                one.seeds,
                one.moment * 100.0,
                one.left.p50,
                one.left.p90,
                one.actual
            );
        }
    }
}
