//! What is deployed beside Segue is held to its metrics: the dashboard, the alert rules, the document for operators.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use orchestrator::metrics::catalog::{CATALOG, Kind, Metric, metric};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metric that a sample's name belongs to.
fn family(name: &str) -> Option<&'static Metric> {
    let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    metric(name)
        .filter(|metric| metric.kind != Kind::Histogram)
        .or_else(|| of_histogram.and_then(metric).filter(|metric| metric.kind == Kind::Histogram))
}

/// Checks the metrics that an expression names, and the labels by which it chooses; the metrics.
fn check(expression: &str, place: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = expression;
    while let Some(at) = rest.find("segue_").into_iter().chain(rest.find("process_")).min() {
        let name: String = rest[at..].chars().take_while(|c| is_word(*c)).collect();
        let known = family(&name).unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
        found.insert(known.name);
        rest = &rest[at + name.len()..];
        let Some(chosen) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { continue };
        for pair in chosen.0.split("\",") {
            let label: String = pair.trim().chars().take_while(|c| is_word(*c)).collect();
            let known = known.labels.contains(&&*label) || ["instance", "job", "le", ""].contains(&&*label);
            assert!(known, "{place}: {name} has no label {label}");
        }
    }
    found
}

/// Every text under `name` in a document.
fn texts<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(name).and_then(Value::as_str));
            members.values().for_each(|value| texts(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|value| texts(value, name, found)),
        _ => {}
    }
}

#[test]
fn every_metric_of_the_dashboard_exists_and_every_metric_is_shown() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/segue.json")).unwrap();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    let shown: BTreeSet<&str> = expressions.iter().flat_map(|one| check(one, "segue.json")).collect();
    let all: BTreeSet<&str> = CATALOG.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
    let ids: Vec<u64> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "a panel's id comes twice");
}

#[test]
fn every_metric_of_the_alerts_exists_and_every_alert_says_what_to_do() {
    let (alerts, document) = (read("deploy/prometheus/alerts.yml"), read("docs/operations.md"));
    let tests = read("deploy/prometheus/alerts_test.yml");
    let used = check(&alerts, "alerts.yml");
    assert!(used.len() > 10, "{used:?}");
    check(&tests, "alerts_test.yml");
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(
            document.contains(&format!("\n### {name}\n")),
            "docs/operations.md does not say what to do on {name}"
        );
        assert!(
            alerts.contains(&format!("docs/operations.md#{}\n", name.to_lowercase())),
            "{name} has no runbook"
        );
        assert!(tests.contains(&format!("alertname: {name}")), "{name} has no test");
    }
}

#[test]
fn the_document_for_operators_has_every_metric_as_it_is() {
    let document = read("docs/operations.md");
    let (_, table) = document.split_once("| --- | --- | --- | --- |\n").unwrap();
    let mut lines = table.lines();
    for Metric { name, kind, labels, help } in &CATALOG {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let expected = format!("| `{name}` | {} | {} | {help} |", kind.word(), labels.join(", "));
        assert_eq!(lines.next(), Some(&*expected), "docs/operations.md, table of metrics");
    }
    assert_eq!(lines.next(), None);
}

/// Only where there is a promtool (the package `prometheus`): its own word on the rules.
#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    let folder = root().join("deploy/prometheus");
    let promtool = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "config", "prometheus.yml"],
    ] {
        match Command::new(&promtool).args(arguments).current_dir(&folder).output() {
            Ok(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => panic!("{error}"),
        }
    }
}
