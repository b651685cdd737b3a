//! What translators have said before, by language pair, translator (with its version or model) and text, so that an
//! unchanged sentence is not translated again.
//!
//! One file for each pair and translator, a line for each text, only ever added to and with one write for a group: several
//! attempts may add at the same time, and a line that a crash tore is passed over. It can be deleted at any time.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

/// Kept translations of one translator for one pair of languages.
#[derive(Debug, Default)]
pub(super) struct Cache {
    path: Option<PathBuf>,
    pairs: HashMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    known: std::borrow::Cow<'a, str>,
    target: std::borrow::Cow<'a, str>,
}

impl Cache {
    /// Reads what there is in a service's folder; without a folder nothing is kept.
    pub(super) async fn open(folder: Option<&Path>, (known, target): (&str, &str), translator: &str) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let hash = blake3::hash(translator.as_bytes()).to_hex();
        let path = folder.join("translated").join(format!("{known}-{target}-{}.jsonl", &hash[..16]));
        let text = match tokio::fs::read(&path).await {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                tracing::warn!(%error, "kept translations cannot be read: they are made again");
                String::new()
            }
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok());
        let pairs = lines.map(|line| (line.known.into_owned(), line.target.into_owned())).collect();
        Self { path: Some(path), pairs }
    }

    /// What a text came to before.
    pub(super) fn find(&self, known: &str) -> Option<&str> {
        self.pairs.get(known).map(String::as_str)
    }

    /// Keeps translations. A failure costs time at the next job and nothing else, so it is only logged.
    pub(super) async fn keep(&self, pairs: &[(&str, &str)]) {
        let Some(path) = self.path.as_ref().filter(|_| !pairs.is_empty()) else { return };
        if let Err(error) = append(path, pairs).await {
            tracing::warn!(%error, "translations could not be kept for the next time");
        }
    }
}

async fn append(path: &Path, pairs: &[(&str, &str)]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    // Begins with a line's end, so that a line torn by a crash does not spoil the first of these.
    let mut text = String::from("\n");
    for (known, target) in pairs {
        text.push_str(&serde_json::to_string(&Line { known: (*known).into(), target: (*target).into() })?);
        text.push('\n');
    }
    let mut file = tokio::fs::OpenOptions::new().append(true).create(true).open(path).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: (&str, &str) = ("eng", "spa");

    #[tokio::test]
    async fn what_was_kept_is_found_by_the_same_translator_only_even_after_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path()), PAIR, "one 1.0").await;
        cache.keep(&[("Hello.", "Hola.")]).await;
        let path = cache.path.clone().unwrap();
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(br#"{"known": "Torn.", "tar"#);
        std::fs::write(&path, torn).unwrap();
        cache.keep(&[("Good day.", "Buenos días.")]).await;
        let again = Cache::open(Some(folder.path()), PAIR, "one 1.0").await;
        assert_eq!((again.find("Hello."), again.find("Good day.")), (Some("Hola."), Some("Buenos días.")));
        assert_eq!(again.find("Torn."), None);
        let other = Cache::open(Some(folder.path()), PAIR, "one 1.1").await;
        assert_eq!(other.find("Hello."), None);
    }
}
