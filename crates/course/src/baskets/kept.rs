//! The phrases that a LEGO had the last time, so that a changed sentence changes what depends on it and nothing else.
//!
//! What is worth saying is judged by the evidence of all sentences, so three changed ones would shift phrases everywhere, and
//! every shifted phrase has to be spoken anew. A phrase that still stands, because all its LEGOs are taught by then and mean
//! what they meant, is kept instead. A file for each LEGO; what can't be read is made again.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::model::{Basket, Pair};

/// How phrases are made. Those that an older method made are not kept: raise this when the method changes.
const METHOD: u32 = 1;

/// A phrase as the LEGOs it is built from.
pub type Pieces = Vec<Pair>;

/// Where the phrases of a course's LEGOs are kept.
#[derive(Debug)]
pub struct Kept {
    folder: Option<PathBuf>,
}

impl Kept {
    /// In a folder of the service; without one nothing is kept.
    #[must_use]
    pub fn of(data: Option<&Path>, course: &str) -> Self {
        Self { folder: data.map(|data| data.join("phrases").join(format!("{course}-{METHOD}"))) }
    }

    /// What a LEGO's basket held the last time.
    #[must_use]
    pub fn phrases(&self, lego: &Pair) -> Vec<Pieces> {
        let read = self.file(lego).and_then(|file| std::fs::read(file).ok());
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps what a basket holds now. `legos` are the course's LEGOs by id.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn keep(&self, basket: &Basket, legos: &BTreeMap<&str, &Pair>) -> io::Result<()> {
        let Some(file) = self.file(&basket.lego) else { return Ok(()) };
        let pieces = |ids: &Vec<String>| -> Option<Pieces> {
            ids.iter().map(|id| legos.get(id.as_str()).map(|pair| (*pair).clone())).collect()
        };
        let phrases: Vec<Pieces> =
            basket.practice_phrases.iter().filter_map(|phrase| pieces(&phrase.legos)).collect();
        if self.phrases(&basket.lego) == phrases {
            return Ok(());
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Under another name first: whoever is killed here leaves the old file or the new one.
        let fresh = file.with_extension(format!("{}.new", std::process::id()));
        std::fs::write(&fresh, serde_json::to_vec(&phrases)?)?;
        std::fs::rename(&fresh, &file)
    }

    fn file(&self, lego: &Pair) -> Option<PathBuf> {
        let mut hash = blake3::Hasher::new();
        for text in [&lego.known, &lego.target] {
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        self.folder.as_ref().map(|folder| folder.join(format!("{}.json", hash.finalize().to_hex())))
    }
}
