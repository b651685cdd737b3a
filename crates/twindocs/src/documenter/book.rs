//! What authors have written, by the hash of all they were given: equal work is not done twice, whoever was killed in between and
//! whichever job asks.
//!
//! One file of lines, only ever added to. A line is written at once, so the death of the process loses nothing, and synced together
//! with others, so the death of the machine loses little. Each line has a checksum: what a crash tore is cut, what a disk spoiled is
//! passed over and written again by an author. When the file outgrows its bound, what was used last is kept. Nothing here is the
//! truth of a job, that is in its artifacts; the file can be deleted at any time.
//!
//! Other crates keep such files too (translations, a theatre's log), each with a promise of its own: a chain, no sync. Only a few
//! lines are alike.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::records::documented::Spent;

/// Lines between two syncs.
const GROUP: usize = 32;
/// Letters of a checksum.
const CHECK: usize = 16;

/// The book. Its calls block for as long as a disk does.
#[derive(Debug)]
pub struct Book {
    inner: Mutex<Inner>,
    most_bytes: u64,
}

#[derive(Debug, Default)]
struct Inner {
    /// None: nothing is kept but the sums.
    file: Option<(PathBuf, File)>,
    bytes: u64,
    unsynced: usize,
    places: HashMap<String, Place>,
    spent: HashMap<String, Spent>,
    clock: u64,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
    used: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    key: &'a str,
    by: &'a str,
    spent: Spent,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// What was written.
    pub value: T,
    /// Which job's which run wrote it.
    pub by: String,
    /// What it used for that.
    pub spent: Spent,
}

impl Book {
    /// Opens the book in a service's folder; without a folder nothing is kept but sums. Nothing is ever larger than
    /// `most_bytes`, but for the last line.
    ///
    /// # Errors
    /// The file's.
    pub fn open(folder: Option<&Path>, most_bytes: u64) -> io::Result<Self> {
        let mut inner = Inner::default();
        if let Some(folder) = folder {
            fs::create_dir_all(folder)?;
            let path = folder.join("book.jsonl");
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            inner.read(&file)?;
            inner.file = Some((path, file));
        }
        let book = Self { inner: Mutex::new(inner), most_bytes };
        {
            let mut inner = book.inner.lock();
            if inner.bytes > most_bytes {
                inner.compact(most_bytes / 2)?;
            }
        }
        Ok(book)
    }

    /// Finds what was written for a key.
    ///
    /// # Errors
    /// Where the file cannot be read. A value that does not fit any more is as good as none.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> io::Result<Option<Found<T>>> {
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let clock = inner.clock;
        let Some(place) = inner.places.get_mut(key) else { return Ok(None) };
        place.used = clock;
        let place = *place;
        let bytes = inner.line(place)?;
        drop(inner);
        let found = checked(&bytes).filter(|line| line.key == key).and_then(|line| {
            let value = serde_json::from_str(line.value?.get()).ok()?;
            Some(Found { value, by: line.by.to_owned(), spent: line.spent })
        });
        Ok(found)
    }

    /// Writes what `by` used, and what came of it where anything did.
    ///
    /// # Errors
    /// Where it cannot be written: then it is not kept.
    pub fn put<T: Serialize>(
        &self,
        (key, by): (&str, &str),
        spent: Spent,
        value: Option<&T>,
    ) -> io::Result<()> {
        let value = value.map(serde_json::value::to_raw_value).transpose()?;
        let line = serde_json::to_string(&Line { key, by, spent, value: value.as_deref() })?;
        let text = format!("{} {line}\n", checksum(line.as_bytes()));
        let mut inner = self.inner.lock();
        let at = inner.bytes;
        if let Some((_, file)) = &mut inner.file {
            if let Err(error) = file.write_all(text.as_bytes()) {
                // Half a line must not spoil the next one.
                file.set_len(at)?;
                return Err(error);
            }
            inner.bytes += text.len() as u64;
            inner.unsynced += 1;
            inner.clock += 1;
            if value.is_some() {
                let place = Place { at, length: text.len(), used: inner.clock };
                inner.places.insert(key.to_owned(), place);
            }
        }
        inner.spent.entry(by.to_owned()).or_default().add(spent);
        if inner.unsynced >= GROUP {
            inner.sync()?;
        }
        if inner.bytes > self.most_bytes {
            inner.compact(self.most_bytes / 2)?;
        }
        Ok(())
    }

    /// Returns when everything written is on the disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> io::Result<()> {
        self.inner.lock().sync()
    }

    /// Returns what a run of a job has used, as far as the book goes back.
    #[must_use]
    pub fn spent_by(&self, by: &str) -> Spent {
        let spent = self.inner.lock().spent.get(by).copied().unwrap_or_default();
        // The order in which answers came must not be seen in the last digits.
        Spent { usd: (spent.usd * 1e9).round() / 1e9, ..spent }
    }

    /// Returns how many keys something is written for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.lock().places.len()
    }

    /// Returns whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    /// Reads all lines, cuts what a crash left unfinished, passes over what is damaged.
    fn read(&mut self, file: &File) -> io::Result<()> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(0))?;
        let (mut bytes, mut damaged) = (Vec::new(), 0);
        loop {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.last() != Some(&b'\n') {
                tracing::warn!(cut = bytes.len(), "an unfinished line at the end of the book is cut");
                file.set_len(self.bytes)?;
                file.sync_all()?;
                break;
            }
            self.clock += 1;
            match checked(&bytes) {
                Some(line) => {
                    if line.value.is_some() {
                        let place = Place { at: self.bytes, length: bytes.len(), used: self.clock };
                        self.places.insert(line.key.to_owned(), place);
                    }
                    self.spent.entry(line.by.to_owned()).or_default().add(line.spent);
                }
                None => damaged += 1,
            }
            self.bytes += bytes.len() as u64;
        }
        if damaged > 0 {
            tracing::warn!(damaged, "lines of the book are damaged and passed over");
        }
        Ok(())
    }

    fn line(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.length];
        if let Some((_, file)) = &mut self.file {
            file.seek(SeekFrom::Start(place.at))?;
            file.read_exact(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some((_, file)) = &self.file
            && self.unsynced > 0
        {
            file.sync_data()?;
        }
        self.unsynced = 0;
        Ok(())
    }

    /// Keeps what was used last, at most `most` bytes of it, in another file that then takes this one's place.
    fn compact(&mut self, most: u64) -> io::Result<()> {
        let Some(path) = self.file.as_ref().map(|(path, _)| path.clone()) else { return Ok(()) };
        let mut kept: Vec<(String, Place)> = self.places.drain().collect();
        kept.sort_by_key(|(_, place)| std::cmp::Reverse(place.used));
        let mut sum = 0;
        kept.retain(|(_, place)| {
            sum += place.length as u64;
            sum <= most
        });
        kept.reverse();
        let part = path.with_extension("part");
        let mut fresh = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&part)?;
        let mut at = 0;
        for (key, place) in kept {
            fresh.write_all(&self.line(place)?)?;
            self.places.insert(key, Place { at, ..place });
            at += place.length as u64;
        }
        fresh.sync_all()?;
        fs::rename(&part, &path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        tracing::info!(from = self.bytes, to = at, lines = self.places.len(), "the book was compacted");
        (self.file, self.bytes, self.unsynced) = (Some((path, file)), at, 0);
        Ok(())
    }
}

fn checksum(line: &[u8]) -> String {
    blake3::hash(line).to_hex()[..CHECK].to_owned()
}

/// The line in these bytes, where its checksum holds.
fn checked(bytes: &[u8]) -> Option<Line<'_>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (check, line) = text.split_once(' ')?;
    if check != checksum(line.as_bytes()) {
        return None;
    }
    serde_json::from_str(line).ok()
}
