//! The book: what survives, what is cut, what is kept.

use std::fs;

use twindocs::{documenter::book::Book, records::documented::Spent};

const BIG: u64 = 1 << 30;

fn spent(tokens: u64) -> Spent {
    Spent { calls: 1, tokens, usd: 0.0 }
}

fn put(book: &Book, key: &str, value: &str) {
    book.put((key, "job/run"), spent(10), Some(&value.to_owned())).expect("written");
}

fn get(book: &Book, key: &str) -> Option<String> {
    book.get::<String>(key).expect("read").map(|found| found.value)
}

#[test]
fn what_was_written_is_there_after_a_kill_at_any_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let book = Book::open(Some(folder.path()), BIG).expect("it opens");
        for number in 0..5 {
            put(&book, &format!("k{number}"), &format!("value {number}"));
        }
        book.put::<String>(("k9", "job/run"), spent(7), None).expect("written");
    }
    let path = folder.path().join("book.jsonl");
    let whole = fs::read(&path).expect("it is there");
    for end in 0..=whole.len() {
        fs::write(&path, &whole[..end]).expect("written");
        let lines = whole[..end].iter().filter(|byte| **byte == b'\n').count();
        let book = Book::open(Some(folder.path()), BIG).expect("it opens");
        assert_eq!(book.len(), lines.min(5), "cut at {end}");
        let values: Vec<_> = (0..5).filter_map(|number| get(&book, &format!("k{number}"))).collect();
        assert_eq!(values.len(), lines.min(5));
        // What follows a torn line is whole again.
        put(&book, "after", "it goes on");
        let again = Book::open(Some(folder.path()), BIG).expect("it opens");
        assert_eq!(get(&again, "after").as_deref(), Some("it goes on"));
        assert_eq!(again.len(), lines.min(5) + 1);
    }
    fs::write(&path, &whole).expect("written");
    let book = Book::open(Some(folder.path()), BIG).expect("it opens");
    assert_eq!(book.spent_by("job/run"), Spent { calls: 6, tokens: 57, usd: 0.0 }, "what failed is paid too");
}

#[test]
fn a_damaged_line_is_passed_over_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = Book::open(Some(folder.path()), BIG).expect("it opens");
    (0..3).for_each(|number| put(&book, &format!("k{number}"), "a value"));
    drop(book);
    let path = folder.path().join("book.jsonl");
    let text = fs::read_to_string(&path).expect("it is there");
    let second = text.lines().nth(1).expect("a line").replace("a value", "a VALUE");
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&path, format!("{}\n{second}\n{}\n", lines[0], lines[2])).expect("written");
    let book = Book::open(Some(folder.path()), BIG).expect("it opens");
    assert_eq!(
        (get(&book, "k0").is_some(), get(&book, "k1"), get(&book, "k2").is_some()),
        (true, None, true)
    );
}

#[test]
fn it_stays_within_its_bound_and_keeps_what_was_used_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let most = 64 * 1024;
    let book = Book::open(Some(folder.path()), most).expect("it opens");
    let value = "x".repeat(1000);
    for number in 0..500 {
        put(&book, &format!("k{number}"), &value);
        assert!(get(&book, "k0").is_some(), "what is used stays, at {number}");
        let size = fs::metadata(folder.path().join("book.jsonl")).expect("it is there").len();
        assert!(size <= most + 2000, "{size}");
    }
    drop(book);
    let book = Book::open(Some(folder.path()), most).expect("it opens");
    assert!(get(&book, "k0").is_some() && get(&book, "k499").is_some());
    assert_eq!(get(&book, "k1"), None);
    assert!(book.len() > 20);
}

#[test]
fn without_a_folder_only_sums_are_kept() {
    let book = Book::open(None, BIG).expect("it opens");
    put(&book, "k", "v");
    assert!(book.is_empty() && get(&book, "k").is_none());
    assert_eq!(book.spent_by("job/run").tokens, 10);
}
