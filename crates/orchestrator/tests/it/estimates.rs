//! Whether the time left is true: recorded course runs, each foretold from those before it.

#![expect(clippy::unwrap_used, reason = "a recording that can't be read fails the test")]

mod picture;
mod recorded;

use orchestrator::estimates::{learn::Learning, path::Range};
use recorded::{Recorded, course, course_with, read};

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

/// What the documents say of it; `UPDATE_EXPECT=1` writes picture and table anew.
#[test]
fn most_recorded_courses_end_within_what_was_foretold_or_earlier() {
    let told = foretell(&read(include_str!("../../test_data/estimates/courses.jsonl")));
    let runs = told.len() / MOMENTS.len();
    assert!(runs >= 20, "{runs} runs are not enough");
    let table = table(&told);
    println!("{table}");
    for moment in MOMENTS {
        let late = told.iter().filter(|told| told.moment == moment && told.is_late()).count();
        assert!(late * 4 <= runs, "at {moment} of a run {late} of {runs} ended later than P90");
    }
    let late = told.iter().filter(|told| told.is_late()).count();
    assert!(
        late * 10 <= told.len(),
        "{late} of {} ended later than P90, which is more than one in ten",
        told.len()
    );
    let half = median(told.iter().filter(|told| told.moment == 0.5).map(Told::error));
    assert!(half < 0.15, "half through a run the middle is off by {half} of it");
    expect_test::expect_file!["../../../../docs/estimates/table.md"].assert_eq(&table);
    expect_test::expect_file!["../../../../docs/estimates/courses.svg"].assert_eq(&picture::draw(&told));
}

/// Whatever is asked at whatever moment: the middle is never above the end, and nothing is negative.
#[test]
fn a_range_is_a_range_at_every_moment() {
    let runs = read(include_str!("../../test_data/estimates/courses.jsonl"));
    let (pipeline, mut learning) = (course(), Learning::default());
    for run in &runs[..6] {
        for part in 0..40 {
            let now = run.took() * part / 40;
            let left = run.replay(&pipeline, learning.clone(), now).left(&pipeline, now);
            let phases = left.phases.values().flat_map(|phase| phase.ends.into_iter().chain([phase.starts]));
            for range in phases.chain(left.remaining) {
                assert!(0.0 <= range.p50 && range.p50 <= range.p90, "{range:?} at {now}");
            }
            assert!(
                left.phases.values().all(|phase| phase.done.is_none_or(|done| (0.0..1.0).contains(&done)))
            );
        }
        learning = run.replay(&pipeline, learning, u64::MAX).learned(&pipeline);
    }
}

/// With nothing known it says so, and never a number; what is known in part is a lower bound.
#[test]
fn what_is_not_known_is_said() {
    let pipeline = course();
    let runs = read(include_str!("../../test_data/estimates/courses.jsonl"));
    let nothing = runs[0].replay(&pipeline, Learning::default(), 0).left(&pipeline, 0);
    assert_eq!((nothing.remaining, nothing.at_least), (None, true));
    assert!(nothing.why.ends_with("and finish is known yet"), "{}", nothing.why);
    let known = runs[0].replay(&pipeline, Learning::default(), u64::MAX).learned(&pipeline);
    let changed = course_with(|text| text.replace("id        = \"finish\"", "id        = \"polish\""));
    let partly = runs[1].replay(&changed, known, 0).left(&changed, 0);
    assert!(partly.at_least && partly.remaining.is_some_and(|left| left.p50 > 0.0), "{partly:?}");
    assert_eq!(partly.why, "no run of polish is known yet");
}
