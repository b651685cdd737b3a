//! Every way for a pipeline to be wrong, each with its position and what to do about it: `test_data/pipelines/*.toml`, beside
//! each what is said of it (`UPDATE_EXPECT=1` writes that anew). And whatever text is given: an answer, never a panic.

#![expect(clippy::disallowed_methods, reason = "the engine opens no files, but wrong pipelines are files")]

use std::{fs, path::Path};

use engine::condition::Condition;
use engine::pipeline::{DefinitionHash, Pipeline, parse::InvalidPipeline};
use proptest::prelude::*;

use crate::stories::{expect_file, stories};

#[test]
fn each_wrong_pipeline_says_where_and_why() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/pipelines");
    let (mut wrong, mut good) = (0, Vec::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).unwrap();
            let Err(said) = Pipeline::parse(&text) else {
                good.push(path);
                continue;
            };
            points_into(&text, &said);
            expect_file(&path.with_extension("out"), &format!("{said}\n"));
            wrong += 1;
        }
    }
    assert!(good.is_empty(), "nothing is wrong with {good:#?}");
    assert!(wrong > 60, "only {wrong} wrong pipelines");
}

/// Something is said, and of places that are there, in their order.
fn points_into(text: &str, said: &InvalidPipeline) {
    assert!(!said.findings.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for finding in &said.findings {
        let line = finding.line.checked_sub(1).and_then(|line| lines.get(line));
        let line = line.unwrap_or_else(|| panic!("{finding}: there is no such line in\n{text}"));
        assert!((1..=line.chars().count() + 1).contains(&finding.column), "{finding}: in {line:?}");
        assert!(!finding.message.is_empty() && !finding.message.contains('\n'), "{finding}");
        assert!(!finding.hint.is_empty() && !finding.hint.contains('\n'), "{finding}");
    }
}

#[test]
fn the_pipelines_that_come_with_segue_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
    for entry in fs::read_dir(&folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        Pipeline::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// What each setting means, and what holds where it is not there.
#[test]
fn good_pipelines_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/pipelines/good");
    for name in ["everything", "least"] {
        let text = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let Pipeline {
            name,
            source,
            hash,
            route,
            key_field,
            mode,
            on_conflict,
            on_failure,
            approval_timeout,
            checks,
            phases,
            loops,
            schedules,
        } = Pipeline::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&*source, hash), (text.as_str(), DefinitionHash::of(&text)));
        let head = (route, key_field, mode, on_conflict, on_failure, approval_timeout);
        let read = format!("{head:?}\n{checks:#?}\n{phases:#?}\n{loops:#?}\n{schedules:#?}\n");
        expect_file(&folder.join(format!("{name}.out")), &read);
    }
}

/// The reference names every setting. Which there are, the reader says itself, of a setting that there is not.
#[test]
fn every_setting_is_in_the_reference() {
    let reference =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pipelines.md")).unwrap();
    for table in [
        "",
        "[[check]]",
        "[[phase]]",
        "[[loop]]",
        "[[schedule]]",
        "phase.map",
        "phase.wait",
        "phase.retry",
        "phase.breaker",
    ] {
        let text = match table.strip_prefix("phase.") {
            Some(setting) => format!("[[phase]]\nid='a'\n{setting}={{zzzzzzzz=1}}"),
            None => format!("{table}\nzzzzzzzz=1"),
        };
        let said = Pipeline::parse(&format!("{text}\n")).unwrap_err().findings.remove(0);
        let settings = said.hint.strip_prefix("possible are ").unwrap_or_else(|| panic!("{table}: {said}"));
        for setting in settings.split(", ") {
            let there =
                ["`", " ", "[["].iter().any(|before| reference.contains(&format!("{before}{setting}")));
            assert!(there, "docs/pipelines.md does not name '{setting}' of {table}");
        }
    }
}

#[test]
fn a_service_that_nobody_declared_is_found() {
    let text = "name='p'\n[[phase]]\nid='a'\nservice='spech'\n[[phase]]\nid='b'\nservice='grammar'\n[[phase]]\nid='c'\nservice='x'";
    let pipeline = Pipeline::parse(text).unwrap();
    assert_eq!(pipeline.undeclared_services(&["speech", "grammar", "x"]).len(), 1);
    let found = pipeline.undeclared_services(&["speech", "grammar"]);
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "line 4, column 9: there is no service 'spech' (did you mean speech?)");
    assert_eq!(said[1], "line 10, column 9: there is no service 'x' (declare it as [service.x])");
}

/// Deep nesting must not use up the stack: neither that of whoever reads nor, later, of whoever evaluates or forgets.
#[test]
fn deep_nesting_is_answered() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{1:", "}"), ("!", ""), ("-", ""), ("1+", ""), ("a(", ")"), ("true?1:", "")]
    {
        let depth = 1_900 / (open.len() + close.len());
        let gate = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        answered(&format!("name='a'\n[[phase]]\nid='one'\nservice='s'\ngate='{gate}'"));
    }
    answered(&format!("name = {}", "[".repeat(900_000)));
    answered(&format!("name = {}", "{a=".repeat(300_000)));
    answered(&format!("[{}]", "a.".repeat(400_000)));
}

/// Any answer is fine, as long as it is one.
fn answered(text: &str) {
    if let Err(said) = Pipeline::parse(text) {
        points_into(text, &said);
    }
}

/// Good pipelines: those of the stories.
fn good() -> Vec<String> {
    let sources = stories().into_iter().map(|(_, story)| story.split_once("\n---\n").unwrap().0.to_owned());
    sources.collect()
}

/// Bits that make pipelines wrong in ways of their own.
const BITS: [&str; 24] = [
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    "\n",
    "\\",
    "#",
    "é",
    "\u{0}",
    "-1",
    "1e999",
    "id",
    "after",
    "[[phase]]",
    "[[loop]]",
    "\"input.a[0].b\"",
    "true",
    "99999999999999999999",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        answered(&text);
    }

    #[test]
    fn any_toml_like_text_is_answered(bits in prop::collection::vec(0..BITS.len(), 0..40)) {
        answered(&bits.into_iter().map(|bit| BITS[bit]).collect::<String>());
    }

    /// Good pipelines with a few changes: a bit put in, a stretch cut out, a line doubled, two lines changed for each other.
    #[test]
    fn any_mutated_pipeline_is_answered(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0..4u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let good = good();
        let mut text = good[which.index(good.len())].clone();
        for (kind, one, other) in changes {
            text = mutate(&text, kind, one, other);
        }
        answered(&text);
    }

    /// Expressions are read by a parser of others: the same is asked of it.
    #[test]
    fn any_expression_is_answered(source in "[a-z0-9 .<>=!&|?:+*/%()\\[\\]{}'\",-]{0,60}") {
        let source = source.replace('\'', "");
        answered(&format!("name='a'\n[[phase]]\nid='one'\nservice='s'\ngate='{source}'"));
    }
}

fn mutate(text: &str, kind: u8, one: prop::sample::Index, other: prop::sample::Index) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let (a, b) = (one.index(lines.len()), other.index(lines.len()));
    match kind {
        0 => {
            let at = one.index(chars.len());
            let bit = BITS[other.index(BITS.len())];
            chars[..at].iter().copied().chain(bit.chars()).chain(chars[at..].iter().copied()).collect()
        }
        1 => {
            let from = one.index(chars.len());
            let to = (from + 1 + other.index(20)).min(chars.len());
            chars[..from].iter().chain(&chars[to..]).collect()
        }
        2 => {
            lines.insert(b, lines[a]);
            lines.join("\n")
        }
        _ => {
            lines.swap(a, b);
            lines.join("\n")
        }
    }
}

/// As deep as its length allows, on the stack of an ordinary thread: an answer, whichever it is.
#[test]
fn no_condition_is_too_deep_for_the_stack() {
    let wrapped = |open: &str, close: &str| {
        let times = (1_990 / (open.len() + close.len())).max(1);
        format!("{}true{}", open.repeat(times), close.repeat(times))
    };
    let deep = [
        wrapped("(", ")"),
        wrapped("[", "]"),
        wrapped("!", ""),
        wrapped("-", ""),
        wrapped("{1:", "}"),
        wrapped("true?", ":1"),
        wrapped("true||", ""),
        wrapped("1+", ""),
        wrapped("a(", ")"),
        wrapped("[1].map(x,", ")"),
        format!("a{}", ".b".repeat(990)),
        format!("a{}", "[0]".repeat(660)),
        "(".repeat(1_999),
    ];
    for source in deep {
        if let Ok(condition) = Condition::compile(&source) {
            let _ = condition.holds(&|_| Some(serde_json::json!({})));
        }
    }
}
