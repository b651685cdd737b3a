//! What a check found, and how it is told: in words for people, in JSON for machines.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Verdict {
    Right,
    /// Jobs are safe, but it costs something.
    Warning,
    Fault,
    /// Optional, and not there.
    NotOffered,
    NotChecked,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What a good service does.
    pub(super) expected: &'static str,
    /// What this one did.
    pub(super) seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<&'static str>,
}

/// A check's name and what it expects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) check: &'static str,
    pub(super) expected: &'static str,
    /// What mends it.
    pub(super) mend: &'static str,
}

impl Rule {
    pub(super) fn right(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::Right, seen)
    }

    pub(super) fn warning(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::Warning, seen)
    }

    pub(super) fn fault(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::Fault, seen)
    }

    pub(super) fn not_offered(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::NotOffered, seen)
    }

    pub(super) fn not_checked(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::NotChecked, seen)
    }

    fn found(self, verdict: Verdict, seen: impl Into<String>) -> Finding {
        let wrong = matches!(verdict, Verdict::Warning | Verdict::Fault);
        Finding {
            check: self.check,
            verdict,
            expected: self.expected,
            seen: seen.into(),
            mend: wrong.then_some(self.mend),
        }
    }
}

/// What comes first in a report, by how the checks' names begin.
const GROUPS: [&str; 8] = ["start", "callback", "health", "status", "progress", "cancel", "pause", "crash"];

/// Everything that was found, in the order of the checks.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) phase: String,
    pub(super) passed: bool,
    pub(super) warnings: usize,
    pub(super) faults: usize,
    pub(super) checks: Vec<Finding>,
}

impl Report {
    pub(super) fn new(service: &str, phase: &str, strict: bool, mut checks: Vec<Finding>) -> Self {
        // Some can only be judged at the end; all are told in one order.
        let group = |finding: &Finding| GROUPS.iter().position(|group| finding.check.starts_with(group));
        checks.sort_by_key(group);
        let count = |verdict| checks.iter().filter(|finding| finding.verdict == verdict).count();
        let (warnings, faults) = (count(Verdict::Warning), count(Verdict::Fault));
        let passed = faults == 0 && (warnings == 0 || !strict);
        Self { service: service.to_owned(), phase: phase.to_owned(), passed, warnings, faults, checks }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} as phase '{}'\n", self.service, self.phase);
        for finding in &self.checks {
            let sign = match finding.verdict {
                Verdict::Right => '✓',
                Verdict::Warning => '!',
                Verdict::Fault => '✗',
                Verdict::NotOffered | Verdict::NotChecked => '·',
            };
            let Some(mend) = finding.mend else {
                text.push_str(&format!("  {sign} {:22} {}\n", finding.check, finding.seen));
                continue;
            };
            text.push_str(&format!(
                "  {sign} {:22} {}\n      expected  {}\n      mend      {mend}\n",
                finding.check, finding.seen, finding.expected
            ));
        }
        let right = self.checks.iter().filter(|finding| finding.verdict == Verdict::Right).count();
        let verdict = if self.passed { "passed" } else { "not passed" };
        let (warnings, faults) = (counted(self.warnings, "warning"), counted(self.faults, "fault"));
        text.push_str(&format!("{verdict}: {right} right, {warnings}, {faults}"));
        text
    }
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}
