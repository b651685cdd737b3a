//! Planted differences of every type and severity: each is found, decided by whoever knows, and mended in the stream that was wrong,
//! with everything else equal bit for bit.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use twindocs::{
    comparison::Streams,
    records::{
        Stream,
        compared::{Action, Authority, BlockingType, Discrepancy, DiscrepancyType as Type, Severity, Status},
        settings::Settings,
    },
    resolution::Answers,
};

use super::world::{World, plant, said, streams, strict};

/// What the code settles: component, field, what is planted there, and how it must be found: type, severity, how it blocks.
const OF_CODE: &str = r#"
main  | callees/load                | null                                                                    | call_graph_edge       | critical | missing_critical_call
main  | callees/Store               | {"component_id":"shop.py::Store","call_site_line":11,"call_type":"direct"}   | call_graph_edge       | critical | false_critical_call
main  | callees/nowhere             | {"component_id":"shop.py::nowhere","call_site_line":11,"call_type":"direct"} | call_graph_edge       | critical | false_critical_call
load  | callers/main                | null                                                                    | call_graph_edge       | high     | missing_critical_call
main  | callees/load/call_site_line | 99                                                                      | call_site_line        | low      |
main  | callees/load/call_type      | "direct"                                                                | call_type_mismatch    | medium   |
load  | parameters/mode             | null                                                                    | missing_parameter     | high     | signature_mismatch
load  | parameters/size             | {"name":"size","description":"How many.","required":true}               | missing_parameter     | high     | signature_mismatch
load  | parameters/path/type        | "bytes"                                                                 | type_annotation       | high     | type_mismatch
load  | parameters/path/type        | null                                                                    | type_annotation       | medium   |
load  | returns/type                | "list"                                                                  | type_annotation       | high     | type_mismatch
load  | returns                     | null                                                                    | return_description    | medium   |
load  | parameters/mode/default     | "'w'"                                                                   | parameter_description | medium   |
load  | parameters/mode/required    | true                                                                    | parameter_description | low      |
"#;

/// What the code leaves open.
const OF_PROSE: &str = r#"
main     | summary                         | "One line that says what shop.py::main may be there for." | documentation_content   | low    |
main     | description                     | "Nothing of it."                                          | documentation_content   | medium |
main     | summary                         | ""                                                        | documentation_content   | high   | missing_public_api_doc
main     | description                     | "Some lines that say more of what it does; the password is kept." | documentation_content | high | security_relevant_gap
clean    | parameters/text/description     | "Anything else."                                          | parameter_description   | medium |
clean    | returns/description             | "The text without blanks at its ends."                    | return_description      | low    |
clean    | returns                         | null                                                      | return_description      | medium |
clean    | returns/type                    | "str"                                                     | type_annotation         | medium |
load     | raises/OSError/condition        | "No right to do it."                                      | exception_documentation | medium |
load     | raises/OSError                  | null                                                      | missing_exception       | medium |
load     | raises/ValueError               | {"type":"ValueError","condition":"A price is no number."} | missing_exception       | high   |
open_all | callees/clean                   | null                                                      | call_graph_edge         | medium |
open_all | callees/load                    | {"component_id":"shop.py::load","call_site_line":43,"call_type":"dynamic"} | call_graph_edge | medium |
Store    | parameters/size                 | {"name":"size","description":"How many."}                 | missing_parameter       | medium | signature_mismatch
"#;

/// A difference.
struct Planted {
    id: String,
    field: String,
    wrong: Value,
    kind: Type,
    severity: Severity,
    authority: Authority,
    blocking: Option<BlockingType>,
}

fn of_code() -> Vec<Planted> {
    rows(OF_CODE, Authority::Analysis)
}

fn of_prose() -> Vec<Planted> {
    rows(OF_PROSE, Authority::Agreement)
}

fn rows(table: &str, authority: Authority) -> Vec<Planted> {
    let rows = table.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [id, field, wrong, kind, severity, blocking] = cells.as_slice() else { panic!("{line}") };
        let is_call = field.starts_with("call");
        let field = match field.split_once('/') {
            Some((side, rest)) if is_call => format!("/call_graph/{side}/shop.py::{rest}"),
            _ => format!("/documentation/{field}"),
        };
        Planted {
            id: format!("shop.py::{id}"),
            field,
            wrong: serde_json::from_str(wrong).expect("JSON"),
            kind: word(kind),
            severity: word(severity),
            authority,
            blocking: (!blocking.is_empty()).then(|| word(blocking)),
        }
    })
    .collect()
}

fn word<T: DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(json!(word)).expect(word)
}

/// The one difference that a comparison finds.
fn only(world: &World, streams: &Streams, it: &Planted) -> Discrepancy {
    let comparison = world.compare(streams, &strict(), None);
    let shown = format!("{} {} {}", it.id, it.field, it.wrong);
    assert_eq!(comparison.discrepancies.len(), 1, "{shown}: {:#?}", comparison.discrepancies);
    let found = comparison.discrepancies[0].clone();
    assert_eq!((&*found.component_id, &*found.field, found.kind), (&*it.id, &*it.field, it.kind), "{shown}");
    assert_eq!(
        (found.severity, found.authority, found.blocking),
        (it.severity, it.authority, it.blocking),
        "{shown}"
    );
    found
}

#[test]
fn equal_streams_that_are_right_have_converged() {
    let world = World::new();
    let comparison = world.compare(&streams(), &Settings::default(), None);
    assert_eq!(comparison.discrepancies, []);
    let summary = &comparison.summary;
    assert_eq!(
        (summary.identical, summary.call_graph_match_rate, summary.documentation_similarity),
        (5, 1.0, 1.0)
    );
    assert_eq!((summary.precision[&Stream::A], summary.recall[&Stream::B]), (1.0, 1.0));
    let ended = world.resolve(streams(), &comparison, &Answers::new());
    assert_eq!((ended.resolved.status, ended.resolved.settled), (Status::Converged, true));
    assert_eq!(ended.streams, streams());
}

#[test]
fn what_the_code_settles_is_found_in_either_stream_and_mended_there_alone() {
    let world = World::new();
    for wrong in Stream::ALL {
        for it in of_code() {
            let mut planted = streams();
            plant(&mut planted, wrong, &it.id, &it.field, &it.wrong);
            let found = only(&world, &planted, &it);
            let right = if wrong == Stream::A { Action::AcceptStreamB } else { Action::AcceptStreamA };
            assert!([right, Action::AcceptGroundTruth].contains(&found.resolution), "{found:?}");
            let comparison = world.compare(&planted, &strict(), None);
            let ended = world.resolve(planted.clone(), &comparison, &Answers::new());
            assert_eq!(ended.streams, streams(), "{} {}: all is as it was before", it.id, it.field);
            let corrections = &ended.resolution.corrections[&wrong][&it.id];
            assert_eq!((ended.resolution.corrections.len(), corrections.len()), (1, 1), "{corrections:?}");
            assert_eq!((&*corrections[0].field, &corrections[0].original_value), (&*it.field, &it.wrong));
            assert!(ended.resolution.feedback.is_empty(), "nobody is asked again");
        }
    }
}

#[test]
fn what_both_say_against_the_code_is_found_and_mended_in_both() {
    let world = World::new();
    // What the code does not need to be told is not told where both leave it out.
    let silent = |it: &Planted| it.kind == Type::TypeAnnotation && it.wrong.is_null();
    for it in of_code().into_iter().filter(|it| !silent(it)) {
        let mut planted = streams();
        Stream::ALL.into_iter().for_each(|stream| plant(&mut planted, stream, &it.id, &it.field, &it.wrong));
        let found = only(&world, &planted, &it);
        assert_eq!(found.resolution, Action::AcceptGroundTruth, "{found:?}");
        let comparison = world.compare(&planted, &strict(), None);
        let ended = world.resolve(planted.clone(), &comparison, &Answers::new());
        assert_eq!(
            world.compare(&ended.streams, &strict(), None).discrepancies,
            [],
            "{} {}",
            it.id,
            it.field
        );
        let changed: usize =
            ended.resolution.corrections.values().flat_map(|it| it.values()).map(Vec::len).sum();
        assert_eq!(changed, 2, "one in each: {:?}", ended.resolution.corrections);
        let mut settings = strict();
        settings.convergence.require_static_validation = false;
        let unasked = world.compare(&planted, &settings, None).discrepancies.is_empty();
        assert_eq!(unasked, it.field.starts_with("/call_graph/"), "unless nobody asks the code for calls");
    }
}

#[test]
fn what_the_code_leaves_open_goes_back_to_the_streams_and_nothing_is_changed() {
    let world = World::new();
    for wrong in Stream::ALL {
        for it in of_prose() {
            let mut planted = streams();
            plant(&mut planted, wrong, &it.id, &it.field, &it.wrong);
            let found = only(&world, &planted, &it);
            assert_eq!((found.resolution, found.requires_ticket), (Action::Deferred, false));
            let comparison = world.compare(&planted, &strict(), None);
            let ended =
                world.resolve_after(planted.clone(), &comparison, &[], None, &Answers::new(), &strict());
            assert_eq!(ended.streams, planted, "{} {}", it.id, it.field);
            assert_eq!((ended.resolved.status, ended.resolved.to_do_again), (Status::InProgress, 1));
            // Who has a text is not asked again because the other has none.
            let told: Vec<_> =
                ended.resolution.feedback.iter().map(|(stream, all)| (*stream, &all[&it.id])).collect();
            assert!(!told.is_empty());
            for (stream, told) in told {
                assert!(!told.message.is_empty());
                if let Some(says) = told.other_says.get(&it.field) {
                    assert_eq!(*says, said(&planted, stream.other(), &it.id, &it.field));
                } else {
                    let edges = told.edges_only_in_other_stream.len() + told.edges_to_verify.len();
                    assert_eq!(edges, 1, "{told:?}");
                }
            }
        }
    }
}

#[test]
fn every_type_severity_and_way_of_blocking_is_among_them() {
    let all: Vec<Planted> = of_code().into_iter().chain(of_prose()).collect();
    assert_eq!(all.iter().map(|it| it.kind).collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(all.iter().map(|it| it.severity).collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(all.iter().filter_map(|it| it.blocking).collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn all_of_them_at_once_are_found_each_and_mended_each() {
    let world = World::new();
    let mut planted = streams();
    let of_code: Vec<Planted> = of_code()
        .into_iter()
        // One at a time in a field.
        .filter(|it| !(it.wrong.is_null() && it.kind == Type::TypeAnnotation))
        .filter(|it| {
            it.field != "/call_graph/callees/shop.py::load"
                && !it.field.ends_with("/parameters/mode")
                && it.field != "/documentation/returns"
        })
        .collect();
    for (at, it) in of_code.iter().enumerate() {
        plant(&mut planted, Stream::ALL[at % 2], &it.id, &it.field, &it.wrong);
    }
    let comparison = world.compare(&planted, &strict(), None);
    assert_eq!(comparison.discrepancies.len(), of_code.len());
    let ended = world.resolve(planted, &comparison, &Answers::new());
    assert_eq!(ended.streams, streams());
    assert!(comparison.summary.precision[&Stream::A] < 1.0 || comparison.summary.precision[&Stream::B] < 1.0);
}
