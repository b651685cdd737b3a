//! What may go, goes: jobs that ended long ago, segments that nothing needs, and old segments that few records keep.
//!
//! Three things must outlive the segment they lie in: records of jobs that are kept, marks of dropped jobs as long as an
//! older segment may still hold what they drop, and the last position. The first two are copied forward, the segment of the
//! third is never freed.

use journal::{JournalError, Position, Retained, RetentionPolicy};

use crate::{
    Inner,
    record::{Header, Kind, Record, payload},
    scan::{Next, Scan},
    segment,
    writer::Request,
};

/// Jobs dropped by one call.
const AT_ONCE: usize = 100_000;
/// An old segment whose needed records are at most one part in so many of it is emptied by copying them forward.
const NEEDED_PART: u64 = 4;
/// Bytes of them that are copied at once, and held in memory meanwhile.
const COPIED_AT_ONCE: u64 = 4 << 20;

impl Inner {
    pub(crate) fn retain(&self, now: u64, policy: RetentionPolicy) -> Result<Retained, JournalError> {
        let _one_at_a_time = self.retaining.lock();
        let mut done = Retained::default();
        let span = u64::try_from(policy.ended_for.as_millis()).unwrap_or(u64::MAX);
        let old = self.index.ended_before(now.saturating_sub(span), AT_ONCE)?;
        let nothing = payload(&[], None);
        let mark = |job| Request {
            kind: Kind::Dropped,
            job,
            first: 0,
            count: 0,
            position: None,
            payload: nothing.clone(),
            index: None,
            reply: None,
        };
        // The mark is what the index learns it from, now and when it is built again.
        self.writer.write(old.iter().map(|(job, _)| mark(*job)).collect())?;
        self.drop_up_to(old.iter().map(|(_, last)| *last).max().unwrap_or_default());
        done.dropped = old.len();
        self.index.flush()?;
        self.free_segments(&mut done)?;
        Ok(done)
    }

    fn drop_up_to(&self, position: Position) {
        let mut dropped = self.dropped.lock();
        *dropped = (*dropped).max(position);
    }

    fn free_segments(&self, done: &mut Retained) -> Result<(), JournalError> {
        let failed = |error: std::io::Error| segment::io_error(&self.options.folder, &error);
        let newest = self.writer.newest();
        let numbers = segment::numbers(&*self.disk, &self.options.folder).map_err(failed)?;
        let mut older_stay = false;
        for number in numbers.into_iter().filter(|number| *number < newest) {
            let path = segment::path(&self.options.folder, number);
            let bytes = self.disk.open(&path, false).and_then(|file| file.len()).map_err(failed)?;
            let needed = self.index.records_of_segment(number)?;
            let needed_bytes: u64 = needed.iter().map(|place| place.len).sum();
            if needed_bytes > bytes / NEEDED_PART {
                older_stay = true;
                continue;
            }
            let (mut copies, mut bytes_copied) = (Vec::new(), 0);
            for place in &needed {
                copies.push(copy(Kind::Moved, &self.read(place)?));
                bytes_copied += place.len;
                if bytes_copied >= COPIED_AT_ONCE {
                    self.writer.write(std::mem::take(&mut copies))?;
                    bytes_copied = 0;
                }
            }
            done.moved += needed.len();
            let (last, marks) = self.last_and_marks(number).map_err(failed)?;
            if older_stay {
                for mark in marks {
                    copies
                        .push(copy(Kind::Dropped, &Record { header: mark, events: Vec::new(), index: None }));
                }
            }
            self.writer.write(copies)?;
            self.index.flush()?;
            if !self.index.records_of_segment(number)?.is_empty() {
                older_stay = true;
                continue;
            }
            // Before the file goes, so that no reader of the feed passes over what was in it.
            self.drop_up_to(last);
            self.files.lock().remove(&number);
            self.disk.remove(&path).map_err(failed)?;
            self.disk.sync_folder(&segment::log_folder(&self.options.folder)).map_err(failed)?;
            self.writer.forget_segment(bytes);
            done.freed += 1;
        }
        Ok(())
    }

    /// The last batch of a segment, and its marks of dropped jobs.
    fn last_and_marks(&self, number: u64) -> std::io::Result<(Position, Vec<Header>)> {
        let (mut last, mut marks) = (Position(0), Vec::new());
        let Some(mut scan) = Scan::open(&*self.disk, &self.options.folder, number)? else {
            return Ok((last, marks));
        };
        loop {
            match scan.next()? {
                Next::Record(record, _) => match record.header.kind {
                    Kind::Batch => last = last.max(record.header.position),
                    Kind::Dropped => marks.push(record.header),
                    Kind::Moved => {}
                },
                Next::Unreadable if scan.resume()?.is_some() => {}
                Next::Unreadable | Next::End => return Ok((last, marks)),
            }
        }
    }
}

/// A copy keeps its position: what comes later in the log is not newer than what was said of the job since.
fn copy(kind: Kind, record: &Record) -> Request {
    let Header { job, first, count, position, .. } = record.header;
    let payload = payload(&record.events, record.index.as_ref());
    // The index has a newer picture of the job; one that is built again reads this one from the log.
    Request { kind, job, first, count, position: Some(position), payload, index: None, reply: None }
}
