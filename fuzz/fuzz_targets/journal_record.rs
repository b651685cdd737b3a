//! A segment of the journal, whatever is in it: nothing panics, and nothing is handed out that its checksums do not close.
//!
//! Random bytes never have a right checksum, so most mutations are closed again as the writer would: then it is the reading
//! of lengths, counts and entries that is tried.
#![no_main]

use std::path::{Path, PathBuf};

use crc32c::crc32c;
use journal_embedded::{faults::FaultDisk, inspect};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// As `journal_embedded::record` describes it; written anew, so that the one checks the other.
const HEADER: usize = 57;
const MAGIC: usize = 16;

fuzz_target!(|segment: &[u8]| {
    let disk = FaultDisk::default();
    let path = PathBuf::from("/journal/log/0000000000000001.seg");
    disk.set_content(&path, segment.to_vec());
    let mut dumped = Vec::new();
    let report =
        inspect::dump_on(&disk, Path::new("/journal"), |event| dumped.push(event)).expect("it can be read");
    let closed = closed_records(segment);
    assert!(report.records <= closed.len() as u64, "{report:?}");
    for event in &dumped {
        let found = closed.iter().any(|record| {
            let (position, job, first) = (number(record, 8), &record[25..41], number(record, 41));
            let count = u64::from(u32::from_le_bytes(record[49..53].try_into().expect("four bytes")));
            let of_it = event.seq.checked_sub(first).is_some_and(|at| at < count);
            position == event.position.0
                && job == event.job.0.as_bytes()
                && of_it
                && (event.event.is_empty()
                    || record[HEADER..].windows(event.event.len()).any(|part| part == event.event))
        });
        assert!(found, "{event:?} is in no record that its checksums close");
    }
});

fn number(record: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

/// Every record, wherever it begins, of which both checksums are right.
fn closed_records(segment: &[u8]) -> Vec<&[u8]> {
    let u32_at = |at: usize| u32::from_le_bytes(segment[at..at + 4].try_into().expect("four bytes"));
    let starts = MAGIC..segment.len().saturating_sub(HEADER - 1);
    let records = starts.filter_map(|at| {
        let end = at.checked_add(HEADER)?.checked_add(u32_at(at) as usize)?;
        let header = crc32c(&segment[at..at + HEADER - 4]) == u32_at(at + HEADER - 4);
        let record = segment.get(at..end).filter(|_| header)?;
        (crc32c(&record[HEADER..]) == u32_at(at + 4)).then_some(record)
    });
    records.collect()
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    if seed % 8 != 0 {
        close(&mut data[..size]);
    }
    size
});

/// Puts right checksums on every record from the front, as far as lengths lead.
fn close(segment: &mut [u8]) {
    let mut at = MAGIC;
    while let Some(record) = segment.get_mut(at..).filter(|rest| rest.len() > HEADER) {
        let wanted = u32::from_le_bytes(record[..4].try_into().expect("four bytes")) as usize;
        // A length that leads out of the segment is made to fit, mostly: otherwise nothing behind it would be read.
        let len = if wanted > record.len() - HEADER { record.len() - HEADER } else { wanted };
        record[..4].copy_from_slice(&u32::try_from(len).expect("a short record").to_le_bytes());
        let payload = crc32c(&record[HEADER..HEADER + len]);
        record[4..8].copy_from_slice(&payload.to_le_bytes());
        let header = crc32c(&record[..HEADER - 4]);
        record[HEADER - 4..HEADER].copy_from_slice(&header.to_le_bytes());
        at += HEADER + len;
    }
}
