//! Many seeds at once, on all cores, and what is told of those that fail: what is wrong, the least that still goes wrong, and
//! what led there.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    run::{Figures, Report, run},
    scenario::Scenario,
    shrink::shrink,
};

/// After so many failing seeds there is enough to look at.
const ENOUGH: usize = 5;
/// How much of a failing run is shown, its end.
const SHOWN: usize = 120;

/// One seed with all that happens; true where it holds.
///
/// # Errors
/// Where there is no room for the folder of earlier results.
pub fn one(seed: u64) -> io::Result<(String, bool)> {
    let folder = tempfile::tempdir()?;
    let report = run(Scenario::of(seed), true, folder.path());
    let good = report.violations.is_empty();
    let mut text = report.lines.join("\n");
    let _ = write!(text, "\n{}", summary(&report));
    Ok((text, good))
}

/// So many seeds; true where all hold.
///
/// # Errors
/// Where there is no room for the folder of earlier results.
pub fn many(from: u64, count: u64) -> io::Result<(String, bool)> {
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let next = AtomicU64::new(from);
    let found: Mutex<Vec<Report>> = Mutex::default();
    let all: Mutex<(Duration, Figures, BTreeMap<&str, u64>)> = Mutex::default();
    let work = || {
        while found.lock().len() < ENOUGH {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return;
            }
            let report = run(Scenario::of(seed), false, folder.path());
            {
                let mut all = all.lock();
                all.0 += report.simulated;
                all.1 = all.1.and(report.figures);
                for (kind, count) in &report.seen {
                    *all.2.entry(kind).or_default() += count;
                }
            }
            if !report.violations.is_empty() {
                found.lock().push(report);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut text = String::new();
    let mut found = found.into_inner();
    found.sort_by_key(|report| report.scenario.seed);
    for report in &found {
        show(&mut text, report, folder.path());
    }
    let (simulated, figures, seen) = all.into_inner();
    let _ = writeln!(text, "events: {seen:?}");
    let ran = next.into_inner().min(from + count) - from;
    let _ = write!(
        text,
        "{ran} seeds from {from}: {} failed; {:.1} h simulated in {:.1} s; {} jobs, {} attempts, {} batches, {} calls judged, \
         {} crashes",
        found.len(),
        simulated.as_secs_f64() / 3600.0,
        begun.elapsed().as_secs_f64(),
        figures.jobs,
        figures.attempts,
        figures.batches,
        figures.calls,
        figures.crashes
    );
    Ok((text, found.is_empty()))
}

/// A failing run: what is wrong, the least that still goes wrong, and the steps that lead there.
fn show(text: &mut String, report: &Report, folder: &Path) {
    let _ = writeln!(text, "{}", summary(report));
    let smallest = shrink(report, folder);
    let again = run(smallest, true, folder);
    let from = again.lines.len().saturating_sub(SHOWN);
    let _ = writeln!(text, "the least that still goes wrong: {smallest:?}");
    let _ = writeln!(text, "{}\n", again.lines[from..].join("\n"));
}

fn summary(report: &Report) -> String {
    let Report { scenario, violations, hash, simulated, figures, .. } = report;
    let mut text =
        format!("{scenario:?}\nhash {hash}, {:.1} s simulated, {figures:?}", simulated.as_secs_f64());
    for violation in violations.iter().take(5) {
        let about: String = violation.about.chars().take(2_000).collect();
        let _ = write!(text, "\nseed {}: {} is violated: {about}", scenario.seed, violation.rule);
    }
    text
}
