//! What was heard and `state` does not have yet, on the disk: a file for each transcript, in order. Written and synced before
//! anybody is told; removed when `state` has it. So the death of either service loses nothing, and a transcript that was
//! taken in the moment of our death is sent again.

use std::{
    collections::{BTreeSet, VecDeque},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Most transcripts that wait. A day of talk; beyond it `state` is gone for good.
pub const MOST: usize = 20_000;

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// In which theatre.
    pub theatre: String,
    /// The words.
    pub text: String,
    /// Whose.
    pub speaker: String,
    /// 0 to 1; none where the recogniser does not say.
    pub confidence: Option<f64>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// Why a transcript could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Too many wait.
    #[error("{MOST} transcripts wait already for the service state")]
    Full,
    /// The disk.
    #[error("the spool cannot be written: {0}")]
    Disk(#[from] io::Error),
}

/// The spool.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    /// The next number; held while a file is written.
    next: Mutex<u64>,
    /// Never held while the disk works: those who look do not wait for it.
    waiting: Mutex<VecDeque<(u64, Transcript)>>,
    added: Notify,
}

impl Spool {
    /// A spool in this folder; [`Spool::open`] reads what is there.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, next: Mutex::default(), waiting: Mutex::default(), added: Notify::new() }
    }

    /// Makes the folder and reads what the last process left. A file that a dying process did not finish has its other name
    /// and is removed: nobody was told of it.
    ///
    /// # Errors
    /// The folder's; a transcript that cannot be read is set aside as `*.damaged` with a warning.
    pub fn open(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("part") => fs::remove_file(&path)?,
                Some("json") => found.push(path),
                _ => {}
            }
        }
        found.sort();
        let (mut next, mut waiting) = (self.next.lock(), self.waiting.lock());
        for path in found {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let transcript = fs::read(&path).map(|bytes| serde_json::from_slice(&bytes));
            match (number, transcript?) {
                (Some(number), Ok(transcript)) => {
                    *next = number + 1;
                    waiting.push_back((number, transcript));
                }
                (_, read) => {
                    let why = read.err().map(|error| error.to_string()).unwrap_or_default();
                    tracing::warn!(file = %path.display(), %why, "a transcript in the spool cannot be read");
                    fs::rename(&path, path.with_extension("damaged"))?;
                }
            }
        }
        Ok(())
    }

    /// Keeps a transcript. When this returns it is on the disk. Blocks: call it where that is allowed.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn add(&self, transcript: Transcript) -> Result<(), SpoolError> {
        let mut next = self.next.lock();
        if self.len() >= MOST {
            return Err(SpoolError::Full);
        }
        let number = *next;
        let (path, part) = (self.path(number), self.path(number).with_extension("part"));
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(&transcript).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        sync_folder(&self.folder)?;
        *next = number + 1;
        self.waiting.lock().push_back((number, transcript));
        self.added.notify_one();
        Ok(())
    }

    /// The oldest of each theatre, in order: no theatre waits for another.
    #[must_use]
    pub fn firsts(&self) -> Vec<(u64, Transcript)> {
        let waiting = self.waiting.lock();
        let mut seen = BTreeSet::new();
        waiting.iter().filter(|(_, one)| seen.insert(one.theatre.as_str())).cloned().collect()
    }

    /// Forgets one that was delivered. Blocks, as [`Spool::add`].
    ///
    /// # Errors
    /// The disk's; it is sent again then.
    pub fn remove(&self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.waiting.lock().retain(|(one, _)| *one != number);
        Ok(())
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether none wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends when one was added, perhaps before this was called.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.json"))
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Transcript {
        let at = Timestamp::UNIX_EPOCH;
        let [theatre, speaker] = ["or1", "surgeon"].map(str::to_owned);
        Transcript {
            theatre,
            text: text.to_owned(),
            speaker,
            confidence: Some(0.9),
            started_at: at,
            ended_at: at,
        }
    }

    #[test]
    fn what_was_kept_is_there_after_a_death_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || {
            let spool = Spool::new(folder.path().join("spool"));
            spool.open().expect("opened");
            spool
        };
        let first = open();
        for text in ["one", "two", "three"] {
            first.add(said(text)).expect("kept");
        }
        let [(number, _)] = first.firsts()[..] else { panic!("one theatre") };
        first.remove(number).expect("removed");
        drop(first);
        fs::write(folder.path().join("spool/00000000000000000009.part"), "{").expect("written");
        fs::write(folder.path().join("spool/00000000000000000001.json"), "{").expect("damaged");

        let second = open();
        second.add(said("four")).expect("kept");
        let texts: Vec<String> = std::iter::from_fn(|| {
            let (number, transcript) = second.firsts().into_iter().next()?;
            second.remove(number).expect("removed");
            Some(transcript.text)
        })
        .collect();
        assert_eq!(texts, ["three", "four"], "two was damaged and is set aside");
        assert!(folder.path().join("spool/00000000000000000001.damaged").exists());
    }
}
