//! What is remembered is there after a crash at any byte; what is forgotten leaves the file.

use std::fs;

use super::*;

fn item(id: &str, text: &str) -> Item {
    Item { id: id.to_owned(), at: Timestamp::UNIX_EPOCH, text: text.to_owned(), tags: Vec::new() }
}

fn ids(store: &Store) -> Vec<String> {
    store.items().map(|item| item.id.clone()).collect()
}

#[test]
fn a_file_that_was_cut_anywhere_holds_what_was_answered_for_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("memory.jsonl");
    let mut store = Store::open(&path).expect("it opens");
    for id in ["a", "b", "c"] {
        assert!(store.remember(item(id, "über alles")).expect("it is written"));
    }
    assert!(!store.remember(item("c", "über alles")).expect("the same again"));
    let whole = fs::read(&path).expect("it is there");
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        let lines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
        let mut store = Store::open(&path).expect("it opens");
        assert_eq!(store.len(), lines, "cut at {cut}");
        store.remember(item("z", "after the crash")).expect("it is written");
        assert_eq!(ids(&Store::open(&path).expect("it opens")), ids(&store));
    }
}

#[test]
fn a_line_that_is_not_ours_is_said_with_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("memory.jsonl");
    let mut store = Store::open(&path).expect("it opens");
    store.remember(item("a", "one")).expect("it is written");
    let mut text = fs::read_to_string(&path).expect("it is there");
    text.push_str("no json\n");
    fs::write(&path, text).expect("written");
    let error = Store::open(&path).expect_err("it is damaged");
    assert!(matches!(error, StoreError::Damaged { line: 2, .. }), "{error}");
}

#[test]
fn what_was_forgotten_leaves_the_file_and_what_was_not_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("memory.jsonl");
    let mut store = Store::open(&path).expect("it opens");
    store.remember(item("kept", "kept")).expect("it is written");
    let names: Vec<String> = (0..600).map(|number| format!("n{number:03}")).collect();
    for name in &names {
        store.remember(item(name, "forgotten")).expect("it is written");
    }
    assert_eq!(store.forget(&names).expect("it is written"), 600);
    assert_eq!(store.forget(&names).expect("nothing to write"), 0);
    let text = fs::read_to_string(&path).expect("it is there");
    assert_eq!(text.lines().count(), 1, "written anew");
    assert!(!folder.path().join("memory.new").exists());
    assert_eq!(ids(&Store::open(&path).expect("it opens")), ["kept"]);
    store.remember(item("later", "later")).expect("it is written");
    assert_eq!(ids(&Store::open(&path).expect("it opens")), ["kept", "later"]);
}
