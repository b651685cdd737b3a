//! The package: what is in it, what it says of disagreements, and that it stands alone.

use std::collections::{BTreeMap, BTreeSet};

use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost},
};
use protocol::{Callback, CallbackStatus};
use serde_json::{Value, json};
use twindocs::{
    package::{
        Package, build,
        graph::{EdgeSource, MergedGraph},
        merge::{DifferenceState, MergedDocumentation, Source},
        metrics::Metrics,
        parts::Parts,
        rebuild::ticket_id,
        report::Report,
    },
    records::{
        Stream,
        compared::{Status, TicketState},
        names,
    },
    registry::CATALOG,
};

use crate::{call_truth::analysis_of, made_up::parts};

fn text<'a>(package: &'a Package, name: &str) -> &'a str {
    let file = package.files.iter().find(|it| it.name == name).expect("it is in the package");
    std::str::from_utf8(&file.bytes).expect("it is text")
}

fn read<T: serde::de::DeserializeOwned>(package: &Package, name: &str) -> T {
    serde_json::from_str(text(package, name)).expect("it fits")
}

fn made(parts: &Parts) -> (Package, MergedDocumentation) {
    let package = build(parts).expect("it is written");
    let documentation = read(&package, "documentation.json");
    (package, documentation)
}

#[test]
fn the_same_parts_give_the_same_bytes_and_time_is_all_that_another_moment_changes() {
    let analysis = analysis_of("python");
    let first = made(&parts(&analysis)).0;
    assert_eq!(first.files, made(&parts(&analysis)).0.files);
    let mut later = parts(&analysis);
    let early = later.job.completed_at.to_string();
    later.job.completed_at = "2027-01-01T00:00:00Z".parse().expect("a time");
    for (one, other) in first.files.iter().zip(made(&later).0.files) {
        let other = String::from_utf8(other.bytes).expect("text").replace("2027-01-01T00:00:00Z", &early);
        assert_eq!(one.bytes, other.into_bytes(), "{}", one.name);
    }
}

/// domain 3.12, item 9: the original took A when both existed, even where they differed.
#[test]
fn where_the_streams_differ_both_are_shown_and_the_confidence_says_so() {
    let parts = parts(&analysis_of("python"));
    let (package, documentation) = made(&parts);
    assert_eq!(documentation.len(), parts.components.components.len());
    let (mut open, mut agreed) = (0, 0);
    for (id, merged) in &documentation {
        let left: Vec<_> = parts.outcome.remaining.iter().filter(|it| it.component_id == *id).collect();
        assert_eq!(merged.open().count(), left.len(), "{id}");
        let page = text(&package, &format!("docs/{}.md", id.split("::").next().expect("a path")));
        for (shown, discrepancy) in merged.open().zip(left) {
            open += 1;
            assert_eq!(
                (&shown.stream_a, &shown.stream_b),
                (&discrepancy.stream_a_value, &discrepancy.stream_b_value)
            );
            assert!(merged.confidence_score <= if shown.blocking.is_some() { 59 } else { 79 }, "{id}");
            if let [Some(a), Some(b)] = [&shown.stream_a, &shown.stream_b].map(Value::as_str) {
                assert!(page.contains(a) && page.contains(b), "{id} shows both in Markdown");
            }
        }
        if merged.open().next().is_none() && merged.source_stream == Some(Source::Merged) {
            agreed += 1;
            assert!(merged.confidence_score >= 80, "{id}: {}", merged.confidence_score);
            assert!(merged.differences.iter().all(|it| it.state == DifferenceState::Wording));
        }
    }
    assert!(open >= 2 && agreed > 5, "{open} open, {agreed} agreed");
}

#[test]
fn what_one_stream_could_not_do_is_the_others_and_is_listed() {
    let parts = parts(&analysis_of("python"));
    let (package, documentation) = made(&parts);
    let failed = &parts.components.components.last().expect("there are some").id;
    let merged = &documentation[failed];
    assert_eq!(merged.source_stream, Some(Source::A));
    assert_eq!(merged.failed[&Stream::B].code, "invalid-answer");
    let report: Report = read(&package, "convergence_report.json");
    assert_eq!(report.failed_components.len(), 1);
    assert!(
        report.recommendations.iter().any(|it| it.contains("invalid-answer") && it.contains(failed.as_str()))
    );
    assert!(text(&package, "convergence_report.md").contains("the answer was no JSON, twice"));
}

#[test]
fn the_report_has_history_gaps_trends_and_what_expired() {
    let parts = parts(&analysis_of("python"));
    let (package, _) = made(&parts);
    let report: Report = read(&package, "convergence_report.json");
    assert_eq!(
        (report.final_status, report.forced_convergence, report.converged),
        (Status::Forced, true, false)
    );
    let reached: Vec<(&str, bool)> = report.criteria.iter().map(|it| (&*it.name, it.holds)).collect();
    assert_eq!(reached[..2], [("call_graph", true), ("documentation", false)]);
    let gap = report.criteria[1].gap.expect("it was measured");
    assert!((gap - 0.013).abs() < 1e-9, "{gap}");
    assert_eq!(report.trends["call_graph_match_rate"], [0.842, 0.991]);
    assert_eq!(report.expired_tickets, ["bd-0a1b2c3d"]);
    assert!(report.recommendations.iter().any(|it| it.contains("bd-0a1b2c3d")));
    let svg = text(&package, "trends.svg");
    assert!(svg.contains("prefers-color-scheme:dark") && svg.matches("<polyline").count() == 3, "{svg}");
    assert!(svg.contains("iteration 2: calls 0.991, texts 0.937"), "who does not see it is told");
}

/// domain 3.12, item 11: tickets that were written were counted as resolved by people.
#[test]
fn only_an_answer_that_was_applied_counts_as_decided_by_people() {
    let mut parts = parts(&analysis_of("python"));
    let count = |parts: &Parts| read::<Metrics>(&made(parts).0, "metrics.json");
    let before = count(&parts);
    assert_eq!((before.discrepancies_by_people, before.tickets[&TicketState::Expired]), (0, 1));
    assert_eq!(before.discrepancies_unresolved, parts.outcome.remaining.len());
    parts.outcome.remaining.remove(0);
    parts.outcome.tickets.insert("bd-0a1b2c3d".to_owned(), TicketState::Applied);
    let after = count(&parts);
    assert_eq!(after.discrepancies_by_people, 1);
    assert_eq!(after.discrepancies_total, before.discrepancies_total);
    assert_eq!(after.discrepancies_unresolved + 1, before.discrepancies_unresolved);
}

#[test]
fn the_graph_says_who_has_each_edge() {
    let parts = parts(&analysis_of("python"));
    let (package, documentation) = made(&parts);
    let graph: MergedGraph = read(&package, "call_graph.json");
    let truth: BTreeSet<(&str, &str)> =
        parts.graph.edges.iter().map(|it| (it.caller.as_str(), it.callee.as_str())).collect();
    let open: Vec<_> = graph.edges.iter().filter(|it| it.open).collect();
    assert!(!open.is_empty());
    for edge in &graph.edges {
        let in_code = truth.contains(&(&*edge.caller, &*edge.callee));
        assert_eq!(edge.sources.contains(&EdgeSource::Code), in_code, "{edge:?}");
        assert!(!edge.open || edge.confidence <= 0.5, "{edge:?}");
        assert!(
            documentation[&edge.callee].callers.iter().any(|it| it.component_id == edge.caller),
            "{edge:?}"
        );
    }
    assert!(truth.len() <= graph.edge_count);
}

#[test]
fn rebuild_tickets_are_beads_lines_that_nobody_waits_for_in_a_circle() {
    let parts = parts(&analysis_of("python"));
    let (package, documentation) = made(&parts);
    let lines = text(&package, "rebuild_tickets.jsonl").lines();
    let tickets: Vec<Value> = lines.map(|it| serde_json::from_str(it).expect("JSON")).collect();
    assert_eq!(tickets.len(), documentation.len());
    let mut seen = BTreeSet::new();
    for ticket in &tickets {
        let fields = ticket.as_object().expect("an object");
        assert!(
            fields.values().all(|it| !it.is_null() && it != "" && *it != json!([])),
            "no empty field: {ticket}"
        );
        assert_eq!((&ticket["status"], &ticket["issue_type"]), (&json!("open"), &json!("story")));
        assert_eq!(ticket["acceptance_criteria"].as_str().expect("text").lines().count(), 5);
        let id = ticket["id"].as_str().expect("an id");
        for dependency in ticket["dependencies"].as_array().into_iter().flatten() {
            let before = dependency["depends_on_id"].as_str().expect("an id");
            assert_eq!(dependency["issue_id"], id);
            assert!(dependency["type"] == "related" || seen.contains(before), "{before} stands before {id}");
        }
        assert!(seen.insert(id), "{id} twice");
        assert_eq!(id, ticket_id(ticket["external_ref"].as_str().expect("a component")));
    }
}

#[test]
fn the_page_stands_alone_and_text_stays_text() {
    let mut parts = parts(&analysis_of("python"));
    let file = parts.streams.get_mut(&Stream::A).expect("it is there");
    let first = file.entries.values_mut().next().expect("there are some");
    let bad = "</script><script>alert(1)</script><!-- @@data@@";
    bad.clone_into(&mut first.documentation.summary);
    parts.job.key = "<b>&".to_owned();
    let package = made(&parts).0;
    let page = text(&package, "index.html");
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert!(!page.contains("alert(1)</script>") && page.contains("<title>&lt;b>&amp;, documented</title>"));
    let vocabulary = "http://www.w3.org/2000/svg";
    let foreign = page.replace(vocabulary, "");
    for forbidden in ["http:", "https:", "@import", "innerHTML", "eval(", "<link", " src="] {
        assert!(!foreign.contains(forbidden), "the page has {forbidden}");
    }
    let data =
        page.split("id=\"data\">").nth(1).and_then(|it| it.split("</script>").next()).expect("it is there");
    let data: Value = serde_json::from_str(data).expect("JSON");
    let shown = data["components"].as_array().expect("a list").iter();
    assert!(shown.map(|it| &it["documentation"]["summary"]).any(|it| it == bad));
}

#[test]
fn every_link_of_the_markdown_leads_to_a_place() {
    let package = made(&parts(&analysis_of("python"))).0;
    let pages: BTreeMap<&str, &str> = package
        .files
        .iter()
        .filter(|it| it.name.ends_with(".md"))
        .map(|it| (&*it.name, std::str::from_utf8(&it.bytes).expect("text")))
        .collect();
    let mut links = 0;
    for (name, page) in &pages {
        for link in page.split("](").skip(1).filter_map(|it| it.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let mut place: Vec<&str> = name.split('/').collect();
            if !path.is_empty() {
                place.pop();
                for piece in path.split('/') {
                    if piece == ".." {
                        place.truncate(place.len() - 1);
                    } else {
                        place.push(piece)
                    }
                }
            }
            let target = place.join("/");
            if target.ends_with(".svg") {
                continue;
            }
            let there = pages.get(&*target).unwrap_or_else(|| panic!("{name}: {link} leads to no {target}"));
            assert!(anchor.is_empty() || there.contains(&format!("<a id=\"{anchor}\">")), "{name}: {link}");
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

async fn run(fake: &FakeOrchestrator) -> Callback {
    let own = tempfile::tempdir().expect("a folder");
    let settings =
        ServiceSettings { data_dir: own.path().to_owned(), capacity: 1, ..ServiceSettings::default() };
    let host = ServiceHost::start(CATALOG.service("package", &settings).expect("it is known"));
    let request = fake.request("package", &json!({ "path": "shop" }));
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

#[tokio::test]
async fn the_phase_stores_the_package_and_adds_up_what_each_role_used() {
    let fake = FakeOrchestrator::start().await;
    let parts = parts(&analysis_of("python"));
    let put = |name: String, value: Value| fake.put_artifact(&name, value.to_string());
    put(names::COMPONENTS.to_owned(), json!(parts.components));
    put(names::CALL_GRAPH.to_owned(), json!(parts.graph));
    for turn in &parts.turns {
        put(names::comparison(turn.iteration), json!(turn.comparison));
        put(names::resolution(turn.iteration), json!(turn.resolution));
    }
    for (stream, file) in &parts.streams {
        for iteration in 1..=2 {
            put(
                names::spent(*stream, iteration, "documenter"),
                json!({ "calls": 3, "tokens": 900, "usd": 0.001 }),
            );
        }
        for batch in 0..3 {
            put(
                names::spent(*stream, 1, &format!("validator-{batch}")),
                json!({ "calls": 1, "tokens": 100, "usd": 0.0 }),
            );
        }
        put(names::resolved(*stream, 2), json!(file));
    }
    let missing = run(&fake).await.error.expect("it fails");
    assert_eq!((&*missing.code, missing.retryable), ("missing-artifact", false), "{}", missing.message);
    put(names::OUTCOME.to_owned(), json!(parts.outcome));
    fake.put_artifact(names::TICKETS, format!("{}\n", parts.tickets[0]));

    let callback = run(&fake).await;
    assert_eq!(callback.status, CallbackStatus::Complete, "{callback:?}");
    let output: Value = serde_json::from_str(callback.output.expect("it has one").get()).expect("JSON");
    let metrics: Metrics =
        serde_json::from_slice(&fake.artifact("package/metrics.json").expect("it was stored"))
            .expect("it fits");
    let tokens = ["A1", "A2", "B1", "B2"].map(|it| metrics.spent[it].tokens);
    assert_eq!((tokens, metrics.spent["A1"].calls), ([1800, 300, 1800, 300], 6));
    assert_eq!(output["tokens"], metrics.tokens_total);
    assert_eq!(output["page"], "package/index.html");
    for name in
        ["index.html", "trends.svg", "docs/index.md", "docs/shop/stock.py.md", "rebuild_tickets.jsonl"]
    {
        assert!(fake.artifact(&format!("package/{name}")).is_some(), "{name}");
    }
}
