//! The call graph against small projects whose edges were written down by hand, by category.

#![expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use twindocs::analysis::{
    Analysis, analyse,
    source::{Selection, read},
};

pub(crate) fn folder(language: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test_data").join(language)
}

pub(crate) fn analysis_of(language: &str) -> Analysis {
    analyse(&read(&folder(language), &Selection::default()).expect("it is there")).expect("it runs")
}

/// Compares with `edges.txt`: every category's recall must reach its floor, and the precision of all together its own.
fn measure(language: &str, precision_floor: f64, recall_floors: &[(&str, f64)]) {
    let text = std::fs::read_to_string(folder(language).join("edges.txt")).expect("it is there");
    let mut truth: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for line in text.lines() {
        let (category, rest) = line.split_once(' ').expect("a category");
        let (caller, callee) = rest.split_once(" -> ").expect("two components");
        truth.entry(category).or_default().insert((caller, callee));
    }
    let analysis = analysis_of(language);
    let found: BTreeSet<(&str, &str)> =
        analysis.graph.edges.iter().map(|it| (it.caller.as_str(), it.callee.as_str())).collect();
    let ids: BTreeSet<&str> = analysis.components.iter().map(|it| it.id.as_str()).collect();
    let all: BTreeSet<(&str, &str)> = truth.values().flatten().copied().collect();
    for id in all.iter().flat_map(|it| [it.0, it.1]) {
        assert!(ids.contains(id), "{language}: the truth names {id}, which is no component of {ids:#?}");
    }
    let wrong: Vec<_> = found.difference(&all).collect();
    let precision = (found.len() - wrong.len()) as f64 / found.len().max(1) as f64;
    println!(
        "{language}: {} edges found, {} true; precision {precision:.3}; not true: {wrong:#?}",
        found.len(),
        all.len()
    );
    let mut low = Vec::new();
    for (category, edges) in &truth {
        let missed: Vec<_> = edges.difference(&found).collect();
        let recall = (edges.len() - missed.len()) as f64 / edges.len() as f64;
        println!("  {category:12} {:3} edges, recall {recall:.3}, missed {missed:?}", edges.len());
        let floor = recall_floors.iter().find(|it| it.0 == *category).map_or(1.0, |it| it.1);
        if recall < floor {
            low.push(format!("{category} {recall:.3} < {floor}: {missed:?}"));
        }
    }
    assert!(precision >= precision_floor, "{language}: precision {precision:.3}: {wrong:#?}");
    assert!(low.is_empty(), "{language}: {low:#?}");
}

#[test]
fn python_against_edges_written_by_hand() {
    measure("python", 1.0, &[]);
}

#[test]
fn rust_against_edges_written_by_hand() {
    measure("rust", 1.0, &[]);
}

#[test]
fn typescript_and_javascript_against_edges_written_by_hand() {
    measure("typescript", 1.0, &[]);
}

#[test]
fn go_against_edges_written_by_hand() {
    measure("go", 1.0, &[]);
}

#[test]
fn java_against_edges_written_by_hand() {
    measure("java", 1.0, &[]);
}
