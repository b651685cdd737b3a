//! Every story under `test_data/stories`, with what it prints beside it. `UPDATE_EXPECT=1` writes that anew.

#![expect(clippy::disallowed_methods, reason = "the engine opens no files, but its stories are files")]

use std::{fs, path::PathBuf};

use crate::told::tell;

#[test]
fn every_story_is_told_as_it_was() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test_data/stories");
    let mut told = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
        let text = tell(&fs::read_to_string(path).unwrap());
        let expected = path.with_extension("out");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        let known = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(text, known, "{}: UPDATE_EXPECT=1 writes it anew", path.display());
        told += 1;
    }
    assert!(told > 10, "only {told} stories");
}
