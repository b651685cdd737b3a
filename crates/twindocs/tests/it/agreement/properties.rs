//! What holds whatever is planted.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use twindocs::{
    comparison::Streams,
    records::{
        Stream,
        compared::{
            Action, Comparison, Discrepancy, HumanResolution, ResolutionSource, Status, TicketAnswer,
        },
        documented::StreamFile,
        settings::Settings,
    },
    resolution::Answers,
    tickets::ticket_id,
};

use super::world::{ALL, CLEAN, LOAD, MAIN, OPEN, World, plant, said, streams, strict};

/// Where something can be planted, and what: right, wrong, or in part.
fn planting() -> impl Strategy<Value = (Stream, &'static str, String, Value)> {
    let id = prop::sample::select(ALL.to_vec());
    let stream = prop::sample::select(Stream::ALL.to_vec());
    let text = prop::sample::select(vec!["", "One line.", "Another line of it.", "It keeps the password."]);
    let sides = prop::sample::select(vec!["callers", "callees"]);
    let line = prop::sample::select(vec![None, Some(12), Some(22), Some(99)]);
    let edge = (sides, prop::sample::select(ALL.to_vec()), any::<bool>(), line).prop_map(
        |(side, other, there, line)| {
            let mut call = json!({ "component_id": other, "call_type": "direct" });
            if let Some(line) = line {
                call["call_site_line"] = json!(line);
            }
            (format!("/call_graph/{side}/{other}"), if there { call } else { Value::Null })
        },
    );
    let words = (prop::sample::select(vec!["summary", "description"]), text)
        .prop_map(|(field, text)| (format!("/documentation/{field}"), json!(text)));
    let names = prop::sample::select(vec!["path", "mode", "size", "text"]);
    let more = prop::sample::select(vec![json!({}), json!({ "type": "str" }), json!({ "default": "'r'" })]);
    let named = (names, any::<bool>(), any::<bool>(), more).prop_map(|(name, there, required, more)| {
        let mut doc = json!({ "name": name, "description": "Something.", "required": required });
        doc.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        (format!("/documentation/parameters/{name}"), if there { doc } else { Value::Null })
    });
    let raised =
        (prop::sample::select(vec!["OSError", "ValueError"]), any::<bool>()).prop_map(|(kind, there)| {
            let doc = json!({ "type": kind, "condition": "It cannot be." });
            (format!("/documentation/raises/{kind}"), if there { doc } else { Value::Null })
        });
    let returned = any::<bool>().prop_map(|there| {
        let doc = json!({ "type": "Store", "description": "Something." });
        ("/documentation/returns".to_owned(), if there { doc } else { Value::Null })
    });
    (stream, id, prop_oneof![edge, words, named, raised, returned])
        .prop_map(|(stream, id, (field, value))| (stream, id, field, value))
}

fn planted() -> impl Strategy<Value = Streams> {
    prop::collection::vec(planting(), 0..12).prop_map(|all| {
        let mut planted = streams();
        for (stream, id, field, value) in all {
            plant(&mut planted, stream, id, &field, &value);
        }
        planted
    })
}

/// A and B exchanged.
fn exchanged(streams: &Streams) -> Streams {
    let turn = |(stream, file): (&Stream, &StreamFile)| {
        (stream.other(), StreamFile { stream: stream.other(), ..file.clone() })
    };
    streams.iter().map(turn).collect()
}

fn exchanged_found(mut it: Discrepancy) -> Discrepancy {
    std::mem::swap(&mut it.stream_a_value, &mut it.stream_b_value);
    it.resolution = match it.resolution {
        Action::AcceptStreamA => Action::AcceptStreamB,
        Action::AcceptStreamB => Action::AcceptStreamA,
        other => other,
    };
    it
}

fn exchanged_figures(of: &BTreeMap<Stream, f64>) -> BTreeMap<Stream, f64> {
    of.iter().map(|(stream, figure)| (stream.other(), *figure)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn equal_streams_differ_in_nothing_but_from_the_code(planted in planted()) {
        let world = World::new();
        let a = planted[&Stream::A].clone();
        let equal: Streams = Stream::ALL.into_iter().map(|stream| (stream, StreamFile { stream, ..a.clone() })).collect();
        let comparison = world.compare(&equal, &Settings::default(), None);
        prop_assert_eq!(comparison.summary.call_graph_match_rate, 1.0);
        prop_assert_eq!(comparison.summary.documentation_similarity, 1.0);
        for it in &comparison.discrepancies {
            prop_assert_eq!(&it.stream_a_value, &it.stream_b_value);
            prop_assert!(it.resolution == Action::AcceptGroundTruth || it.field == "/documentation/summary");
        }
    }

    #[test]
    fn who_is_called_a_makes_no_difference(planted in planted()) {
        let world = World::new();
        let one = world.compare(&planted, &strict(), None);
        let other = world.compare(&exchanged(&planted), &strict(), None);
        let turned: Vec<_> = other.discrepancies.into_iter().map(exchanged_found).collect();
        prop_assert_eq!(one.discrepancies, turned);
        prop_assert_eq!(one.summary.precision, exchanged_figures(&other.summary.precision));
        prop_assert_eq!(one.summary.recall, exchanged_figures(&other.summary.recall));
        prop_assert_eq!(one.summary.documentation_similarity, other.summary.documentation_similarity);
        prop_assert_eq!(one.summary.call_graph_match_rate, other.summary.call_graph_match_rate);
    }

    #[test]
    fn what_was_mended_needs_no_mending(planted in planted()) {
        let world = World::new();
        let first = world.compare(&planted, &strict(), None);
        let once = world.resolve_after(planted, &first, &[], None, &Answers::new(), &strict());
        let second = world.compare(&once.streams, &strict(), None);
        let twice = world.resolve_after(once.streams.clone(), &second, &[], None, &Answers::new(), &strict());
        prop_assert!(twice.resolution.corrections.is_empty(), "{:?}", twice.resolution.corrections);
        prop_assert_eq!(once.streams, twice.streams);
    }

    #[test]
    fn nothing_is_touched_but_what_the_corrections_name(planted in planted()) {
        let world = World::new();
        let comparison = world.compare(&planted, &strict(), None);
        let ended = world.resolve_after(planted.clone(), &comparison, &[], None, &Answers::new(), &strict());
        let mut undone = ended.streams;
        for (stream, components) in &ended.resolution.corrections {
            for (id, corrections) in components {
                for it in corrections.iter().rev() {
                    prop_assert_eq!(&said(&undone, *stream, id, &it.field), &it.corrected_value);
                    plant(&mut undone, *stream, id, &it.field, &it.original_value);
                }
                prop_assert_eq!(sorted(&undone, *stream, id), sorted(&planted, *stream, id));
            }
        }
        for (stream, file) in &planted {
            for (id, entry) in &file.entries {
                let corrected = ended.resolution.corrections.get(stream).is_some_and(|it| it.contains_key(id));
                prop_assert!(corrected || undone[stream].entries[id] == *entry);
            }
        }
    }

    #[test]
    fn a_persons_answer_always_wins(planted in planted(), at in any::<prop::sample::Index>(), right in any::<bool>()) {
        let world = World::new();
        let comparison = world.compare(&planted, &strict(), None);
        prop_assume!(!comparison.discrepancies.is_empty());
        let it = at.get(&comparison.discrepancies).clone();
        let (resolution, right) = if right { (HumanResolution::AcceptA, Stream::A) } else { (HumanResolution::AcceptB, Stream::B) };
        let answer = TicketAnswer { resolution, text: String::new(), by: String::new() };
        let answers: Answers = [(ticket_id(&it.component_id, &it.field), answer)].into();
        let wanted = said(&planted, right, &it.component_id, &it.field);
        let (mut now, mut before): (Streams, Option<Comparison>) = (planted, None);
        // Also in later iterations, in which the code would decide otherwise.
        for _ in 0..3 {
            let comparison = world.compare(&now, &strict(), before.as_ref());
            let ended = world.resolve_after(now, &comparison, &[], None, &answers, &strict());
            for stream in Stream::ALL {
                let whole = it.field.matches('/').count() <= 3 || it.field.starts_with("/call_graph/");
                prop_assert!(!whole || said(&ended.streams, stream, &it.component_id, &it.field) == wanted);
            }
            let decided = ended.resolution.decided.iter().filter(|one| one.discrepancy_id == it.discrepancy_id);
            for one in decided {
                prop_assert_eq!(one.resolution_source, ResolutionSource::HumanReview);
            }
            (now, before) = (ended.streams, Some(comparison));
        }
    }

    #[test]
    fn the_iterations_end_whatever_the_streams_write(all in prop::collection::vec(planted(), 6), most in 1..6_u32) {
        let world = World::new();
        let settings = Settings { max_iterations: most, ..strict() };
        let (mut comparisons, mut before): (Vec<Comparison>, _) = (Vec::new(), None);
        for (at, streams) in all.into_iter().enumerate() {
            let comparison = world.compare(&streams, &settings, comparisons.last());
            let earlier: Vec<&Comparison> = comparisons.iter().rev().take(2).collect();
            let ended = world.resolve_after(streams, &comparison, &earlier, before.as_ref(), &Answers::new(), &settings);
            let turn = u32::try_from(at).expect("few") + 1;
            prop_assert_eq!(ended.resolved.settled, ended.resolved.status != Status::InProgress);
            prop_assert!(ended.resolved.settled || turn < most);
            prop_assert!(!ended.resolved.settled || ended.resolution.feedback.is_empty());
            if ended.resolved.settled {
                return Ok(());
            }
            comparisons.push(comparison);
            before = Some(ended.resolution);
        }
    }

    #[test]
    fn streams_that_say_the_same_again_are_not_asked_for_ever(planted in planted()) {
        let world = World::new();
        let settings = Settings { max_iterations: 20, ..strict() };
        let (mut now, mut comparisons, mut before): (_, Vec<Comparison>, _) = (planted, Vec::new(), None);
        for turn in 1..=20 {
            let comparison = world.compare(&now, &settings, comparisons.last());
            let earlier: Vec<&Comparison> = comparisons.iter().rev().take(2).collect();
            let ended = world.resolve_after(now, &comparison, &earlier, before.as_ref(), &Answers::new(), &settings);
            if ended.resolved.settled {
                prop_assert!(turn <= 5, "after {} turns", turn);
                return Ok(());
            }
            (now, before) = (ended.streams, Some(ended.resolution));
            comparisons.push(comparison);
        }
        prop_assert!(false, "it goes on for ever");
    }
}

/// An entry as text, its lists without their order: a member that is taken away and put back stands at the end.
fn sorted(streams: &Streams, stream: Stream, id: &str) -> String {
    let mut entry = streams[&stream].entries[id].clone();
    entry.documentation.parameters.sort_by(|a, b| a.name.cmp(&b.name));
    entry.documentation.raises.sort();
    serde_json::to_string(&entry).expect("JSON")
}

#[test]
fn what_is_planted_can_be_everywhere() {
    // The world has each kind of call: evident, a strong hint, a weak one, one that is open.
    let world = World::new();
    let truth = world.truth();
    use twindocs::comparison::{field::Side::Callees, truth::Verdict};
    assert!(matches!(truth.verdict(MAIN, Callees, LOAD), Verdict::Evident(_)));
    assert!(matches!(truth.verdict(MAIN, Callees, CLEAN), Verdict::Hint(_)));
    assert_eq!(truth.verdict(OPEN, Callees, LOAD), Verdict::Open);
    assert_eq!(truth.verdict(CLEAN, Callees, LOAD), Verdict::RuledOut);
}
