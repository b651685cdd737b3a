//! The original's proven faults that concern the rules, one test each, under its number; and what holds for any text.

use std::sync::LazyLock;

use proptest::prelude::*;
use theatre::{
    model::{Action, ClauseKind, Context, Line, MachineId, MatchType, Temporal, Understanding},
    rules::understand,
    surgery::Library,
};

use crate::rules_utterances::{changes, last, utterance};

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::built_in().expect("they are right"));

fn pcnl(text: &str) -> Understanding {
    understand(LIBRARY.get("PCNL").expect("it is there"), &utterance("PCNL", text, Vec::new()))
}

fn assert_changes(text: &str, expected: &[&str]) {
    let found = changes(&pcnl(text));
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        expected,
        "{text}: {:#?}",
        pcnl(text).clauses
    );
}

#[test]
fn fault_3_each_verb_binds_its_own_machine() {
    assert_changes("turn on the suction and stop the irrigation", &["M05=OFF", "M06=ON"]);
    assert_changes("do not stop the ventilator but turn off the suction", &["M06=OFF"]);
    assert_changes("suction on and irrigation stop", &["M05=OFF", "M06=ON"]);
}

#[test]
fn an_order_that_contradicts_itself_switches_nothing() {
    for text in ["turn on the suction off", "switch off the irrigation on", "turn on the lights off please"] {
        assert_changes(text, &[]);
    }
    assert_changes("turn on the suction and the irrigation off", &["M05=OFF", "M06=ON"]);
}

#[test]
fn fault_3_questions_and_remarks_switch_nothing() {
    for (text, kind) in [
        ("is the suction on?", ClauseKind::Question),
        ("is the suction on", ClauseKind::Question),
        ("suction is not working", ClauseKind::Remark),
    ] {
        let understood = pcnl(text);
        assert_eq!((understood.toggles.len(), understood.pending.len()), (0, 0), "{text}");
        assert_eq!(understood.clauses[0].kind, kind, "{text}");
        assert!(!understood.clauses[0].why.is_empty());
    }
}

#[test]
fn fault_3_wait_before_an_order_does_not_turn_it_round() {
    assert_changes("wait, start the suction", &["M06=ON"]);
}

#[test]
fn fault_3_a_negation_changes_nothing_but_leave_off_switches_off() {
    let understood = pcnl("don't turn on the suction");
    assert!(understood.toggles.is_empty());
    assert_eq!(understood.clauses[0].kind, ClauseKind::Negated);
    assert_eq!(understood.negations, ["do not"]);
    assert_changes("leave the suction off", &["M06=OFF"]);
}

#[test]
fn fault_4_bring_up_is_an_order() {
    assert_changes("bring up the suction", &["M06=ON"]);
    assert_changes("bring the suction up", &["M06=ON"]);
}

#[test]
fn fault_4_after_when_and_in_five_minutes_are_not_now() {
    for (text, temporal, seconds, condition) in [
        ("turn on the suction after the stone is out", Temporal::After, None, "after the stone is out"),
        ("when the stone is out turn on the suction", Temporal::When, None, "when the stone is out"),
        ("turn on the suction in 5 minutes", Temporal::InTime, Some(300), "in 5 minutes"),
        ("in five minutes turn on the suction", Temporal::InTime, Some(300), "in five minutes"),
        ("before we close, suction on", Temporal::Before, None, "before we close"),
        ("suction on during the puncture", Temporal::During, None, "during the puncture"),
    ] {
        let understood = pcnl(text);
        assert!(understood.toggles.is_empty(), "{text}");
        let [pending] = &understood.pending[..] else { panic!("{text}: {understood:#?}") };
        assert_eq!(
            (pending.temporal, pending.in_seconds, &*pending.condition),
            (temporal, seconds, condition),
            "{text}"
        );
        assert_eq!((pending.toggle.machine_id.as_str(), pending.toggle.action), ("M06", Action::On));
        assert_eq!(understood.clauses[0].kind, ClauseKind::Pending);
    }
    assert_changes("turn on the suction right now", &["M06=ON"]);
}

#[test]
fn fault_9_who_said_it_is_carried() {
    assert_eq!(pcnl("suction on").speaker, "surgeon");
}

#[test]
fn confidence_is_of_the_match_the_negation_and_the_haste() {
    for (text, confidence, kind) in [
        ("suction on", 0.95, MatchType::Trigger),
        ("aspirator on", 0.85, MatchType::Alias),
        ("suction unit on", 0.80, MatchType::Name),
        ("turn on the aspirator immediately", 0.90, MatchType::Alias),
        ("suction on now", 1.0, MatchType::Trigger),
        ("leave the suction off", 0.85, MatchType::Trigger),
    ] {
        let understood = pcnl(text);
        let toggle = &understood.toggles[0];
        assert_eq!((toggle.confidence, toggle.match_type), (confidence, kind), "{text}");
        assert_eq!(understood.confidence, confidence, "{text}");
    }
    let both = pcnl("suction on and turn off the image intensifier");
    assert_eq!(both.confidence, 0.85, "the lowest counts");
    assert_eq!(pcnl("good morning").confidence, 0.0);
}

#[test]
fn the_longest_phrase_names_the_machine() {
    let understood = pcnl("endoscopic camera on");
    assert_eq!(
        (&*understood.toggles[0].trigger, &*understood.toggles[0].name),
        ("endoscopic camera", "Endoscopic Camera")
    );
    assert_changes("suctions on", &[]);
}

#[test]
fn the_other_one_is_what_was_spoken_of_before() {
    let line = |text: &str| Line { session_s: 1.0, speaker: "surgeon".to_owned(), text: text.to_owned() };
    let mut said = utterance("PCNL", "no, the other one", last("M04:ON<OFF"));
    said.context.window = vec![line("the camera or the c-arm?"), line("c-arm on"), line("no, the other one")];
    let understood = understand(LIBRARY.get("PCNL").expect("it is there"), &said);
    assert_eq!(changes(&understood).into_iter().collect::<Vec<_>>(), ["M04=OFF", "M08=ON"]);
    assert_eq!(understood.clauses[0].kind, ClauseKind::Correction);
    assert_eq!(understood.confidence, 0.80, "what is only referred to is less sure");
}

/// Ids of an earlier surgery may still be in the context: they mean nothing here.
#[test]
fn a_context_of_machines_that_are_not_there_changes_nothing() {
    for text in ["undo that", "turn it off", "no, the other one", "turn both off", "no, off"] {
        let said = utterance("PCNL", text, last("M42:ON<OFF"));
        let understood = understand(LIBRARY.get("PCNL").expect("it is there"), &said);
        assert!(understood.toggles.is_empty() && understood.pending.is_empty(), "{text}: {understood:#?}");
    }
}

/// Text of words that the parser knows, in any order.
fn babble() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "turn",
        "on",
        "off",
        "suction",
        "irrigation",
        "the",
        "and",
        "or",
        "but",
        "not",
        "do",
        "it",
        "both",
        "other one",
        "no",
        "wait",
        "sorry",
        "undo that",
        "never mind",
        "when",
        "after",
        "in",
        "five",
        "minutes",
        "stop",
        "hold",
        "leave",
        "keep",
        "is",
        "isn't",
        "i need",
        "can you",
        "please",
        "instead",
        "now",
        "until",
        "enough",
        "camera",
        "tip",
        ",",
        ".",
        "?",
        "!",
        "up",
        "down",
        "to standby",
        "started",
        "stone",
        "make sure",
        "would you mind",
        "turning",
        "i meant",
        "that",
        "if",
    ]);
    prop::collection::vec(words, 0..25).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_is_understood_soundly(text in prop_oneof![babble(), any::<String>()], which in 0..3usize, before in any::<bool>()) {
            let surgery = LIBRARY.iter().nth(which).expect("there are three");
        let mut said = utterance(&surgery.name, &text, if before { last("M06:ON<OFF,M42:OFF<ON") } else { Vec::new() });
        said.context = Context { window: vec![Line { session_s: 0.0, speaker: String::new(), text: text.clone() }; 2], ..said.context };
        let understood = understand(surgery, &said);
        prop_assert_eq!(&understood, &understand(surgery, &said), "the same again");
        let ids: Vec<&MachineId> = understood.toggles.iter().map(|one| &one.machine_id).collect();
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), ids.len(), "at most one toggle for a machine");
        let later = understood.pending.iter().map(|one| &one.toggle);
        for toggle in understood.toggles.iter().chain(later) {
            prop_assert!(surgery.machines.contains_key(&toggle.machine_id));
            prop_assert!((0.0..=1.0).contains(&toggle.confidence));
        }
        for clause in &understood.clauses {
            prop_assert!(!clause.why.is_empty());
            prop_assert!(text.contains(&clause.text), "'{}' is not of the text", clause.text);
        }
        prop_assert!(understood.toggles.is_empty() || !understood.clauses.is_empty());
    }
}
