//! A theatre's log on disk: one file of lines, only ever appended to, synced before anybody hears of what it says.
//!
//! What a crash leaves behind the last newline was never acknowledged, and is cut. Damage before that is named and refused:
//! guessing would turn an audit into a story.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::{
    chain::{self, Broken, Head},
    event::Entry,
};

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The chain is broken.
    #[error("{} is damaged: {broken}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        broken: Broken,
    },
}

/// An open log.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
    head: Head,
    /// Where each line begins; the last element is the end of the file.
    offsets: Vec<u64>,
}

impl Log {
    /// Opens or makes a log and hands every entry on, in order.
    ///
    /// # Errors
    /// The file cannot be used, or it is damaged.
    pub fn open(path: &Path, theatre: &str, mut each: impl FnMut(Entry)) -> Result<Self, OpenError> {
        let fail = |source| OpenError::File { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(fail)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        if whole < bytes.len() {
            tracing::warn!(
                theatre,
                cut = bytes.len() - whole,
                "an unfinished line at the end of the log is cut"
            );
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(fail)?;
        }
        let damaged = |broken| OpenError::Damaged { path: path.to_owned(), broken };
        let head = chain::walk(theatre, &bytes[..whole], &mut each).map_err(damaged)?;
        let mut offsets = vec![0];
        let newlines = bytes[..whole].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        offsets.extend(newlines.map(|(at, _)| at as u64 + 1));
        file.seek(SeekFrom::Start(whole as u64)).map_err(fail)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)?;
        }
        Ok(Self { file, path: path.to_owned(), head, offsets })
    }

    /// Where the chain ends.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the line of entry `seq` begins and where the log ends, in bytes; a `seq` past the end is the end.
    #[must_use]
    pub fn range_from(&self, seq: u64) -> (u64, u64) {
        let end = self.offsets.last().copied().unwrap_or(0);
        let index = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        (self.offsets.get(index).copied().unwrap_or(end), end)
    }

    /// Appends entries: one write and one sync for all of them. Returns when they are durable.
    ///
    /// # Errors
    /// After one, nothing is known of what the file holds: open it again.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut lines = String::new();
        let (mut head, mut at) = (self.head, self.range_from(u64::MAX).1);
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries {
            let before = lines.len();
            head.append(entry, &mut lines)?;
            at += (lines.len() - before) as u64;
            ends.push(at);
        }
        self.file.write_all(lines.as_bytes())?;
        self.file.sync_data()?;
        self.head = head;
        self.offsets.extend(ends);
        Ok(())
    }
}

/// Reads entries from a piece of a log that [`Log::range_from`] gave: whole lines that were checked when they were written.
///
/// # Errors
/// Where the file cannot be read or does not hold entries any more.
pub fn read_piece<T: DeserializeOwned>(
    path: &Path,
    (from, end): (u64, u64),
    most: usize,
) -> io::Result<Vec<T>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = io::BufReader::new(file.take(end.saturating_sub(from)));
    let (mut entries, mut line) = (Vec::new(), Vec::new());
    while entries.len() < most && io::BufRead::read_until(&mut reader, b'\n', &mut line)? > 0 {
        entries.push(serde_json::from_slice(&line)?);
        line.clear();
    }
    Ok(entries)
}
