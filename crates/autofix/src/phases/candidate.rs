//! A content that may be a fix, and whether it is one: faults before and after by the fixers' own checks, then the tests.

use std::collections::BTreeMap;

use phase_kit::PhaseError;

use super::{Case, run_trouble, tests_of::Tested, tests_of::Tests};
use crate::{
    fixers::{Bench, Fault, Fixer, FixerError, new_ones},
    scratch::Taken,
};

/// Faults by the fixer whose check found them.
pub(super) type Faults = BTreeMap<String, Vec<Fault>>;

/// Why a content is no fix: stable name, words for people, whether the fixer is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoFix {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) blames_fixer: bool,
}

impl NoFix {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), blames_fixer: true }
    }
}

/// Number of faults.
pub(super) fn sum(faults: &Faults) -> usize {
    faults.values().map(Vec::len).sum()
}

/// Asks every fixer that can say so which faults the file has, as it stands in the scratch place.
pub(super) async fn faults_of(
    case: &Case<'_>,
    bench: Bench<'_>,
    fixers: &[Fixer],
) -> Result<Faults, PhaseError> {
    let mut all = Faults::new();
    let mut missing = None;
    for fixer in fixers.iter().filter(|fixer| fixer.has_check()) {
        match fixer.faults(bench, &case.change.file).await {
            Ok(Some(faults)) => drop(all.insert(fixer.name.clone(), faults)),
            Ok(None) => {}
            // Another fixer may be there.
            Err(FixerError::Run(error @ crate::process::RunError::Missing(_))) => {
                missing = Some(run_trouble(&error))
            }
            Err(FixerError::Run(error)) => return Err(run_trouble(&error)),
            Err(error) => return Err(PhaseError::retry("check-failed", error.to_string())),
        }
    }
    match missing {
        Some(error) if all.is_empty() && fixers.iter().all(Fixer::has_check) => Err(error),
        _ => Ok(all),
    }
}

/// Whether what is wrong after is less than before, and nothing of it new.
pub(super) fn compare(before: &Faults, after: &Faults) -> Result<(), NoFix> {
    for (name, after) in after {
        let new = new_ones(before.get(name).map_or(&[], Vec::as_slice), after);
        if let Some(first) = new.first() {
            let message = format!(
                "{name} finds {} new: line {}: {}: {}",
                new.len(),
                first.line,
                first.code,
                first.message
            );
            return Err(NoFix::new("new-faults", message));
        }
    }
    if sum(before) > 0 && sum(after) >= sum(before) {
        let first = after.values().flatten().next();
        let words = first.map_or_else(String::new, |fault| {
            format!(", first: line {}: {}: {}", fault.line, fault.code, fault.message)
        });
        return Err(NoFix::new("faults-stay", format!("{} faults stay{words}", sum(after))));
    }
    Ok(())
}

/// Runs tests on a content that stands in the scratch place. Where they fail, they are run on the live tree's content too: what
/// was red before is nobody's fault here.
pub(super) async fn test(
    case: &Case<'_>,
    place: &Taken,
    bench: Bench<'_>,
    tests: &Tests,
) -> Result<Result<(), NoFix>, PhaseError> {
    let Tested { passed, said } = tests.run(bench).await?;
    if passed {
        return Ok(Ok(()));
    }
    case.ctx.progress(0, 0, "", "the tests fail; looking whether they did before");
    place.refresh().await.map_err(|error| PhaseError::retry("scratch-failed", crate::desk::chain(&error)))?;
    let before = tests.run(bench).await?;
    Ok(Err(match before.passed {
        true => NoFix::new("tests-broken", format!("the tests fail with the fix: {said}")),
        false => NoFix {
            code: "tests-already-red",
            message: format!("the tests fail without any fix: {}", before.said),
            blames_fixer: false,
        },
    }))
}

/// Writes a content into the scratch place.
pub(super) fn put(case: &Case<'_>, place: &Taken, content: &[u8]) -> Result<(), PhaseError> {
    let path = case.change.file.under(&place.folder());
    std::fs::write(path, content).map_err(|error| PhaseError::retry("scratch-failed", error.to_string()))
}
