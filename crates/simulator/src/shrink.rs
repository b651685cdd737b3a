//! From a run that goes wrong to the least that still does: fewer faults, fewer jobs.

use std::path::Path;

use crate::{
    run::{Report, run},
    scenario::Scenario,
};

/// The smallest scenario found that breaks the same rule.
#[must_use]
pub fn shrink(failing: &Report, folder: &Path) -> Scenario {
    let Some(rule) = failing.violations.first().map(|violation| violation.rule) else {
        return failing.scenario;
    };
    let fails = |scenario: Scenario| {
        run(scenario, false, folder).violations.iter().any(|violation| violation.rule == rule)
    };
    let mut smallest = failing.scenario;
    loop {
        let before = smallest;
        for fault in smallest.faults.each().collect::<Vec<_>>() {
            let without = Scenario { faults: smallest.faults.without(fault), ..smallest };
            if fails(without) {
                smallest = without;
            }
        }
        for jobs in [smallest.jobs / 2, smallest.jobs.saturating_sub(1)] {
            let fewer = Scenario { jobs, ..smallest };
            if jobs > 0 && jobs < smallest.jobs && fails(fewer) {
                smallest = fewer;
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}
