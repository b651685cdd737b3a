//! Artifacts on disk, each blob under its BLAKE3 hash: written whole or not at all, stored once however often it is named.

mod in_use;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use engine::job::Artifact;
use futures::{Stream, StreamExt};
use in_use::InUse;
pub use in_use::{Collected, Collection, Pin};
use protocol::ArtifactInfo;
use tokio::io::AsyncWriteExt;

/// Longest name of an artifact, in bytes.
pub const MAX_NAME_LEN: usize = 200;

/// How long nothing may come of a blob that arrives.
const SILENCE: Duration = Duration::from_secs(60);

/// After what time something half written is nobody's, where others may be writing.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A blob that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// BLAKE3, hexadecimal.
    pub hash: String,
    /// Bytes.
    pub size: u64,
}

/// Why a blob was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is larger than allowed.
    #[error("the artifact is larger than {0} bytes")]
    TooLarge(u64),
    /// The sender broke off.
    #[error("the artifact did not arrive whole: {0}")]
    Broken(String),
    /// The disk would not take it.
    #[error("the artifact could not be written")]
    Disk(#[source] io::Error),
}

/// An artifact of a job, as the wire has it.
pub(crate) fn info(name: &str, artifact: &Artifact) -> ArtifactInfo {
    ArtifactInfo {
        name: name.to_owned(),
        hash: artifact.hash.to_string(),
        size: artifact.size,
        media_type: artifact.media_type.to_string(),
        phase: artifact.run.as_ref().map(|run| run.phase.to_string()),
    }
}

/// The folder of blobs.
#[derive(Debug)]
pub struct ArtifactStore {
    folder: PathBuf,
    /// Others may write into the same folder: what arrives here has names of its own.
    opened: uuid::Uuid,
    fresh: AtomicU64,
    max: u64,
    in_use: Arc<InUse>,
}

impl ArtifactStore {
    /// Blobs of at most `max` bytes are kept in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open(folder: &Path, max: u64) -> io::Result<Self> {
        Self::open_and_tidy(folder, max, Duration::ZERO)
    }

    /// The same for a folder that several orchestrators have: what another one is just writing stays.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open_shared(folder: &Path, max: u64) -> io::Result<Self> {
        Self::open_and_tidy(folder, max, ABANDONED)
    }

    fn open_and_tidy(folder: &Path, max: u64, abandoned: Duration) -> io::Result<Self> {
        let incoming = folder.join("incoming");
        std::fs::create_dir_all(&incoming)?;
        for entry in std::fs::read_dir(&incoming)? {
            let entry = entry?;
            let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
            // What a crash left half written is nobody's.
            if abandoned.is_zero() || age().is_some_and(|age| age > abandoned) {
                std::fs::remove_file(entry.path())?;
            }
        }
        let (opened, fresh) = (uuid::Uuid::now_v7(), AtomicU64::new(0));
        Ok(Self { folder: folder.to_owned(), opened, fresh, max, in_use: Arc::default() })
    }

    /// Where a blob lies, if its hash is one.
    #[must_use]
    pub fn path(&self, hash: &str) -> Option<PathBuf> {
        let valid =
            hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| self.folder.join(&hash[..2]).join(&hash[2..]))
    }

    /// A blob that is here. It stays at least as long as the pin.
    pub async fn find(&self, hash: &str) -> Option<(Blob, Pin)> {
        let path = self.path(hash)?;
        let pin = self.in_use.pin(hash);
        let size = tokio::fs::metadata(path).await.ok()?.len();
        Some((Blob { hash: hash.to_owned(), size }, pin))
    }

    /// Stores what a stream brings. It is on disk when this returns, and stays at least as long as the pin, which is to be
    /// kept until a job's reference to it is durable.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub async fn store<E: std::fmt::Display>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(Blob, Pin), StoreError> {
        let number = self.fresh.fetch_add(1, Ordering::Relaxed);
        let incoming = self.folder.join("incoming").join(format!("{}-{number}", self.opened));
        let stored = self.receive(&incoming, stream).await;
        if stored.is_err() {
            // The error that is told is the first one.
            let _ = tokio::fs::remove_file(&incoming).await;
        }
        stored
    }

    async fn receive<E: std::fmt::Display>(
        &self,
        incoming: &Path,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(Blob, Pin), StoreError> {
        let mut file = tokio::fs::File::create(incoming).await.map_err(StoreError::Disk)?;
        let mut hasher = blake3::Hasher::new();
        let mut size = 0;
        let mut stream = std::pin::pin!(stream);
        loop {
            let Ok(next) = tokio::time::timeout(SILENCE, stream.next()).await else {
                return Err(StoreError::Broken(format!("nothing came for {} s", SILENCE.as_secs())));
            };
            let Some(chunk) = next else { break };
            let chunk = chunk.map_err(|error| StoreError::Broken(error.to_string()))?;
            size += chunk.len() as u64;
            if size > self.max {
                return Err(StoreError::TooLarge(self.max));
            }
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(StoreError::Disk)?;
        }
        let hash = hasher.finalize().to_hex().to_string();
        file.flush().await.map_err(StoreError::Disk)?;
        let pin = self.in_use.pin(&hash);
        self.settle(file, incoming, &hash).await.map_err(StoreError::Disk)?;
        Ok((Blob { hash, size }, pin))
    }

    async fn settle(&self, file: tokio::fs::File, incoming: &Path, hash: &str) -> io::Result<()> {
        let path = self.path(hash).ok_or(io::ErrorKind::InvalidInput)?;
        if tokio::fs::try_exists(&path).await? {
            return tokio::fs::remove_file(incoming).await;
        }
        file.sync_data().await?;
        let folder = path.parent().unwrap_or(&self.folder);
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::rename(incoming, &path).await?;
        tokio::fs::File::open(folder).await?.sync_all().await
    }
}

/// Whether a text can name an artifact: a relative path of plain segments that can't leave any folder.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment != "."
            && segment != ".."
            && segment.chars().all(|c| c.is_alphanumeric() || "-_.+ ()@=,".contains(c))
    };
    name.len() <= MAX_NAME_LEN && name.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_name_can_not_leave_the_store() {
        for name in ["course_manifest.json", "audio/ABC-1.opus", "baskets/batch-007.json", "español.txt"] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in
            ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a\\b", "a\0b", "a\nb", "~/x:y", "a/"]
        {
            assert!(!is_valid_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_blob_is_stored_once_and_an_oversized_one_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(folder.path(), 10).unwrap();
        let bytes = |text: &'static str| {
            futures::stream::iter([Ok::<_, String>(Bytes::from_static(text.as_bytes()))])
        };
        let first = store.store(bytes("hello")).await.unwrap().0;
        let second = store.store(bytes("hello")).await.unwrap().0;
        assert_eq!(first, second);
        assert_eq!(store.find(&first.hash).await.unwrap().0.size, 5);
        assert!(matches!(store.store(bytes("eleven bytes")).await, Err(StoreError::TooLarge(10))));
        assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
        assert_eq!(store.path("../../etc/passwd"), None);
    }
}
