//! Surgery definitions: those that are compiled in, those of a folder, and what is said of wrong ones.

use std::collections::BTreeSet;

use theatre::{
    model::{Action, MachineId},
    surgery::{self, Library},
};

const PCNL: &str = include_str!("../../surgeries/pcnl.toml");

fn faults(text: &str) -> Vec<String> {
    let faults = surgery::parse("mine.toml", text).expect_err("it has faults");
    faults.0.iter().map(ToString::to_string).collect()
}

#[test]
fn three_surgeries_are_compiled_in_and_start_from_their_defaults() {
    let library = Library::built_in().expect("they are right");
    assert_eq!(library.names().collect::<Vec<_>>(), ["Lobectomy", "PCNL", "Partial Hepatectomy"]);
    for surgery in library.iter() {
        assert_eq!((surgery.phases.len(), surgery.machines.len()), (6, 9), "{}", surgery.name);
        assert_eq!((surgery.layout.width, surgery.layout.height), (800.0, 600.0));
        let on: Vec<String> = surgery
            .defaults()
            .into_iter()
            .filter(|(_, action)| *action == Action::On)
            .map(|(id, _)| id.to_string())
            .collect();
        let expected: &[&str] =
            if surgery.name == "Partial Hepatectomy" { &["M01", "M07", "M09"] } else { &["M01", "M09"] };
        assert_eq!(on, expected, "{}", surgery.name);
    }
    let pcnl = library.get("PCNL").expect("it is there");
    let json = serde_json::to_value(&**pcnl).expect("JSON");
    assert_eq!(json["surgery"], "PCNL");
    assert_eq!(json["machines"]["M06"]["triggers"][0], "suction");
    assert_eq!(json["machines"]["M01"]["default_state"], "ON");
    assert!(library.get("pcnl").is_none());
}

#[test]
fn every_fault_of_a_file_is_told_with_its_line_and_a_hint() {
    let wrong = PCNL
        .replace("phase_usage = [\"Phase4\"]", "phase_usage = [\"Phase7\"]")
        .replace("aliases = [\"aspirator\"", "aliases = [\"camera\"")
        .replace("icon = \"hammer\", zone = \"energy\"", "icon = \"hammer\", zone = \"attic\"")
        .replace("id = \"Phase6\"", "id = \"Phase5\"")
        .replace("[machines.M05]", "[machines.M5]")
        .replace("triggers = [\"lithotripter\", ", "triggers = [\"stop\", ");
    let faults = faults(&wrong);
    let line = |part: &str| wrong.lines().position(|line| line.contains(part)).expect("it is there") + 1;
    let phase = line("\"Phase7\"");
    assert!(
        faults.iter().any(|fault| {
            fault.starts_with(&format!("mine.toml:{phase}: there is no phase 'Phase7' (there are Phase1, "))
        }),
        "{faults:#?}"
    );
    for part in [
        "'camera' already means M06 (line",
        "no zone 'attic'",
        "'Phase5' is already in line",
        "'M5' is not a machine's id",
        "'stop' is a word of orders",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
}

#[test]
fn what_is_not_of_the_form_is_told_with_its_line() {
    let twice = format!("{PCNL}\n[machines.M01]\nname = \"Another\"\n");
    let lines = twice.lines().count();
    assert!(faults(&twice)[0].starts_with(&format!("mine.toml:{}: ", lines - 1)), "{:?}", faults(&twice));
    assert!(
        faults(&PCNL.replace("default_state = \"ON\"", "default_state = \"MAYBE\""))[0].contains("MAYBE")
    );
    assert!(faults(&PCNL.replace("triggers =", "trigers ="))[0].contains("trigers"));
    assert!(faults("surgery = ")[0].starts_with("mine.toml:1: "));
}

#[test]
fn a_folder_adds_surgeries_and_replaces_those_of_the_same_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("it is written");
    write("a.toml", PCNL.replace("\"PCNL\"", "\"Cystoscopy\""));
    write("b.toml", PCNL.replace("\"Suction Unit\"", "\"Wall Suction\""));
    write("notes.txt", "no surgery".to_owned());
    let library = Library::with_folder(folder.path()).expect("they are right");
    assert_eq!(library.names().count(), 4);
    let suction = MachineId::parse("M06").expect("an id");
    assert_eq!(library.get("PCNL").expect("it is there").machines[&suction].name, "Wall Suction");

    write("c.toml", PCNL.to_owned());
    let message = Library::with_folder(folder.path()).expect_err("PCNL is there twice").to_string();
    assert!(message.contains("c.toml:1: 'PCNL' is already in ") && message.contains("b.toml"), "{message}");
    let missing =
        Library::with_folder(&folder.path().join("nowhere")).expect_err("there is none").to_string();
    assert!(missing.contains("nowhere:1: cannot be read"), "{missing}");
}

/// A recogniser stops at a rule or a word that it does not know, so none may be missing.
#[test]
fn the_grammar_is_whole_and_speaks_the_vocabulary() {
    for surgery in Library::built_in().expect("they are right").iter() {
        let grammar = surgery::jsgf(surgery);
        let vocabulary = surgery::vocabulary(surgery);
        assert!(grammar.starts_with("#JSGF V1.0;\n"), "{grammar}");
        assert!(grammar.contains("public <sentence> = "), "{grammar}");
        let rules: Vec<&str> = grammar.lines().skip(3).filter(|line| line.contains('=')).collect();
        let heads: BTreeSet<&str> = rules
            .iter()
            .map(|rule| rule.split(" = ").next().expect("a head").trim_start_matches("public "))
            .collect();
        assert_eq!(heads.len(), rules.len(), "each rule once");
        for rule in rules {
            let (_, body) = rule.split_once(" = ").expect("a body");
            for part in body.split(|char: char| char.is_whitespace() || "|()[]*;".contains(char)) {
                if part.starts_with('<') {
                    assert!(heads.contains(part), "{part} of {rule}");
                } else if !part.is_empty() {
                    assert!(vocabulary.contains(part), "{part} of {rule}");
                }
            }
        }
        for word in ["suction", "not", "undo"] {
            assert!(vocabulary.contains(word), "{word}");
        }
        assert!(!vocabulary.contains("m01"), "nobody says ids");
        let hint = surgery::hint(surgery, 700);
        assert!(hint.len() <= 700 && hint.contains("turn off, "), "{hint}");
        for machine in surgery.machines.values() {
            let named = machine.phrases().any(|(phrase, _)| hint.contains(&phrase.to_lowercase()));
            assert!(named, "{} is not in {hint}", machine.name);
        }
        assert!(
            hint.split(|one: char| !one.is_alphanumeric())
                .all(|word| word.is_empty() || vocabulary.contains(word)),
            "{hint}"
        );
    }
}

#[test]
fn the_file_that_the_document_shows_is_right() {
    let text = include_str!("../../../../docs/theatre-surgeries.md");
    let (_, from) = text.split_once("## A whole file\n\n```toml\n").expect("it shows one");
    let (file, _) = from.split_once("```").expect("it ends");
    let surgery = surgery::parse("theatre-surgeries.md", file).expect("it is right");
    assert_eq!((&*surgery.name, surgery.machines.len()), ("Cystoscopy", 1));
}
