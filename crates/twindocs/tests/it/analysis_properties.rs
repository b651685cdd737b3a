//! Whatever the text is, the analysis ends, says the same twice, and orders what it found.

use std::collections::BTreeMap;

use proptest::prelude::*;
use twindocs::analysis::{
    Analysis, analyse,
    order::order,
    source::{Codebase, Language, Selection, SourceFile, read},
};

use crate::call_truth::folder;

const FILES: [&str; 5] = ["a.py", "src/a.rs", "a.ts", "a.go", "A.java"];

fn analysed(files: Vec<(String, String)>) -> Analysis {
    let file = |(path, text): (String, String)| SourceFile {
        language: Language::of_path(&path).expect("one of ours"),
        path,
        text,
    };
    let codebase = Codebase {
        name: "x".to_owned(),
        files: files.into_iter().map(file).collect(),
        ..Codebase::default()
    };
    analyse(&codebase).expect("it ends")
}

fn holds(analysis: &Analysis) {
    let mut seen = BTreeMap::new();
    for component in &analysis.components {
        assert!(seen.insert(component.id.clone(), ()).is_none(), "{} is there twice", component.id);
        assert!(component.line_start >= 1 && component.line_end >= component.line_start);
    }
    let place = order(&analysis.components, &analysis.graph);
    let group: BTreeMap<&str, usize> = place
        .groups
        .iter()
        .enumerate()
        .flat_map(|(at, all)| all.iter().map(move |it| (it.as_str(), at)))
        .collect();
    assert_eq!(group.len(), analysis.components.len());
    for edge in &analysis.graph.edges {
        assert!(group[&*edge.callee] <= group[&*edge.caller], "{edge:?}");
        assert!(edge.line >= 1 && edge.confidence > 0.0 && edge.confidence <= 1.0);
    }
}

fn fixtures() -> Vec<(String, String)> {
    ["python", "rust", "typescript", "go", "java"]
        .iter()
        .flat_map(|it| read(&folder(it), &Selection::default()).expect("it is there").files)
        .map(|it| (it.path, it.text))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        holds(&analysed(FILES.iter().map(|it| ((*it).to_owned(), text.clone())).collect()));
    }

    #[test]
    fn fixtures_with_parts_cut_moved_and_doubled(
        which in 0_usize..24, from in 0.0..1.0_f64, length in 0_usize..200, to in 0.0..1.0_f64, doubled in any::<bool>(),
    ) {
        let mut files = fixtures();
        let at = which % files.len();
        let letters: Vec<char> = files[at].1.chars().collect();
        let start = (from * letters.len() as f64) as usize;
        let end = (start + length).min(letters.len());
        let mut rest: Vec<char> = if doubled { letters.clone() } else { [&letters[..start], &letters[end..]].concat() };
        let target = (to * rest.len() as f64) as usize;
        rest.splice(target..target, letters[start..end].iter().copied());
        files[at].1 = rest.into_iter().collect();
        holds(&analysed(files));
    }
}

#[test]
fn deep_nesting_is_cut_off_and_not_followed_into_the_ground() {
    for (path, open, close) in [
        ("a.py", "f(", ")"),
        ("a.rs", "{", "}"),
        ("a.js", "[", "]"),
        ("a.go", "((", "))"),
        ("A.java", "{", "}"),
    ] {
        let text = format!("{}{}", open.repeat(20_000), close.repeat(20_000));
        holds(&analysed(vec![(path.to_owned(), text)]));
    }
    let chain = format!("def f(x):\n    return x{}\n", ".a()".repeat(5_000));
    holds(&analysed(vec![("a.py".to_owned(), chain)]));
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    let bytes = || serde_json::to_vec(&analysed(fixtures())).expect("JSON");
    assert_eq!(bytes(), bytes());
}
