//! What several targets assert: that a refusal names a place which is there; and where the
//! old journals lie.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::Problem;
use serde_json::Value;

/// A line and a column, both from 1, lie in the text; right behind its last character counts.
pub fn assert_placed(text: &[u8], line: usize, column: usize) {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    assert!((1..=lines.len()).contains(&line), "line {line} of {}", lines.len());
    let length = lines[line - 1].len();
    assert!((1..=length + 1).contains(&column), "column {column} of {length} in line {line}");
}

/// A problem with a body says where: not JSON by line and column, a wrong field by a pointer that leads into the body.
pub fn assert_names_its_place(problem: &Problem, body: &[u8]) {
    assert!(!problem.detail.is_empty() && !problem.detail.contains('\n'), "{problem:?}");
    match (problem.status(), problem.line, problem.column) {
        (400, Some(line), Some(column)) => assert_placed(body, line as usize, column as usize),
        (422, None, None) => {
            let pointer = problem.pointer.as_deref().expect("a wrong field has a pointer");
            let value: Value = serde_json::from_slice(body).expect("what has wrong fields is JSON");
            let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            assert!(value.pointer(parent).is_some(), "{pointer} leads nowhere");
        }
        other => panic!("{other:?} is no answer to a body: {problem:?}"),
    }
}

/// The corpus of old journals that must replay for ever: each pipeline with the events of a job of it.
#[must_use]
pub fn journals() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/engine/test_data/journals");
    let mut found = Vec::new();
    for version in ["v1", "v2"] {
        let names = fs::read_dir(root.join(version)).expect("the corpus is there");
        let mut paths: Vec<PathBuf> = names.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        let read = |path: &Path| fs::read_to_string(path).expect("the corpus can be read");
        found.extend(paths.iter().map(|path| (read(path), read(&path.with_extension("jsonl")))));
    }
    found
}
