//! What may go, goes: jobs that ended long ago, segments that nothing needs, and old segments that few records keep.

use journal::{JournalError, Position, Retained, RetentionPolicy};

use crate::{
    Inner,
    record::{Kind, payload},
    segment,
    writer::Request,
};

/// Jobs dropped by one call.
const AT_ONCE: usize = 100_000;
/// An old segment whose needed records are at most one part in so many of it is emptied by copying them forward.
const NEEDED_PART: u64 = 4;

impl Inner {
    pub(crate) fn retain(&self, now: u64, policy: RetentionPolicy) -> Result<Retained, JournalError> {
        let _one_at_a_time = self.retaining.lock();
        let mut done = Retained::default();
        let span = u64::try_from(policy.ended_for.as_millis()).unwrap_or(u64::MAX);
        let old = self.index.ended_before(now.saturating_sub(span), AT_ONCE)?;
        for (job, last) in &old {
            // The mark is what a rebuilt index learns it from.
            self.writer.write(request(Kind::Dropped, *job, 0, 0, None, payload(&[], None).unwrap_or_default()))?;
            let mut dropped = self.dropped.lock();
            *dropped = (*dropped).max(*last);
        }
        done.dropped = old.len();
        self.index.forget(old.into_iter().map(|(job, _)| job).collect());
        self.index.wait_until(self.writer.durable())?;
        self.free_segments(&mut done)?;
        Ok(done)
    }

    fn free_segments(&self, done: &mut Retained) -> Result<(), JournalError> {
        let failed = |error: std::io::Error| segment::io_error(&self.options.folder, &error);
        let active = self.writer.active();
        let numbers = segment::numbers(&*self.disk, &self.options.folder).map_err(failed)?;
        for number in numbers.into_iter().filter(|number| *number < active) {
            let path = segment::path(&self.options.folder, number);
            let bytes = self.disk.open(&path, false).and_then(|file| file.len()).map_err(failed)?;
            let needed = self.index.records_of_segment(number)?;
            let needed_bytes: u64 = needed.iter().map(|place| place.len).sum();
            if needed_bytes > bytes / NEEDED_PART {
                continue;
            }
            for place in &needed {
                let record = self.read(place)?;
                let header = record.header;
                // A copy carries no picture of the job: the index has a newer one, and a rebuilt index gets it here.
                let picture = record.index.as_ref().filter(|_| header.kind != Kind::Dropped);
                let payload = payload(&record.events, picture)
                    .map_err(|error| JournalError::Io { what: "a copy".to_owned(), error: error.to_string() })?;
                let position = Some(header.position);
                self.writer.write(request(Kind::Moved, header.job, header.first, header.count, position, payload))?;
                let mut dropped = self.dropped.lock();
                *dropped = (*dropped).max(header.position);
                done.moved += 1;
            }
            self.index.wait_until(self.writer.durable())?;
            if self.index.records_of_segment(number)?.is_empty() {
                self.disk.remove(&path).map_err(failed)?;
                self.disk.sync_folder(&segment::log_folder(&self.options.folder)).map_err(failed)?;
                self.writer.forget_segment(bytes);
                done.freed += 1;
            }
        }
        Ok(())
    }
}

fn request(
    kind: Kind,
    job: engine::ids::JobId,
    first: u64,
    count: u32,
    position: Option<Position>,
    payload: Vec<u8>,
) -> Request {
    Request { kind, job, first, count, position, payload, index: None, reply: None }
}
