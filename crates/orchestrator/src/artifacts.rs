//! Artifacts, each blob under its BLAKE3 hash: written whole or not at all, stored once however often it is named.
//!
//! What a blob is (its hash, how large it may be, who needs it just now) is decided here, once; where it lies is behind a small
//! trait (`blobs`): a folder (`disk`), or a bucket of any store that speaks S3 (`s3`). Nothing holds a whole blob in memory.

mod blobs;
mod disk;
mod in_use;
mod s3;

use std::{io, ops::Range, path::Path, sync::Arc, time::Duration};

pub use blobs::Bytestream;
use blobs::{Blobs, Incoming};

use bytes::Bytes;
use disk::Disk;
pub(crate) use disk::path_in;
use engine::job::Artifact;
use futures::{Stream, StreamExt};
use in_use::InUse;
pub use in_use::{Collected, Collection, Pin};
use protocol::ArtifactInfo;
use s3::Bucket;
pub use s3::{GRACE, S3Error, S3Settings};

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
    /// The disk, or the bucket, would not take it.
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

/// The blobs.
#[derive(Debug)]
pub struct ArtifactStore {
    blobs: Box<dyn Blobs>,
    max: u64,
    in_use: Arc<InUse>,
}

impl ArtifactStore {
    /// Blobs of at most `max` bytes are kept in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open(folder: &Path, max: u64) -> io::Result<Self> {
        Ok(Self { blobs: Box::new(Disk::open(folder, Duration::ZERO)?), max, in_use: Arc::default() })
    }

    /// The same for a folder that several orchestrators have: what another one is just writing stays.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open_shared(folder: &Path, max: u64) -> io::Result<Self> {
        Ok(Self { blobs: Box::new(Disk::open(folder, ABANDONED)?), max, in_use: Arc::default() })
    }

    /// Blobs of at most `max` bytes are kept in a bucket, which is asked something first.
    ///
    /// # Errors
    /// [`S3Error`].
    pub async fn in_bucket(settings: &S3Settings, max: u64) -> Result<Self, S3Error> {
        let bucket = Bucket::new(settings)?;
        bucket
            .check()
            .await
            .map_err(|source| S3Error::Unusable { bucket: settings.bucket.clone(), source })?;
        Ok(Self { blobs: Box::new(bucket), max, in_use: Arc::default() })
    }

    /// A blob that is here. It stays at least as long as the pin. One that can't be asked about counts as absent.
    pub async fn find(&self, hash: &str) -> Option<(Blob, Pin)> {
        if !is_hash(hash) {
            return None;
        }
        let pin = self.in_use.pin(hash);
        self.in_use.until_not_going(hash).await;
        match self.blobs.size(hash).await {
            Ok(size) => Some((Blob { hash: hash.to_owned(), size: size? }, pin)),
            Err(error) => {
                tracing::error!(%hash, %error, "a blob can't be asked about");
                None
            }
        }
    }

    /// A part of a blob, as it comes.
    ///
    /// # Errors
    /// Where it is gone or can't be read; what breaks later is in the stream.
    pub async fn read(&self, hash: &str, part: Range<u64>) -> io::Result<Bytestream> {
        self.blobs.read(hash, part).await
    }

    /// Stores what a stream brings. It is durable when this returns, and stays at least as long as the pin, which is to be kept
    /// until a job's reference to it is durable.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub async fn store<E: std::fmt::Display>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(Blob, Pin), StoreError> {
        let mut incoming = self.blobs.begin().await.map_err(StoreError::Disk)?;
        let (hash, size) = match self.receive(&mut *incoming, stream).await {
            Ok(received) => received,
            Err(error) => {
                incoming.give_up().await;
                return Err(error);
            }
        };
        let pin = self.in_use.pin(&hash);
        self.in_use.until_not_going(&hash).await;
        incoming.settle(hash.clone()).await.map_err(StoreError::Disk)?;
        Ok((Blob { hash, size }, pin))
    }

    async fn receive<E: std::fmt::Display>(
        &self,
        incoming: &mut dyn Incoming,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(String, u64), StoreError> {
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
            incoming.write(chunk).await.map_err(StoreError::Disk)?;
        }
        Ok((hasher.finalize().to_hex().to_string(), size))
    }
}

/// Whether a text is a blob's hash.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
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
        assert!(store.find("../../etc/passwd").await.is_none());
    }
}
