//! What a failing disk has changed is named, never passed over; and looking at it needs no opening.

use journal::{
    Journal, JournalError, Position,
    conformance::{append_all, first, job},
};
use journal_embedded::{EmbeddedJournal, Options, faults::FaultDisk, inspect};

use crate::story::{Story, open, options, segment, wide};

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_promised_record_is_named_and_can_be_left() {
    let disk = FaultDisk::default();
    let journal = open(&disk).unwrap().journal;
    for seq in 0..4 {
        journal.append(wide(1, seq)).await.unwrap();
        journal.append(wide(2, seq)).await.unwrap();
    }
    drop(journal);
    let content = disk.content(&segment(1)).unwrap();
    let lost = content.windows(16).position(|window| window == b"event 2 of job 1").unwrap();
    disk.flip(&segment(1), lost);

    let Err(JournalError::Damaged { segment: named, offset, lost: told }) = open(&disk) else {
        panic!("damage must be told");
    };
    assert_eq!(named, segment(1).display().to_string());
    assert!((lost as u64 - 70..lost as u64).contains(&offset), "{offset} is the record with byte {lost}");
    assert!(told.starts_with(&format!("1 events of job {} from its event 2 on are lost", job(1))), "{told}");
    assert!(told.contains("position 6") && told.contains(&job(2).to_string()), "{told}");

    let options = Options { leave_damaged: true, ..options() };
    let opened = EmbeddedJournal::open_on(std::sync::Arc::new(disk.clone()), options).unwrap();
    assert_eq!(opened.damaged.len(), 1);
    assert_eq!(opened.journal.load(job(2)).await.unwrap().unwrap().events.len(), 4);
    let holed = opened.journal.load(job(1)).await;
    assert!(
        matches!(holed, Err(JournalError::Damaged { .. })),
        "a job with a hole is not handed out as whole"
    );
    assert_eq!(opened.journal.feed(Position(0), 100).await.unwrap().len(), 7);
    append_all(&(std::sync::Arc::new(opened.journal) as _), [wide(2, 4), first(9)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_flipped_byte_before_the_last_group_is_told_or_harmless() {
    let disk = FaultDisk::default();
    let mut story = Story::default();
    let journal = open(&disk).unwrap().journal;
    assert_eq!(story.go_on(&journal, 10).await, None);
    drop(journal);
    let full = disk.content(&segment(1)).unwrap();
    let written = full.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..written).step_by(7) {
        disk.flip(&segment(1), at);
        let told = open(&disk);
        assert!(matches!(told, Err(JournalError::Damaged { .. })), "byte {at}: {told:?}");
        disk.flip(&segment(1), at);
    }
    story.is_kept_by(&open(&disk).unwrap().journal, "unchanged again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_and_dump_describe_a_damaged_copy() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = Options { segment_bytes: 8 * 1024, ..Options::new(folder.path()) };
    let journal = EmbeddedJournal::open(options).unwrap().journal;
    for seq in 0..40 {
        journal.append(wide(1, seq)).await.unwrap();
    }
    drop(journal);
    let sound = inspect::verify(folder.path()).unwrap();
    assert_eq!((sound.records, sound.events, sound.last, sound.torn_tail), (40, 40, Position(40), false));
    assert_eq!(sound.damaged, []);

    let file = folder.path().join("log/0000000000000001.seg");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let mut seen = Vec::new();
    let report = inspect::dump(folder.path(), |dumped| seen.push(dumped.seq)).unwrap();
    assert_eq!((report.records, report.damaged.len(), report.torn_tail), (39, 1, false));
    assert!(report.damaged[0].to_string().contains("0000000000000001.seg"), "{}", report.damaged[0]);
    assert_eq!(seen, (0..40).filter(|seq| *seq != 2).collect::<Vec<_>>());
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "looking changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opener_is_refused_and_told_what_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let opened = EmbeddedJournal::open(Options::new(folder.path())).unwrap();
    let refused = EmbeddedJournal::open(Options::new(folder.path())).unwrap_err().to_string();
    assert!(refused.contains("another process") && refused.contains("stop it first"), "{refused}");
    drop(opened);
    EmbeddedJournal::open(Options::new(folder.path())).unwrap();
}
