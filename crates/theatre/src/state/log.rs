//! A theatre's log on disk: one file of lines, only ever appended to, synced before anybody hears of what it says.
//!
//! What a crash leaves behind the last newline was never acknowledged, and is cut. Damage before that is named and refused:
//! guessing would turn an audit into a story. What a failed write leaves was refused, and is cut, too: whole lines that were
//! not synced must not come back as if they had happened.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
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

/// What a log is kept in: a file, or in a test one that fails when it is told to.
pub trait Medium: fmt::Debug + Send {
    /// All bytes.
    ///
    /// # Errors
    /// The file's, as below.
    fn read_all(&mut self) -> io::Result<Vec<u8>>;

    /// Writes at the end. After an error a part may be there.
    ///
    /// # Errors
    /// No room, a broken disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was appended is durable.
    ///
    /// # Errors
    /// As above; nothing is known of what was appended since the last one.
    fn sync(&mut self) -> io::Result<()>;

    /// Keeps so many bytes, durably, and appends after them.
    ///
    /// # Errors
    /// As above.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.rewind()?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}

type OpenFile = dyn Fn(&Path) -> io::Result<Box<dyn Medium>> + Send + Sync;

/// How a log's file is opened or made.
#[derive(Clone)]
pub struct Opener(pub Arc<OpenFile>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

impl Default for Opener {
    /// On the disk; a new file's name is durable, too.
    fn default() -> Self {
        Self(Arc::new(|path| {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            if let Some(folder) = path.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(Box::new(file))
        }))
    }
}

/// An open log.
#[derive(Debug)]
pub struct Log {
    file: Box<dyn Medium>,
    path: PathBuf,
    head: Head,
    /// Where each line begins; the last element is the end of the file.
    offsets: Vec<u64>,
}

impl Log {
    /// Opens or makes a log and hands every entry on, in order. Of a file that holds more than `durable` bytes the rest is cut.
    ///
    /// # Errors
    /// The file cannot be used, or it is damaged.
    pub fn open(
        opener: &Opener,
        path: &Path,
        theatre: &str,
        durable: Option<u64>,
        mut each: impl FnMut(Entry),
    ) -> Result<Self, OpenError> {
        let fail = |source| OpenError::File { path: path.to_owned(), source };
        let mut file = (opener.0)(path).map_err(fail)?;
        let mut bytes = file.read_all().map_err(fail)?;
        let length = bytes.len();
        bytes.truncate(durable.and_then(|most| usize::try_from(most).ok()).unwrap_or(length));
        bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1));
        if bytes.len() < length {
            let cut = length - bytes.len();
            tracing::warn!(theatre, cut, "what was never acknowledged is cut from the end of the log");
        }
        let damaged = |broken| OpenError::Damaged { path: path.to_owned(), broken };
        let head = chain::walk(theatre, &bytes, &mut each).map_err(damaged)?;
        file.cut(bytes.len() as u64).map_err(fail)?;
        let mut offsets = vec![0];
        let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        offsets.extend(newlines.map(|(at, _)| at as u64 + 1));
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

    /// How many bytes are durable.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Where the line of entry `seq` begins and where the log ends, in bytes; a `seq` past the end is the end.
    #[must_use]
    pub fn range_from(&self, seq: u64) -> (u64, u64) {
        let end = self.end();
        let index = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        (self.offsets.get(index).copied().unwrap_or(end), end)
    }

    /// Appends entries: one write and one sync for all of them. Returns when they are durable.
    ///
    /// # Errors
    /// After one, nothing is known of what the file holds after [`Log::end`]: open it again, up to there.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut lines = String::new();
        let (mut head, mut at) = (self.head, self.end());
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries {
            let before = lines.len();
            head.append(entry, &mut lines)?;
            at += (lines.len() - before) as u64;
            ends.push(at);
        }
        self.file.append(lines.as_bytes())?;
        self.file.sync()?;
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
