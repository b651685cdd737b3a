//! A fixed number of seeds, all of which must hold, and between them reach everything that can happen to a job.

use std::collections::BTreeSet;

use simulator::{
    run::{Report, run},
    scenario::Scenario,
};

/// Some ten seconds in a debug build on two cores.
const SEEDS: u64 = 200;
/// Kinds of events without which a run has not tried much.
const MUST_BE_SEEN: [&str; 37] = [
    "approvalGiven",
    "approvalRequested",
    "attemptAccepted",
    "attemptCancelled",
    "attemptDeferred",
    "attemptFailed",
    "attemptHealed",
    "attemptPreempted",
    "attemptStarted",
    "attemptSucceeded",
    "attemptSuspected",
    "gateClosed",
    "jobCancelled",
    "jobCompleted",
    "jobFailed",
    "jobFailing",
    "jobPaused",
    "jobRerun",
    "jobResumed",
    "jobRetried",
    "jobStarted",
    "loopEnded",
    "loopTurned",
    "mapExpanded",
    "pauseRefused",
    "pauseRequested",
    "phaseFailed",
    "phaseSkipped",
    "phaseSucceeded",
    "priorityChanged",
    "retryScheduled",
    "runFailed",
    "runReady",
    "runSuperseded",
    "signalKept",
    "signalTaken",
    "waitTimedOut",
];

fn runs(seeds: impl Iterator<Item = u64>) -> Vec<Report> {
    let folder = tempfile::tempdir().unwrap();
    seeds.map(|seed| run(Scenario::of(seed), false, folder.path())).collect()
}

fn must_hold(reports: &[Report]) {
    for report in reports {
        let seed = report.scenario.seed;
        assert!(
            report.violations.is_empty(),
            "cargo xtask simulate --seed {seed} shows how it came to this: {:?}",
            report.violations
        );
    }
}

#[test]
fn every_seed_holds_and_all_that_can_happen_does() {
    let half = |offset: u64| runs((0..SEEDS / 2).map(move |number| number * 2 + offset));
    let (odd, even) = std::thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        (odd.join(), half(0))
    });
    let reports: Vec<Report> = odd.unwrap().into_iter().chain(even).collect();
    must_hold(&reports);
    let seen: BTreeSet<&str> = reports.iter().flat_map(|report| report.seen.keys().copied()).collect();
    let missing: Vec<&&str> = MUST_BE_SEEN.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    let crashes: u64 = reports.iter().map(|report| report.figures.crashes).sum();
    assert!(crashes > SEEDS / 2, "only {crashes} crashes");
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in [3, 8, 16, 23, 42] {
        let [one, other] = [false, true].map(|told| {
            let folder = tempfile::tempdir().unwrap();
            run(Scenario::of(seed), told, folder.path())
        });
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert!(other.lines.len() > 10 && one.lines.is_empty());
    }
}

#[test]
fn a_run_without_faults_has_no_crash_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let quiet = Scenario { faults: simulator::scenario::Faults::default(), ..Scenario::of(5) };
    let report = run(quiet, false, folder.path());
    must_hold(std::slice::from_ref(&report));
    assert_eq!(report.figures.crashes, 0);
    assert_eq!(report.seen.get("jobStarted"), Some(&report.figures.jobs));
}
