//! Files of the log: named by number, begun by a header, laid out in zeros before anything is written.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use journal::JournalError;

use crate::{
    disk::{Disk, File},
    record::{HEADER, Header, Record, read_payload},
};

/// First bytes of every segment: what it is, and the version of its form.
pub(crate) const MAGIC: &[u8; 16] = b"segue-journal\0\0\x01";
/// Zeros written at a time.
const CHUNK: usize = 1024 * 1024;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// The folder of segments.
pub(crate) fn log_folder(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The file of a segment.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    log_folder(folder).join(format!("{number:016}.seg"))
}

/// The numbers of all segments, in order.
pub(crate) fn numbers(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<u64>> {
    let names = disk.list(&log_folder(folder))?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect())
}

/// Makes a segment of `bytes`, zeros behind its header, durable under its name before anything is written to it.
pub(crate) fn lay_out(disk: &dyn Disk, folder: &Path, number: u64, bytes: u64) -> io::Result<Box<dyn File>> {
    let log = log_folder(folder);
    let fresh = log.join(format!("{number:016}.new"));
    if disk.list(&log)?.contains(&format!("{number:016}.new")) {
        disk.remove(&fresh)?;
    }
    let made = (|| {
        let file = disk.open(&fresh, true)?;
        file.write_at(MAGIC, 0)?;
        let zeros = vec![0; CHUNK];
        let mut at = MAGIC.len() as u64;
        while at < bytes {
            let rest = usize::try_from(bytes - at).unwrap_or(CHUNK).min(CHUNK);
            file.write_at(&zeros[..rest], at)?;
            at += rest as u64;
        }
        file.sync()?;
        disk.rename(&fresh, &path(folder, number))?;
        disk.sync_folder(&log)?;
        Ok(file)
    })();
    if made.is_err() {
        // The first error is the one that is told.
        let _ = disk.remove(&fresh);
    }
    made
}

/// Reads a record whose place is known.
pub(crate) fn read_record(file: &dyn File, path: &Path, place: &Place) -> Result<Record, JournalError> {
    let failed = |error: io::Error| io_error(path, &error);
    let mut bytes = vec![0; usize::try_from(place.len).unwrap_or(0)];
    file.read_at(&mut bytes, place.offset).map_err(failed)?;
    let header = Header::read(&bytes);
    let payload = Bytes::from(bytes).slice(HEADER.min(usize::try_from(place.len).unwrap_or(0))..);
    header.and_then(|header| read_payload(header, &payload)).ok_or_else(|| JournalError::Damaged {
        segment: path.display().to_string(),
        offset: place.offset,
        lost: "a record that was there can't be read any more".to_owned(),
    })
}

pub(crate) fn io_error(path: &Path, error: &io::Error) -> JournalError {
    JournalError::Io { what: path.display().to_string(), error: error.to_string() }
}
