//! `seed_pairs_report.json`: the uniqueness check (one known text, one target text), and where each translation came from.
//!
//! The original's report also has a timestamp. Ours has none on purpose: the same input gives the same bytes, in a run that
//! was killed and in one that was not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::SeedPairs;
use crate::text::normal;

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    pub(super) status: &'static str,
    pub(super) total_seeds: usize,
    pub(super) unique_known_seeds: usize,
    pub(super) violation_count: usize,
    pub(super) violations: Vec<Violation<'a>>,
    /// What has to be made again; only on FAIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<Manifest<'a>>,
    /// Seed id to who translated it: `correction`, `given`, `memory` or a translator's name. Only the first three are reviewed.
    pub(super) sources: BTreeMap<&'a str, &'a str>,
}

/// A known text with several target texts.
#[derive(Debug, Serialize)]
pub(super) struct Violation<'a> {
    known: String,
    mappings: Vec<Mapping<'a>>,
}

/// One of them, and which seeds have it.
#[derive(Debug, Serialize)]
pub(super) struct Mapping<'a> {
    target: String,
    seeds: Vec<SeedRef<'a>>,
}

/// A seed.
#[derive(Debug, Serialize)]
pub(super) struct SeedRef<'a> {
    seed_id: &'a str,
}

/// What a violation means for the course.
#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    reason: &'static str,
    affected_seeds: BTreeSet<&'a str>,
    cascade_impact: String,
    violations_by_seed: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Report<'a> {
    /// Checks the pairs of a file.
    pub(super) fn of(pairs: &'a SeedPairs, sources: BTreeMap<&'a str, &'a str>) -> Self {
        let mut known: BTreeMap<String, BTreeMap<String, Vec<SeedRef<'_>>>> = BTreeMap::new();
        for (id, pair) in &pairs.translations {
            let targets = known.entry(normal(&pair.known)).or_default();
            targets.entry(normal(&pair.target)).or_default().push(SeedRef { seed_id: id });
        }
        let unique_known_seeds = known.len();
        let violations: Vec<Violation<'_>> = known
            .into_iter()
            .filter(|(_, targets)| targets.len() > 1)
            .map(|(known, targets)| Violation {
                known,
                mappings: targets.into_iter().map(|(target, seeds)| Mapping { target, seeds }).collect(),
            })
            .collect();
        Self {
            status: if violations.is_empty() { "PASS" } else { "FAIL" },
            total_seeds: pairs.translations.len(),
            unique_known_seeds,
            violation_count: violations.len(),
            manifest: manifest(&violations),
            violations,
            sources,
        }
    }
}

fn manifest<'a>(violations: &[Violation<'a>]) -> Option<Manifest<'a>> {
    let mut by_seed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for violation in violations {
        for seed in violation.mappings.iter().flat_map(|mapping| &mapping.seeds) {
            by_seed.entry(seed.seed_id).or_default().push(violation.known.clone());
        }
    }
    let first = *by_seed.keys().next()?;
    Some(Manifest {
        reason: "a known text has more than one target text",
        affected_seeds: by_seed.keys().copied().collect(),
        cascade_impact: format!("LEGOs and baskets from {first} on"),
        violations_by_seed: by_seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FORMAT_VERSION, Pair};

    fn pairs(all: &[(&str, &str)]) -> SeedPairs {
        let pair = |(at, (known, target)): (usize, &(&str, &str))| {
            let pair = Pair { known: (*known).to_owned(), target: (*target).to_owned() };
            (format!("S{:04}", at + 1), pair)
        };
        SeedPairs {
            version: FORMAT_VERSION.to_owned(),
            course: "spa_for_eng".to_owned(),
            target_language: "spa".to_owned(),
            known_language: "eng".to_owned(),
            total_seeds: all.len(),
            translations: all.iter().enumerate().map(pair).collect(),
            held_back: BTreeMap::new(),
        }
    }

    #[test]
    fn one_known_text_with_two_target_texts_fails_and_names_the_seeds() {
        let file = pairs(&[("Hello.", "Hola."), ("Yes.", "Sí."), (" hello. ", "Buenas.")]);
        let report = Report::of(&file, BTreeMap::new());
        expect_test::expect![[r#"{"status":"FAIL","total_seeds":3,"unique_known_seeds":2,"violation_count":1,"violations":[{"known":"hello.","mappings":[{"target":"buenas.","seeds":[{"seed_id":"S0003"}]},{"target":"hola.","seeds":[{"seed_id":"S0001"}]}]}],"manifest":{"reason":"a known text has more than one target text","affected_seeds":["S0001","S0003"],"cascade_impact":"LEGOs and baskets from S0001 on","violations_by_seed":{"S0001":["hello."],"S0003":["hello."]}},"sources":{}}"#]]
            .assert_eq(&serde_json::to_string(&report).unwrap());
    }

    #[test]
    fn the_same_pair_in_other_letters_is_no_violation() {
        let file = pairs(&[("Hello.", "Hola."), ("hello.", "hola.")]);
        let report = Report::of(&file, BTreeMap::from([("S0001", "memory")]));
        assert_eq!((report.status, report.unique_known_seeds), ("PASS", 1));
        assert!(report.manifest.is_none());
    }
}
