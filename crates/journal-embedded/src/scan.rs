//! Reading segments from front to back: where records end, where the tail was torn, where the middle is damaged.

use std::path::Path;

use bytes::Bytes;
use journal::{FeedItem, JournalError, Position};

use crate::{
    disk::{Disk, File},
    record::{HEADER, Header, Kind, Record, read_payload},
    segment::{self, MAGIC, Place, io_error},
};

/// Bytes read at first. Most readers follow the end of the log and want a few records: a large piece of what is laid out there
/// would be read for each of them, and stay in the memory of each thread that did.
const FIRST_WINDOW: usize = 64 * 1024;
/// Bytes read at a time by whoever goes on: each piece is twice the one before, up to this.
const WINDOW: usize = 1024 * 1024;
/// Bytes compared with zeros at a time.
const CHUNK: usize = 1024 * 1024;

/// What comes next in a segment.
pub(crate) enum Next {
    /// A record, and where it lies.
    Record(Box<Record>, Place),
    /// Nothing more was written.
    End,
    /// Something was written that can't be read.
    Unreadable,
}

/// What lies where no record can be read.
pub(crate) enum Gap {
    /// Nothing but zeros: the segment ends there.
    Nothing,
    /// What a crash left half written, up to a byte; nobody was told of it.
    Torn(u64),
    /// Something that had been promised.
    Damage(Damage),
}

/// What can't be read any more, and had been promised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Damage {
    /// So many bytes.
    pub(crate) bytes: u64,
    /// The head of the record that is damaged, where that is sound.
    pub(crate) of: Option<Header>,
    /// The record after it, where reading goes on.
    pub(crate) after: Option<Header>,
}

/// A segment being read.
pub(crate) struct Scan {
    file: Box<dyn File>,
    segment: u64,
    /// Where the next record begins.
    pub(crate) at: u64,
    len: u64,
    window: Bytes,
    window_at: u64,
    /// How much is read next.
    next_window: usize,
}

impl Scan {
    /// Begins at the front; none where the file is no segment.
    pub(crate) fn open(disk: &dyn Disk, folder: &Path, segment: u64) -> std::io::Result<Option<Self>> {
        let file = disk.open(&segment::path(folder, segment), false)?;
        let mut magic = [0; MAGIC.len()];
        file.read_at(&mut magic, 0)?;
        if magic != *MAGIC {
            return Ok(None);
        }
        let len = file.len()?;
        let at = MAGIC.len() as u64;
        Ok(Some(Self {
            file,
            segment,
            at,
            len,
            window: Bytes::new(),
            window_at: 0,
            next_window: FIRST_WINDOW,
        }))
    }

    /// Takes the next record.
    pub(crate) fn next(&mut self) -> std::io::Result<Next> {
        let head = self.bytes(self.at, HEADER)?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Next::End);
        }
        let Some(header) = Header::read(&head) else { return Ok(Next::Unreadable) };
        if self.at + header.record_len() > self.len {
            return Ok(Next::Unreadable);
        }
        let payload = self.bytes(self.at + HEADER as u64, header.payload as usize)?;
        let Some(record) = read_payload(header, &payload) else { return Ok(Next::Unreadable) };
        let place = Place { segment: self.segment, offset: self.at, len: header.record_len() };
        self.at += place.len;
        Ok(Next::Record(Box::new(record), place))
    }

    /// Looks for the next record after something unreadable, and goes on there; none where there is no more.
    pub(crate) fn resume(&mut self) -> std::io::Result<Option<Header>> {
        let mut at = self.at + 1;
        while at + HEADER as u64 <= self.len {
            let block = self.bytes(at, WINDOW.min(usize::try_from(self.len - at).unwrap_or(WINDOW)))?;
            let tries = block.len().saturating_sub(HEADER - 1);
            for skip in 0..tries {
                let candidate = &block[skip..skip + HEADER];
                if candidate[24] == 0 || Header::read(candidate).is_none() {
                    continue;
                }
                self.at = at + skip as u64;
                if let Next::Record(record, place) = self.next()? {
                    self.at = place.offset;
                    return Ok(Some(record.header));
                }
            }
            at += tries.max(1) as u64;
        }
        Ok(None)
    }

    /// Says what lies here, where no record can be read. Everything before `promised` is known to have been durable; and what
    /// lies before the `durable` of any later record was.
    pub(crate) fn gap(&mut self, promised: u64) -> std::io::Result<Gap> {
        let at = self.at;
        let Some(written) = self.last_written()? else { return Ok(Gap::Nothing) };
        let of = Header::read(&self.bytes(at, HEADER)?);
        let first = self.resume()?;
        let goes_on = if first.is_some() { self.at } else { written };
        let mut proven = promised > at;
        // The first may be of the very group that was torn; a later one was written when that group was durable.
        let mut next = first;
        while let Some(header) = next.filter(|_| !proven) {
            proven = header.durable > at;
            self.at += header.record_len();
            next = match self.next()? {
                Next::Record(record, place) => {
                    self.at = place.offset;
                    Some(record.header)
                }
                Next::End | Next::Unreadable => self.resume()?,
            };
        }
        if !proven {
            self.at = at;
            return Ok(Gap::Torn(written));
        }
        self.at = goes_on;
        Ok(Gap::Damage(Damage { bytes: goes_on - at, of, after: first }))
    }

    /// The end of the last byte from here on that is not zero; none where all are.
    pub(crate) fn last_written(&self) -> std::io::Result<Option<u64>> {
        let zeros = vec![0; CHUNK];
        let mut bytes = vec![0; CHUNK];
        let mut written = None;
        let mut from = self.at;
        while from < self.len {
            let wanted = usize::try_from(self.len - from).unwrap_or(CHUNK).min(CHUNK);
            let read = self.file.read_at(&mut bytes[..wanted], from)?;
            if read == 0 {
                break;
            }
            if bytes[..read] != zeros[..read]
                && let Some(last) = bytes[..read].iter().rposition(|byte| *byte != 0)
            {
                written = Some(from + last as u64 + 1);
            }
            from += read as u64;
        }
        Ok(written)
    }

    fn bytes(&mut self, from: u64, len: usize) -> std::io::Result<Bytes> {
        let inside = |window_at: u64, window: &Bytes| {
            let start = usize::try_from(from.checked_sub(window_at)?).ok()?;
            (start + len <= window.len()).then(|| window.slice(start..start + len))
        };
        if let Some(bytes) = inside(self.window_at, &self.window) {
            return Ok(bytes);
        }
        let left = usize::try_from(self.len.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut window = vec![0; len.max(self.next_window.min(left))];
        self.next_window = (self.next_window * 2).min(WINDOW);
        let read = self.file.read_at(&mut window, from)?;
        window.truncate(read);
        (self.window, self.window_at) = (Bytes::from(window), from);
        // What lies behind the end of the file is as good as zero.
        Ok(inside(self.window_at, &self.window).unwrap_or_else(|| {
            let mut short = self.window.to_vec();
            short.resize(len, 0);
            Bytes::from(short)
        }))
    }
}

/// Where a reader of the feed goes on: every batch after the position lies there or behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) position: Position,
    segment: u64,
    offset: u64,
}

/// Events after a position, in order: whole batches until there are at least `limit`; and where the last one ended. What a
/// reader had reached spares him to read the segment from its front.
pub(crate) fn feed(
    disk: &dyn Disk,
    folder: &Path,
    after: Position,
    reached: Option<Reached>,
    durable: Position,
    limit: usize,
) -> Result<(Vec<FeedItem>, Option<Reached>), JournalError> {
    let failed = |error: std::io::Error| io_error(folder, &error);
    let (mut found, mut end) = (Vec::new(), None);
    let numbers = match reached {
        Some(reached) => {
            let all = segment::numbers(disk, folder).map_err(failed)?;
            all.into_iter().filter(|number| *number >= reached.segment).collect()
        }
        None => first_needed(disk, folder, after)?,
    };
    for number in numbers {
        let Some(mut scan) = Scan::open(disk, folder, number).map_err(failed)? else { continue };
        if let Some(reached) = reached.filter(|reached| reached.segment == number) {
            scan.at = reached.offset;
        }
        loop {
            let record = match scan.next().map_err(failed)? {
                Next::Record(record, _) => record,
                Next::End => break,
                // Damage that was left: what lies behind it is still there.
                Next::Unreadable if scan.resume().map_err(failed)?.is_some() => continue,
                Next::Unreadable => break,
            };
            let position = record.header.position;
            if record.header.kind != Kind::Batch || position <= after {
                continue;
            }
            if position > durable || found.len() >= limit {
                return Ok((found, end));
            }
            let job = record.header.job;
            let items = (record.header.first..).zip(record.events);
            found.extend(items.map(|(seq, event)| FeedItem { position, job, seq, event }));
            end = Some(Reached { position, segment: number, offset: scan.at });
        }
    }
    Ok((found, end))
}

/// The segments from the last one that begins at or before a position.
fn first_needed(disk: &dyn Disk, folder: &Path, after: Position) -> Result<Vec<u64>, JournalError> {
    let failed = |error: std::io::Error| io_error(folder, &error);
    let mut needed = segment::numbers(disk, folder).map_err(failed)?;
    while needed.len() > 1 {
        let Some(mut second) = Scan::open(disk, folder, needed[1]).map_err(failed)? else { break };
        match second.next().map_err(failed)? {
            Next::Record(record, _)
                if record.header.kind == Kind::Batch && record.header.position <= after =>
            {
                needed.remove(0);
            }
            Next::Record(..) | Next::End | Next::Unreadable => break,
        }
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use engine::ids::JobId;

    use super::{Damage, Gap, HEADER, Header, Kind, MAGIC, Next, Position, Scan, segment};
    use crate::{faults::FaultDisk, record::payload};

    /// A record of a job, written when everything before `durable` was.
    fn record(out: &mut Vec<u8>, position: u64, durable: u64) {
        let payload = payload(&[bytes::Bytes::from(vec![b'x'; 100])], None);
        let (first, count, kind, job) = (position - 1, 1, Kind::Batch, JobId(uuid::Uuid::nil()));
        let (checksum, position) = (crc32c::crc32c(&payload), Position(position));
        let payload_len = u32::try_from(payload.len()).unwrap();
        Header { payload: payload_len, checksum, position, durable, kind, job, first, count }.write(out);
        out.extend_from_slice(&payload);
    }

    /// A segment: one record alone, then groups of records, each written with one sync.
    fn written(groups: &[u64]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = MAGIC.to_vec();
        let (mut starts, mut position) = (Vec::new(), 0);
        for records in groups {
            let durable = bytes.len() as u64;
            for _ in 0..*records {
                starts.push(bytes.len());
                position += 1;
                record(&mut bytes, position, durable);
            }
        }
        bytes.resize(8 * 1024, 0);
        (bytes, starts)
    }

    fn gap_of(bytes: Vec<u8>, promised: u64) -> (u64, Gap) {
        let disk = FaultDisk::default();
        disk.set_content(&segment::path(Path::new("/j"), 1), bytes);
        let mut scan = Scan::open(&disk, Path::new("/j"), 1).unwrap().unwrap();
        while let Next::Record(..) = scan.next().unwrap() {}
        (scan.at, scan.gap(promised).unwrap())
    }

    #[test]
    fn a_torn_record_before_a_whole_one_of_the_same_group_is_no_damage() {
        let (whole, starts) = written(&[1, 2]);
        let end = whole.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
        for torn in [starts[1], starts[1] + 20, starts[1] + HEADER + 30] {
            let mut bytes = whole.clone();
            bytes[torn..starts[2]].fill(0);
            let (at, gap) = gap_of(bytes, 0);
            assert_eq!(at, starts[1] as u64);
            assert!(matches!(gap, Gap::Torn(until) if until == end), "torn at {torn}");
        }
    }

    #[test]
    fn damage_in_a_group_is_told_by_any_later_group() {
        let (whole, starts) = written(&[1, 3, 1]);
        for at in [starts[1] + 70, starts[2] + 10, starts[3]] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(matches!(gap_of(bytes, 0).1, Gap::Damage(Damage { after: Some(_), .. })), "byte {at}");
        }
        let mut zeroed = whole;
        zeroed[starts[1]..starts[2]].fill(0);
        assert!(matches!(gap_of(zeroed, 0).1, Gap::Damage(..)), "zeros before what was promised are no end");
    }

    #[test]
    fn an_index_that_had_come_further_proves_that_the_last_record_was_promised() {
        let (mut bytes, starts) = written(&[1, 1]);
        bytes[starts[1] + 70] ^= 1;
        assert!(matches!(gap_of(bytes.clone(), 0).1, Gap::Torn(_)));
        assert!(matches!(gap_of(bytes, starts[1] as u64 + 1).1, Gap::Damage(Damage { after: None, .. })));
    }

    #[test]
    fn zeros_to_the_end_are_the_end() {
        let (bytes, _) = written(&[1, 2]);
        assert!(matches!(gap_of(bytes, u64::MAX).1, Gap::Nothing));
    }
}
