//! Documents that name tests: what they name exists.

#![expect(clippy::unwrap_used, reason = "where a document can't be read, the test fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every Rust source of the workspace's crates, as one text.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_a_document_names_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    sources(&root.join("crates"), &mut code);
    let mut named = 0;
    for document in ["docs/lessons.md", "docs/security.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        for name in text.split('`').skip(1).step_by(2) {
            let is_test = name.contains('_') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if is_test && name.len() > 20 {
                named += 1;
                assert!(code.contains(&format!("fn {name}(")), "{document}: there is no test '{name}'");
            }
        }
    }
    assert!(named > 60, "only {named} names were found: the documents are read wrongly");
}
