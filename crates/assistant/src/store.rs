//! What is remembered: one line of JSON for each thing that happened to it, appended and synced.
//!
//! A line says that an item is there, or that it is gone. What was written last counts, so a task that is done a second time
//! after a crash changes nothing. When most lines are of items that are gone, the file is written anew beside the old one and
//! takes its place in one step. A last line without its end is what a crash leaves: it was never answered for and is cut off.
//! Anything else that can't be read is an error with its line, never skipped.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Lines of items that are gone before it is worth to write the file anew.
const MOST_DEAD: usize = 1_000;

/// Something that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, given by who remembers it: the same again is the same item.
    pub id: String,
    /// When it was remembered.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Words to find it by, beside those of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Line {
    Item(Item),
    Gone { id: String },
}

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("the memory {} can't be read or written", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that we have not written.
    #[error("the memory {} is damaged in line {line}: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Nothing was opened yet.
    #[error("the memory is not open")]
    Closed,
}

/// The items, and the file that they are in.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// None after a write that failed: what is in the file is not known any more.
    file: Option<File>,
    items: BTreeMap<String, Item>,
    dead: usize,
}

impl Store {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Where it can't be read, or a line of it is not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut store = Self { path: path.to_owned(), file: None, items: BTreeMap::new(), dead: 0 };
        for (number, line) in text[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
            let line = serde_json::from_slice(line).map_err(|error| StoreError::Damaged {
                path: path.to_owned(),
                line: number + 1,
                why: error.to_string(),
            })?;
            store.take(line);
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        store.file = Some(file);
        Ok(store)
    }

    /// Remembers an item. False where it was there already, as it is.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn remember(&mut self, item: Item) -> Result<bool, StoreError> {
        if self.items.get(&item.id) == Some(&item) {
            return Ok(false);
        }
        self.append(vec![Line::Item(item)])?;
        Ok(true)
    }

    /// Forgets items; those that are not there are none of it. Returns how many were.
    ///
    /// # Errors
    /// Where it can't be written; nothing is forgotten then.
    pub fn forget(&mut self, ids: &[String]) -> Result<usize, StoreError> {
        let there = ids.iter().filter(|id| self.items.contains_key(*id));
        let lines: Vec<Line> = there.map(|id| Line::Gone { id: id.clone() }).collect();
        let count = lines.len();
        self.append(lines)?;
        Ok(count)
    }

    /// An item.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.items.get(id)
    }

    /// All items, by id.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Item(item) => {
                if self.items.insert(item.id.clone(), item).is_some() {
                    self.dead += 1;
                }
            }
            Line::Gone { id } => {
                self.dead += 1 + usize::from(self.items.remove(&id).is_some());
            }
        }
    }

    fn append(&mut self, lines: Vec<Line>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let text = self.text(&lines)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            // After a write that failed the file may hold a part of it: what is there counts.
            None => {
                *self = Self::open(&self.path.clone())?;
                self.file.take().ok_or(StoreError::Closed)?
            }
        };
        file.write_all(&text).and_then(|()| file.sync_data()).map_err(|error| self.failed(error))?;
        self.file = Some(file);
        lines.into_iter().for_each(|line| self.take(line));
        if self.dead > MOST_DEAD && self.dead > self.items.len() {
            self.compact()?;
        }
        Ok(())
    }

    /// Writes the file anew, with the items that are there and nothing else.
    fn compact(&mut self) -> Result<(), StoreError> {
        let lines: Vec<Line> = self.items.values().cloned().map(Line::Item).collect();
        let text = self.text(&lines)?;
        let beside = self.path.with_extension("new");
        let written = (|| {
            let mut file = File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            if let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            OpenOptions::new().append(true).open(&self.path)
        })();
        self.file = Some(written.map_err(|error| self.failed(error))?);
        self.dead = 0;
        Ok(())
    }

    fn text(&self, lines: &[Line]) -> Result<Vec<u8>, StoreError> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(|error| self.failed(error.into()))?;
            text.push(b'\n');
        }
        Ok(text)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests;
