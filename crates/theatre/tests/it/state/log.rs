//! The log: what was written is there after any end, what was tampered with is found, what is damaged is refused.

use std::fs;

use jiff::Timestamp;
use theatre::state::{
    chain,
    event::{Entry, Event},
    log::{Log, OpenError, Opener},
    writer::Theatre,
};

use super::support::{Bare, Hands};

/// A log of a few lines, as bytes.
fn written() -> Vec<u8> {
    let mut head = chain::Head::genesis("main");
    let mut lines = String::new();
    for seq in 1..=6 {
        let event = Event::JobStarted { utterance: seq, job: format!("job {seq}") };
        let at = Timestamp::from_second(1_800_000_000).expect("a time");
        head.append(&Entry { seq, at, who: "Ada".to_owned(), event }, &mut lines).expect("JSON");
    }
    lines.into_bytes()
}

fn line_of_fault(log: &[u8]) -> Option<u64> {
    chain::walk("main", log, |_| ()).err().map(|broken| broken.line)
}

#[test]
fn one_flipped_bit_anywhere_is_found_and_its_line_named() {
    let whole = written();
    assert_eq!(line_of_fault(&whole), None);
    for at in 0..whole.len() {
        let line = whole[..at].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        for bit in 0..8 {
            let mut log = whole.clone();
            log[at] ^= 1 << bit;
            assert_eq!(line_of_fault(&log), Some(line), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_line_that_is_moved_removed_doubled_or_linked_anew_is_found() {
    let whole = written();
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    let of = |order: &[usize]| order.iter().flat_map(|&index| lines[index].to_vec()).collect::<Vec<u8>>();
    assert_eq!(line_of_fault(&of(&[0, 2, 1, 3, 4, 5])), Some(2), "moved");
    assert_eq!(line_of_fault(&of(&[0, 1, 3, 4, 5])), Some(3), "removed");
    assert_eq!(line_of_fault(&of(&[1, 2, 3])), Some(1), "the beginning is removed");
    assert_eq!(line_of_fault(&of(&[0, 1, 1, 2])), Some(3), "doubled");
    // Removed, and the next one made to follow the one before: its own hash tells.
    let hash_of = |line: &[u8]| {
        let entry: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        entry["hash"].as_str().expect("a hash").to_owned()
    };
    let third = String::from_utf8(lines[2].to_vec()).expect("text");
    let relinked = third.replace(&hash_of(lines[1]), &hash_of(lines[0]));
    let log = [lines[0], relinked.as_bytes()].concat();
    assert_eq!(line_of_fault(&log), Some(2), "linked anew");
    assert!(chain::walk("other", &whole, |_| ()).is_err(), "another theatre's");
}

#[test]
fn a_torn_end_is_cut_wherever_it_tears() {
    let whole = written();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("written");
        let mut seen = 0;
        let log =
            Log::open(&Opener::default(), &path, "main", None, |entry| seen = entry.seq).expect("it opens");
        let lines = whole[..length].iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!((seen, log.head().seq), (lines, lines));
        let kept = fs::read(&path).expect("read");
        assert!(whole.starts_with(&kept) && (kept.is_empty() || kept.ends_with(b"\n")), "{length}");
    }
}

#[test]
fn damage_before_the_end_is_named_and_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut damaged = written();
    damaged[20] ^= 1;
    fs::write(&path, &damaged).expect("written");
    let error = Log::open(&Opener::default(), &path, "main", None, |_| ()).expect_err("refused");
    assert!(matches!(&error, OpenError::Damaged { broken, .. } if broken.line == 1), "{error}");
    assert_eq!(fs::read(&path).expect("read"), damaged, "nothing was mended");
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_writer_is_gone() {
    let bare = Bare::open().await;
    for number in 0..20 {
        bare.say(&format!("sentence {number}")).await;
    }
    let before = bare.theatre.look().await.expect("it runs");
    // Nobody said that it ends.
    let hands = Hands::new();
    let path = bare.folder.path().join("log.jsonl");
    let (again, _) = Theatre::open(path, "main", "other".to_owned(), hands.clock()).expect("it opens");
    assert_eq!(again.look().await.expect("it runs"), before);
    assert_eq!(before.session, "s");
}
