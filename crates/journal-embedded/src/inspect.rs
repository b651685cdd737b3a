//! Looking into a journal without opening it: nothing is locked or changed, and damage is described, not refused.

use std::path::Path;

use bytes::Bytes;
use engine::ids::JobId;
use journal::{JournalError, Position};

use crate::{
    disk::{Disk, RealDisk},
    open::lost,
    record::Kind,
    scan::{Gap, Next, Scan},
    segment::{self, io_error},
};

/// What a check of every record found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files of the log.
    pub segments: usize,
    /// Records that are sound.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes of sound records.
    pub bytes: u64,
    /// The last position.
    pub last: Position,
    /// The end is torn: something there was never finished, and nobody was told of it.
    pub torn_tail: bool,
    /// Places in the middle that can't be read.
    pub damaged: Vec<JournalError>,
}

/// An event of the log.
#[derive(Debug, Clone)]
pub struct Dumped {
    /// The place of its batch.
    pub position: Position,
    /// Whose it is.
    pub job: JobId,
    /// Which of the job's events.
    pub seq: u64,
    /// As it was stored.
    pub event: Bytes,
}

/// Checks every record.
///
/// # Errors
/// Where a file can't be read at all.
pub fn verify(folder: &Path) -> Result<Report, JournalError> {
    dump_on(&RealDisk, folder, |_| {})
}

/// Hands out every event, oldest first, and says what the check found.
///
/// # Errors
/// Where a file can't be read at all.
pub fn dump(folder: &Path, each: impl FnMut(Dumped)) -> Result<Report, JournalError> {
    dump_on(&RealDisk, folder, each)
}

/// The same on a disk of its own.
///
/// # Errors
/// Where a file can't be read at all.
pub fn dump_on(disk: &dyn Disk, folder: &Path, mut each: impl FnMut(Dumped)) -> Result<Report, JournalError> {
    let failed = |error: std::io::Error| io_error(folder, &error);
    let mut report = Report::default();
    for number in segment::numbers(disk, folder).map_err(failed)? {
        report.segments += 1;
        let path = segment::path(folder, number).display().to_string();
        let Some(mut scan) = Scan::open(disk, folder, number).map_err(failed)? else {
            let lost = "the file is no segment of a journal".to_owned();
            report.damaged.push(JournalError::Damaged { segment: path, offset: 0, lost });
            continue;
        };
        loop {
            match scan.next().map_err(failed)? {
                Next::Record(record, place) => {
                    let header = record.header;
                    report.records += 1;
                    report.events += record.events.len() as u64;
                    report.bytes += place.len;
                    report.last = report.last.max(header.position);
                    if header.kind == Kind::Dropped {
                        continue;
                    }
                    for (seq, event) in (header.first..).zip(record.events) {
                        each(Dumped { position: header.position, job: header.job, seq, event });
                    }
                }
                Next::End | Next::Unreadable => {
                    let offset = scan.at;
                    match scan.gap(0).map_err(failed)? {
                        Gap::Nothing => break,
                        Gap::Torn(_) => {
                            report.torn_tail = true;
                            break;
                        }
                        Gap::Damage(damage) => {
                            let lost = lost(&damage);
                            report.damaged.push(JournalError::Damaged {
                                segment: path.clone(),
                                offset,
                                lost,
                            });
                        }
                    }
                }
            }
        }
    }
    Ok(report)
}
