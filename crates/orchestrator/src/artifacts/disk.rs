//! Blobs in a folder: `ab/cdef…`, written aside, synced, and renamed.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::{
    Blob,
    blobs::{Blobs, Bytestream, Incoming},
    is_hash,
};

/// Read at a time.
const CHUNK: usize = 64 * 1024;

/// Where a blob lies in a folder of blobs, if its hash is one.
pub(crate) fn path_in(folder: &Path, hash: &str) -> Option<PathBuf> {
    is_hash(hash).then(|| folder.join(&hash[..2]).join(&hash[2..]))
}

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// Others may write into the same folder: what arrives here has names of its own.
    opened: uuid::Uuid,
    fresh: AtomicU64,
}

impl Disk {
    /// Opens a folder; it is made where it is not there. What was half written goes if nothing came of it for so long.
    pub(super) fn open(folder: &Path, abandoned: Duration) -> io::Result<Self> {
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
        Ok(Self { folder: folder.to_owned(), opened: uuid::Uuid::now_v7(), fresh: AtomicU64::new(0) })
    }

    fn path(&self, hash: &str) -> io::Result<PathBuf> {
        path_in(&self.folder, hash).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// The blobs of one folder of two letters.
    fn blobs_of(folder: &std::fs::DirEntry) -> io::Result<Vec<Blob>> {
        let name = folder.file_name();
        let Some(begin) = name.to_str().filter(|name| name.len() == 2) else { return Ok(Vec::new()) };
        let mut blobs = Vec::new();
        for blob in std::fs::read_dir(folder.path())? {
            let blob = blob?;
            let hash = format!("{begin}{}", blob.file_name().to_string_lossy());
            // What is not named like a blob is not ours.
            if is_hash(&hash) {
                blobs.push(Blob { size: blob.metadata()?.len(), hash });
            }
        }
        Ok(blobs)
    }
}

impl Blobs for Disk {
    fn size<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<Option<u64>>> {
        async move {
            match tokio::fs::metadata(self.path(hash)?).await {
                Ok(found) => Ok(Some(found.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn begin(&self) -> BoxFuture<'_, io::Result<Box<dyn Incoming>>> {
        async move {
            let number = self.fresh.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join("incoming").join(format!("{}-{number}", self.opened));
            let file = tokio::fs::File::create(&path).await?;
            Ok(Box::new(Draft { file, path, folder: self.folder.clone() }) as Box<dyn Incoming>)
        }
        .boxed()
    }

    fn read<'a>(&'a self, hash: &'a str, part: Range<u64>) -> BoxFuture<'a, io::Result<Bytestream>> {
        async move {
            let mut file = tokio::fs::File::open(self.path(hash)?).await?;
            file.seek(io::SeekFrom::Start(part.start)).await?;
            let length = part.end.saturating_sub(part.start);
            Ok(ReaderStream::with_capacity(file.take(length), CHUNK).boxed())
        }
        .boxed()
    }

    fn all(&self) -> BoxStream<'_, io::Result<Blob>> {
        let folders = std::fs::read_dir(&self.folder);
        let folders = match folders {
            Ok(folders) => folders,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let each = |folder: io::Result<std::fs::DirEntry>| async {
            tokio::task::spawn_blocking(move || Self::blobs_of(&folder?)).await.map_err(io::Error::other)?
        };
        let blobs = stream::iter(folders).then(each);
        blobs.map_ok(|blobs| stream::iter(blobs.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn remove<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<()>> {
        async move { tokio::fs::remove_file(self.path(hash)?).await }.boxed()
    }

    fn clean(&self) -> BoxFuture<'_, io::Result<()>> {
        // Done when the folder was opened: only one process has it.
        async { Ok(()) }.boxed()
    }
}

struct Draft {
    file: tokio::fs::File,
    path: PathBuf,
    folder: PathBuf,
}

impl Incoming for Draft {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, io::Result<()>> {
        async move { self.file.write_all(&bytes).await }.boxed()
    }

    fn settle(mut self: Box<Self>, hash: String) -> BoxFuture<'static, io::Result<()>> {
        async move {
            let settled = self.settle_as(&hash).await;
            if settled.is_err() {
                // The error that is told is the first one.
                let _ = tokio::fs::remove_file(&self.path).await;
            }
            settled
        }
        .boxed()
    }

    fn give_up(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            // What stays is removed at the next start.
            let _ = tokio::fs::remove_file(&self.path).await;
        }
        .boxed()
    }
}

impl Draft {
    async fn settle_as(&mut self, hash: &str) -> io::Result<()> {
        self.file.flush().await?;
        let folder = self.folder.join(&hash[..2]);
        let path = folder.join(&hash[2..]);
        if tokio::fs::try_exists(&path).await? {
            return tokio::fs::remove_file(&self.path).await;
        }
        self.file.sync_data().await?;
        tokio::fs::create_dir_all(&folder).await?;
        tokio::fs::rename(&self.path, &path).await?;
        tokio::fs::File::open(folder).await?.sync_all().await
    }
}
