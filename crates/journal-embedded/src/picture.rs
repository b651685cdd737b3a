//! An index entry as bytes of a record: a version, then the fields in their order, numbers little-endian, texts with their length.
//!
//! Not JSON: an entry travels with every other batch, and its summary is bytes, which JSON would write as a list of numbers.
//! Entries of logs from before this form were JSON; they begin with a brace and are read still.

use bytes::Bytes;
use journal::IndexEntry;

/// The form that is written.
const FORM: u8 = 1;
/// The first byte of an entry in JSON.
const JSON: u8 = b'{';
/// The flag of a live job, and of one with a deadline.
const LIVE: u8 = 1;
const HAS_DEADLINE: u8 = 2;

/// How many bytes an entry takes.
pub(crate) fn len(entry: &IndexEntry) -> usize {
    let texts = [entry.pipeline.len(), entry.key.len(), entry.state.len(), entry.summary.len()];
    3 + 3 * 8 + texts.iter().map(|len| 4 + len).sum::<usize>()
}

/// Writes an entry; as many bytes as [`len`] says.
pub(crate) fn put(out: &mut Vec<u8>, entry: &IndexEntry) {
    let deadline = if entry.deadline.is_some() { HAS_DEADLINE } else { 0 };
    out.extend_from_slice(&[FORM, (u8::from(entry.live) * LIVE) | deadline, entry.priority]);
    for moment in [entry.created, entry.updated, entry.deadline.unwrap_or(0)] {
        out.extend_from_slice(&moment.to_le_bytes());
    }
    for text in [entry.pipeline.as_bytes(), entry.key.as_bytes(), entry.state.as_bytes(), &entry.summary] {
        out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(text);
    }
}

/// Reads an entry; none where it is not what was written.
pub(crate) fn read(bytes: &Bytes) -> Option<IndexEntry> {
    match *bytes.first()? {
        JSON => serde_json::from_slice(bytes).ok(),
        FORM => read_fields(bytes),
        _ => None,
    }
}

fn read_fields(bytes: &Bytes) -> Option<IndexEntry> {
    let (flags, priority) = (*bytes.get(1)?, *bytes.get(2)?);
    let mut at = 3;
    let mut moment = || {
        let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
        at += 8;
        Some(u64::from_le_bytes(bytes))
    };
    let (created, updated, deadline) = (moment()?, moment()?, moment()?);
    let mut take = || {
        let len = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let found = bytes.get(at + 4..(at + 4).checked_add(len)?)?;
        at += 4 + len;
        Some(found)
    };
    let mut text = || Some(std::str::from_utf8(take()?).ok()?.to_owned());
    let (pipeline, key, state) = (text()?, text()?, text()?);
    Some(IndexEntry {
        pipeline,
        key,
        state,
        live: flags & LIVE != 0,
        created,
        updated,
        deadline: (flags & HAS_DEADLINE != 0).then_some(deadline),
        priority,
        // A copy: an entry must not keep the whole record in memory.
        summary: Bytes::copy_from_slice(take()?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = IndexEntry> {
        let texts = (".{0,20}", ".{0,20}", ".{0,20}", prop::collection::vec(any::<u8>(), 0..20));
        let numbers = (any::<bool>(), any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<u8>());
        (texts, numbers).prop_map(
            |((pipeline, key, state, summary), (live, created, updated, deadline, priority))| {
                let summary = Bytes::from(summary);
                IndexEntry { pipeline, key, state, live, created, updated, deadline, priority, summary }
            },
        )
    }

    proptest! {
        #[test]
        fn an_entry_reads_back_and_no_part_of_it_reads_as_one(entry in entry()) {
            let mut out = Vec::new();
            put(&mut out, &entry);
            prop_assert_eq!(out.len(), len(&entry));
            let bytes = Bytes::from(out);
            prop_assert_eq!(read(&bytes), Some(entry.clone()));
            for short in 0..bytes.len() {
                prop_assert_eq!(read(&bytes.slice(..short)), None);
            }
            let json = Bytes::from(serde_json::to_vec(&entry).expect("an entry is JSON"));
            prop_assert_eq!(read(&json), Some(entry));
        }
    }
}
