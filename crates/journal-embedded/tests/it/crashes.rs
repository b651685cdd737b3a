//! No fault of the disk, at whatever moment, loses what was acknowledged or brings up what nobody appended.

use std::time::Duration;

use journal::{
    Journal, JournalError, Query, RetentionPolicy,
    conformance::{ended, job},
};
use journal_embedded::{
    EmbeddedJournal,
    faults::{Fault, FaultDisk},
};

use crate::story::{Story, open, segment, wide};

/// Opens, appends over two segments, and says how many operations that took.
async fn undisturbed() -> u64 {
    let disk = FaultDisk::default();
    let journal = open(&disk).unwrap().journal;
    assert_eq!(Story::default().go_on(&journal, 14).await, None);
    drop(journal);
    assert!(disk.content(&segment(3)).is_some(), "the story is long enough to roll twice");
    disk.operations()
}

/// Lets each operation of a story go wrong in its turn.
async fn every_operation_goes_wrong(fault: Fault) {
    for operation in 0..undisturbed().await {
        let told = format!("{fault:?} at operation {operation}");
        let disk = FaultDisk::default();
        disk.plan(operation, fault);
        let mut story = Story::default();
        if let Ok(opened) = open(&disk) {
            let error = story.go_on(&opened.journal, 14).await;
            let honest = matches!(error, None | Some(JournalError::Stopped { .. } | JournalError::Full));
            assert!(honest, "{told}: {error:?}");
            if let Some(JournalError::Stopped { .. }) = error {
                assert!(opened.journal.stopped().is_some(), "{told}");
                let next = opened.journal.append(wide(77, 0)).await;
                assert!(matches!(next, Err(JournalError::Stopped { .. })), "{told}: stopped is for good");
                story.is_kept_by(&opened.journal, &told).await;
            }
        }
        let spread = usize::try_from(operation).unwrap();
        disk.crash(spread % 3, spread * 37 % 800);
        for round in 0..2 {
            let opened = open(&disk).unwrap_or_else(|error| panic!("{told}, opening {round}: {error}"));
            story.is_kept_by(&opened.journal, &told).await;
            assert_eq!(story.go_on(&opened.journal, 3).await, None, "{told}: it goes on");
            assert!(opened.journal.load(job(77)).await.unwrap().is_none(), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_a_crash_at_every_operation() {
    every_operation_goes_wrong(Fault::Crash).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_or_sync_stops_the_journal_for_good_and_loses_nothing() {
    every_operation_goes_wrong(Fault::Fails).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_done_but_fails_is_not_trusted() {
    every_operation_goes_wrong(Fault::DoneButFails).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_torn_at_any_byte_of_its_last_record_is_cut() {
    let disk = FaultDisk::default();
    let journal = open(&disk).unwrap().journal;
    for seq in 0..3 {
        journal.append(wide(1, seq)).await.unwrap();
    }
    let start = end_of_content(&disk);
    journal.append(wide(1, 3)).await.unwrap();
    drop(journal);
    let whole = disk.content(&segment(1)).unwrap();
    let end = end_of_content(&disk);
    for torn_at in start..end {
        let disk = FaultDisk::default();
        let mut torn = whole.clone();
        torn[torn_at..].fill(0);
        disk.set_content(&segment(1), torn);
        // As after a real crash: the next segment is laid out already.
        disk.set_content(&segment(2), laid_out());
        let opened = open(&disk).unwrap_or_else(|error| panic!("torn at {torn_at}: {error}"));
        let torn = usize::try_from(opened.torn).unwrap();
        assert!(
            torn <= torn_at - start && (torn > 0 || torn_at == start),
            "{torn} cut of {}",
            torn_at - start
        );
        assert_eq!(opened.journal.load(job(1)).await.unwrap().unwrap().events.len(), 3);
        opened.journal.append(wide(1, 3)).await.unwrap();
        drop(opened);
        assert_eq!(disk.content(&segment(1)).unwrap()[start + 57..end], whole[start + 57..end]);
        assert_eq!(open(&disk).unwrap().torn, 0);
    }
}

fn end_of_content(disk: &FaultDisk) -> usize {
    let content = disk.content(&segment(1)).unwrap();
    content.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn laid_out() -> Vec<u8> {
    let mut bytes = b"segue-journal\0\0\x01".to_vec();
    bytes.resize(8 * 1024, 0);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_before_it_acknowledges_and_goes_on_when_there_is_room() {
    let disk = FaultDisk::default();
    let opened = open(&disk).unwrap();
    disk.set_room(Some(0));
    let mut story = Story::default();
    assert_eq!(story.go_on(&opened.journal, 50).await, Some(JournalError::Full));
    assert_eq!(opened.journal.stopped(), None);
    assert_eq!(story.go_on(&opened.journal, 1).await, Some(JournalError::Full));
    story.is_kept_by(&opened.journal, "full").await;
    disk.set_room(None);
    assert_eq!(story.go_on(&opened.journal, 50).await, None);
    drop(opened);
    story.is_kept_by(&open(&disk).unwrap().journal, "after there was room").await;
}

/// A live job whose records reach over all segments, and others that end and are dropped; what of it was acknowledged.
async fn append_and_retain(journal: &EmbeddedJournal) -> Result<(u64, usize), (u64, JournalError)> {
    let policy = RetentionPolicy { ended_for: Duration::from_millis(1) };
    let mut freed = 0;
    for round in 0..4 {
        let lived = |error| (round, error);
        journal.append(wide(1, round)).await.map_err(lived)?;
        let told = |error| (round + 1, error);
        for number in 100 + round * 15..115 + round * 15 {
            let mut over = wide(number, 0);
            over.index = Some(ended(number, round));
            journal.append(over).await.map_err(told)?;
        }
        freed += journal.retain(round + 2, policy).await.map_err(told)?.freed;
    }
    Ok((4, freed))
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_interrupted_at_any_operation_loses_no_live_job_and_brings_none_back() {
    let disk = FaultDisk::default();
    let (_, freed) = append_and_retain(&open(&disk).unwrap().journal).await.unwrap();
    assert!(freed >= 2, "{freed} freed");
    for operation in 0..disk.operations() {
        for fault in [Fault::Crash, Fault::DoneButFails] {
            let told = format!("{fault:?} at operation {operation}");
            let disk = FaultDisk::default();
            disk.plan(operation, fault);
            let Ok(opened) = open(&disk) else { continue };
            let lived = match append_and_retain(&opened.journal).await {
                Ok((lived, _)) | Err((lived, _)) => lived,
            };
            drop(opened);
            disk.crash(0, 0);
            let journal = open(&disk).unwrap_or_else(|error| panic!("{told}: {error}")).journal;
            let events = journal.load(job(1)).await.unwrap().map_or(0, |stored| stored.events.len() as u64);
            assert!((lived..=lived + 1).contains(&events), "{told}: {events} events of {lived}");
            let policy = RetentionPolicy { ended_for: Duration::ZERO };
            journal.retain(100, policy).await.unwrap();
            drop(journal);
            let journal = open(&disk).unwrap().journal;
            let page =
                journal.list(Query { limit: 100, live: Some(false), ..Query::default() }).await.unwrap();
            assert_eq!(page.entries, [], "{told}: what was dropped stays dropped");
            let again = journal.load(job(1)).await.unwrap().map_or(0, |stored| stored.events.len() as u64);
            assert_eq!(again, events, "{told}");
        }
    }
}
