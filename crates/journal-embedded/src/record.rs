//! A record of the log: one batch of one job, or a mark that a job was dropped, closed by checksums.
//!
//! `length u32 · checksum of the payload u32 · position u64 · durable u64 · kind u8 · job 16 · first event u64 · events u32 ·
//! checksum of the header u32 · payload`. `durable` is what was durable when the record was written: it tells a write that a
//! crash tore, of which nobody was told, from damage to what had been promised. It is an offset in the record's own segment,
//! because copies and marks move the log on without a new position. Lengths and numbers are little-endian. The payload is
//! checked and laid out by whoever appends; the writer only puts the position in and closes the header. A length of zero ends
//! a segment: they are laid out in zeros.

use bytes::Bytes;
use crc32c::crc32c;
use engine::ids::JobId;
use journal::{IndexEntry, Position};
use uuid::Uuid;

use crate::picture;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 57;
/// Largest payload; anything that claims more is not a record.
pub(crate) const MAX_PAYLOAD: usize = 512 * 1024 * 1024;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Events of a job.
    Batch,
    /// Events of a job, copied forward from an older segment; the position is the old one.
    Moved,
    /// The job was dropped by retention.
    Dropped,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Moved => 2,
            Self::Dropped => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Batch),
            2 => Some(Self::Moved),
            3 => Some(Self::Dropped),
            _ => None,
        }
    }
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload: u32,
    pub(crate) checksum: u32,
    pub(crate) position: Position,
    /// Up to which byte of its segment everything was durable when this was written.
    pub(crate) durable: u64,
    pub(crate) kind: Kind,
    pub(crate) job: JobId,
    pub(crate) first: u64,
    pub(crate) count: u32,
}

impl Header {
    /// Closes the header and puts it in front of a payload, at the end of `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.payload.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
        out.extend_from_slice(&self.position.0.to_le_bytes());
        out.extend_from_slice(&self.durable.to_le_bytes());
        out.push(self.kind.byte());
        out.extend_from_slice(self.job.0.as_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        let closed = crc32c(&out[start..]);
        out.extend_from_slice(&closed.to_le_bytes());
    }

    /// Reads a header; none where there is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let payload = u32_at(0)?;
        let valid = u32_at(HEADER - 4)? == crc32c(&bytes[..HEADER - 4]) && payload as usize <= MAX_PAYLOAD;
        if !valid {
            return None;
        }
        Some(Self {
            payload,
            checksum: u32_at(4)?,
            position: Position(u64_at(8)?),
            durable: u64_at(16)?,
            kind: Kind::of(bytes[24])?,
            job: JobId(Uuid::from_slice(&bytes[25..41]).ok()?),
            first: u64_at(41)?,
            count: u32_at(49)?,
        })
    }

    /// Bytes of the whole record.
    pub(crate) fn record_len(&self) -> u64 {
        HEADER as u64 + u64::from(self.payload)
    }
}

/// A record, read back.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) header: Header,
    pub(crate) events: Vec<Bytes>,
    pub(crate) index: Option<IndexEntry>,
}

/// Lays out a payload: the index entry first (its length may be 0), then the events, each with its length.
pub(crate) fn payload(events: &[Bytes], index: Option<&IndexEntry>) -> Vec<u8> {
    let entry = index.map_or(0, picture::len);
    let size = 4 + entry + events.iter().map(|event| 4 + event.len()).sum::<usize>();
    let mut out = Vec::with_capacity(size);
    put_len(&mut out, entry);
    if let Some(index) = index {
        picture::put(&mut out, index);
    }
    for event in events {
        put_len(&mut out, event.len());
        out.extend_from_slice(event);
    }
    out
}

/// What is longer than this can say is longer than [`MAX_PAYLOAD`] too, and refused for that.
fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

/// Takes a payload apart; none where it is not what the header says.
pub(crate) fn read_payload(header: Header, payload: &Bytes) -> Option<Record> {
    if crc32c(payload) != header.checksum || payload.len() != header.payload as usize {
        return None;
    }
    let mut at = 0;
    let mut take = || {
        let len = u32::from_le_bytes(payload.get(at..at + 4)?.try_into().ok()?) as usize;
        let bytes = payload.get(at + 4..(at + 4).checked_add(len)?)?;
        at += 4 + len;
        Some(payload.slice_ref(bytes))
    };
    let index = take()?;
    let index = if index.is_empty() { None } else { Some(picture::read(&index)?) };
    let events = (0..header.count).map(|_| take()).collect::<Option<Vec<Bytes>>>()?;
    Some(Record { header, events, index })
}
