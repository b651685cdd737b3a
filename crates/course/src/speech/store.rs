//! The recordings that exist, in a folder that all courses share: `{root}/audio/7F/7F….opus`, beside each a record
//! of how it was made. A recording is used again only where its record says that it would be made the same way today.
//!
//! Both files appear by renaming, the audio first: whoever finds a record finds its audio whole. Two processes that make
//! the same sample at the same time write the same bytes, so either may win.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::format::Format;
use super::quality::Flag;
use crate::model::{Cadence, Role};

/// Everything that decides how a sample sounds. Two equal recipes give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is said.
    pub text: String,
    /// ISO 639-3.
    pub language: String,
    /// Who says it.
    pub role: Role,
    /// How fast.
    pub cadence: Cadence,
    /// The engine and its version.
    pub engine: String,
    /// Its voices, the narrator's first where there are several.
    pub voices: Vec<String>,
    /// Version of what happens to the sound afterwards.
    pub processing: u32,
}

/// What is known about a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// How it was made.
    pub recipe: Recipe,
    /// Measured length in seconds.
    pub seconds: f64,
    /// Measured loudness; absent for silence.
    pub lufs: Option<f64>,
    /// What is odd about it.
    pub flags: Vec<Flag>,
    /// Length of the file.
    pub bytes: u64,
    /// BLAKE3 of the file, in hex.
    pub blake3: String,
    /// For what it was made first: a fingerprint of the job and its samples, so that a repeated attempt can tell its own
    /// recordings from those that were there before.
    pub made_for: String,
}

/// The folder of recordings.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    format: Format,
    unique: AtomicU64,
}

impl Store {
    /// Uses `data_dir/audio`; folders are made when they are needed.
    #[must_use]
    pub fn new(data_dir: &Path, format: Format) -> Self {
        Self { root: data_dir.join("audio"), format, unique: AtomicU64::new(0) }
    }

    /// Returns the format of its recordings.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Returns where the audio of a sample is, or will be.
    #[must_use]
    pub fn path(&self, id: &str) -> PathBuf {
        let folder = id.get(..2).unwrap_or("__");
        self.root.join(folder).join(format!("{id}.{}", self.format.extension()))
    }

    fn record_path(&self, id: &str) -> PathBuf {
        self.path(id).with_extension(format!("{}.json", self.format.extension()))
    }

    /// Returns the record of a sample that was made by exactly this recipe and whose file is whole. A file that is
    /// damaged or made otherwise counts as absent: it is made again over it.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn find(&self, id: &str, recipe: &Recipe) -> io::Result<Option<Record>> {
        let Some(bytes) = present(fs::read(self.record_path(id)))? else { return Ok(None) };
        let Ok(record) = serde_json::from_slice::<Record>(&bytes) else { return Ok(None) };
        if record.recipe != *recipe {
            return Ok(None);
        }
        let length = present(fs::metadata(self.path(id)))?.map(|file| file.len());
        Ok((length == Some(record.bytes)).then_some(record))
    }

    /// Reads the audio of a sample.
    ///
    /// # Errors
    /// Where it is not there or cannot be read.
    pub fn read(&self, id: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(id))
    }

    /// Keeps a recording: first the audio, then its record.
    ///
    /// # Errors
    /// Where the folder cannot be written, such as a full disk; no half file stays under a final name.
    pub fn keep(&self, id: &str, audio: &[u8], record: &Record) -> io::Result<()> {
        let described = serde_json::to_vec(record)?;
        self.write_whole(&self.path(id), audio)?;
        self.write_whole(&self.record_path(id), &described)
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.unique.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{number}.draft", std::process::id()));
        let written = match fs::write(&draft, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(&self.root))
                    .and_then(|()| fs::write(&draft, bytes))
            }
            other => other,
        };
        written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
            // The first error is the one to report; a draft that stays is overwritten or harmless.
            let _ = fs::remove_file(&draft);
        })
    }
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(voice: &str) -> Recipe {
        Recipe {
            text: "hola".to_owned(),
            language: "spa".to_owned(),
            role: Role::Target1,
            cadence: Cadence::Slow,
            engine: "espeak-ng 1.51".to_owned(),
            voices: vec![voice.to_owned()],
            processing: 1,
        }
    }

    fn record(voice: &str, bytes: u64) -> Record {
        Record {
            recipe: recipe(voice),
            seconds: 0.5,
            lufs: Some(-16.0),
            flags: Vec::new(),
            bytes,
            blake3: String::new(),
            made_for: "x".to_owned(),
        }
    }

    #[test]
    fn what_was_kept_is_found_again_for_the_same_recipe_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path(), Format::Opus);
        assert_eq!(store.find("AB1", &recipe("es")).expect("readable"), None);
        store.keep("AB1", b"sound", &record("es", 5)).expect("writable");
        assert_eq!(store.find("AB1", &recipe("es")).expect("readable"), Some(record("es", 5)));
        assert_eq!(store.find("AB1", &recipe("es-419")).expect("readable"), None);
        assert_eq!(store.read("AB1").expect("readable"), b"sound");
        let names: Vec<_> = fs::read_dir(folder.path().join("audio/AB"))
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name())
            .collect();
        assert_eq!(names.len(), 2, "only the audio and its record: {names:?}");
    }

    #[test]
    fn a_file_that_was_cut_off_or_whose_record_is_damaged_counts_as_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path(), Format::Opus);
        store.keep("AB1", b"sound", &record("es", 5)).expect("writable");
        fs::write(store.path("AB1"), b"so").expect("writable");
        assert_eq!(store.find("AB1", &recipe("es")).expect("readable"), None);
        store.keep("AB1", b"sound", &record("es", 5)).expect("writable");
        fs::write(store.record_path("AB1"), b"{").expect("writable");
        assert_eq!(store.find("AB1", &recipe("es")).expect("readable"), None);
    }
}
