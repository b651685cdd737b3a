//! The rules of this repository that no compiler checks, each in a file of its own.
//!
//! A check takes the [`Repo`] and adds [`Finding`]s. Each file has two kinds of tests: a planted fault that must be found,
//! and the repository itself, in which nothing may be found. So `cargo test` is the whole truth, and `cargo xtask tidy` only
//! shows it better.

mod arrows;
mod crate_shape;
mod engine_purity;
mod error_pages;
mod event_stories;
mod exceptions;
mod length;
mod links;
mod module_doc;
mod outside_names;
mod test_rules;
mod todo;
mod wiring;
mod words;

use std::fmt::{self, Write};

use crate::repo::Repo;

/// One broken rule at one place.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) why: &'static str,
    pub(crate) remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}:{}: {}", self.path, self.line.max(1), self.what)?;
        writeln!(out, "    why:    {}", self.why)?;
        writeln!(out, "    remedy: {}", self.remedy)
    }
}

type Check = fn(&Repo, &mut Vec<Finding>);

/// Every check, in the order in which it is run and printed.
const CHECKS: [(&str, Check); 14] = [
    ("module docs", module_doc::check),
    ("lengths", length::check),
    ("exceptions with a reason", exceptions::check),
    ("test rules", test_rules::check),
    ("no loose ends", todo::check),
    ("crate arrows", arrows::check),
    ("crate shape", crate_shape::check),
    ("engine purity", engine_purity::check),
    ("error pages", error_pages::check),
    ("event stories", event_stories::check),
    ("words", words::check),
    ("outside names", outside_names::check),
    ("links", links::check),
    ("wiring", wiring::check),
];

/// Runs every check.
///
/// # Errors
/// The findings as text, where there are any.
pub(crate) fn run(repo: &Repo) -> Result<String, String> {
    let mut findings = Vec::new();
    for (_, check) in CHECKS {
        check(repo, &mut findings);
    }
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&finding.to_string());
    }
    let _ = writeln!(text, "{}", length::summary(repo));
    for exception in exceptions::list(repo) {
        let _ = writeln!(text, "exception: {exception}");
    }
    let names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    if findings.is_empty() {
        let _ = writeln!(text, "tidy: nothing found by {} checks ({})", CHECKS.len(), names.join(", "));
        Ok(text)
    } else {
        let _ = writeln!(text, "tidy: {} findings", findings.len());
        Err(text)
    }
}

/// Fails with the findings as text, where `check` finds something in this repository.
#[cfg(test)]
fn assert_clean_here(check: Check) {
    let repo = Repo::load(&crate::repo::root()).unwrap();
    assert!(repo.files.len() > 20, "the repository was not read");
    let found: String = found_in(check, &repo).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "\n{found}");
}

#[cfg(test)]
fn found_in(check: Check, repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    check(repo, &mut findings);
    findings
}
