//! Every story under `test_data/stories`, with what it prints beside it. `UPDATE_EXPECT=1` writes that anew.

#![expect(clippy::disallowed_methods, reason = "the engine opens no files, but its stories are files")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::told::tell;

/// The stories in the order of their names, with their texts.
pub(crate) fn stories() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/stories");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Compares a text with the file that holds it; `UPDATE_EXPECT=1` writes the file anew.
pub(crate) fn expect_file(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, text).unwrap();
    }
    let known = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, known, "{}: UPDATE_EXPECT=1 writes it anew", path.display());
}

#[test]
fn every_story_is_told_as_it_was() {
    let stories = stories();
    for (path, story) in &stories {
        expect_file(&path.with_extension("out"), &tell(story).text);
    }
    assert!(stories.len() > 10, "only {} stories", stories.len());
}
