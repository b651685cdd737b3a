//! The index is a cache: thrown away, torn out or foreign, it is built again and says the same.

use std::{path::Path, time::Duration};

use journal::{
    Journal, RetentionPolicy,
    conformance::{batch, ended, entry, first, job},
};
use journal_embedded::{EmbeddedJournal, Opened, Options};

use crate::story::{picture, wide};

fn reopen(folder: &Path) -> Opened {
    EmbeddedJournal::open(Options { segment_bytes: 4096, ..Options::new(folder) }).unwrap()
}

fn remove_index(folder: &Path) {
    for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

/// Live jobs that reach over all segments, and many that end and are dropped.
async fn rounds(journal: &EmbeddedJournal, rounds: std::ops::Range<u64>) -> (usize, usize) {
    let (mut freed, mut moved) = (0, 0);
    for round in rounds {
        journal.append(batch(1, round, 1, Some(entry(1)))).await.unwrap();
        if round % 5 == 0 {
            journal.append(first(500 + round)).await.unwrap();
        }
        for number in 1000 + round * 20..1020 + round * 20 {
            journal.append(wide(number, 0)).await.unwrap();
            journal.append(batch(number, 1, 1, Some(ended(number, round)))).await.unwrap();
        }
        let policy = RetentionPolicy { ended_for: Duration::from_millis(2) };
        let done = journal.retain(round + 3, policy).await.unwrap();
        freed += done.freed;
        moved += done.moved;
    }
    (freed, moved)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_built_again_says_what_the_old_one_said_also_after_records_moved() {
    let folder = tempfile::TempDir::new().unwrap();
    let opened = reopen(folder.path());
    assert!(!opened.index_rebuilt);
    let (freed, moved) = rounds(&opened.journal, 0..12).await;
    assert!(freed > 10 && moved > 10, "{freed} freed, {moved} moved: the test must reach both");
    let before = picture(&opened.journal).await;
    drop(opened);
    let again = reopen(folder.path());
    assert!(!again.index_rebuilt, "an index that fits is kept");
    assert_eq!(picture(&again.journal).await, before);
    drop(again);
    remove_index(folder.path());
    let rebuilt = reopen(folder.path());
    assert_eq!(picture(&rebuilt.journal).await, before);
    rounds(&rebuilt.journal, 12..14).await;
    let events = rebuilt.journal.load(job(1)).await.unwrap().unwrap().events;
    assert_eq!(events.len(), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_bounded_by_what_is_kept() {
    let folder = tempfile::TempDir::new().unwrap();
    let opened = reopen(folder.path());
    let mut bytes = Vec::new();
    for round in 0..20 {
        rounds(&opened.journal, round..round + 1).await;
        let health = opened.journal.health();
        let files = std::fs::read_dir(folder.path().join("log")).unwrap();
        let on_disk: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(
            on_disk.abs_diff(health.bytes) <= 4096,
            "{on_disk} on disk, {} told: one is laid out",
            health.bytes
        );
        bytes.push(on_disk);
    }
    // About 8 KiB are of live jobs at the end; an old segment may keep four times its needed bytes. All that was ever appended
    // is some 400 KiB.
    assert!(bytes.iter().all(|bytes| *bytes <= 10 * 4096), "{bytes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_index_of_this_log_is_replaced() {
    let (folder, other) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
    let opened = reopen(folder.path());
    rounds(&opened.journal, 0..1).await;
    let before = picture(&opened.journal).await;
    drop(opened);
    remove_index(folder.path());
    std::fs::write(
        folder.path().join("index.sqlite"),
        b"this is no database, and long enough to be read as one",
    )
    .unwrap();
    let opened = reopen(folder.path());
    assert_eq!(picture(&opened.journal).await, before);
    drop(opened);

    let longer = reopen(other.path());
    rounds(&longer.journal, 0..6).await;
    drop(longer);
    remove_index(folder.path());
    std::fs::copy(other.path().join("index.sqlite"), folder.path().join("index.sqlite")).unwrap();
    let opened = reopen(folder.path());
    assert!(opened.index_rebuilt);
    assert_eq!(picture(&opened.journal).await, before);
}
