//! Blobs that must stay while others are removed: what is being stored or referred to just now.
//!
//! A blob is pinned before it is looked for and until the reference to it is durable. A collection first notes that it has
//! begun, then finds out what jobs refer to, then removes the rest. What is pinned in between is left alone, whether its pin
//! is gone by then or not: the reference may be newer than what was found out.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};

use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ArtifactStore;

/// What is pinned.
#[derive(Debug, Default)]
pub(super) struct InUse {
    inner: Mutex<Inner>,
    /// Something is no longer going.
    gone: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    pins: HashMap<String, usize>,
    /// Everything that was pinned since the collection under way began.
    since: Option<HashSet<String>>,
    /// What the collection is about to remove just now.
    going: Option<String>,
}

/// As long as it is there, its blob is.
#[derive(Debug)]
pub struct Pin {
    in_use: Arc<InUse>,
    hash: String,
}

impl InUse {
    pub(super) fn pin(self: &Arc<Self>, hash: &str) -> Pin {
        let mut inner = self.inner.lock();
        *inner.pins.entry(hash.to_owned()).or_default() += 1;
        if let Some(since) = &mut inner.since {
            since.insert(hash.to_owned());
        }
        Pin { in_use: self.clone(), hash: hash.to_owned() }
    }

    /// Waits until a blob, which is pinned, is not being removed: who pinned it a moment too late finds it gone, never going.
    pub(super) async fn until_not_going(&self, hash: &str) {
        loop {
            let gone = self.gone.notified();
            if self.inner.lock().going.as_deref() != Some(hash) {
                return;
            }
            gone.await;
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut inner = self.in_use.inner.lock();
        if let Some(count) = inner.pins.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                inner.pins.remove(&self.hash);
            }
        }
    }
}

/// A collection under way.
#[derive(Debug)]
pub struct Collection<'a> {
    store: &'a ArtifactStore,
}

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl ArtifactStore {
    /// Begins a collection; none while another is under way. What is in use must be found out afterwards.
    #[must_use]
    pub fn collect(&self) -> Option<Collection<'_>> {
        let mut inner = self.in_use.inner.lock();
        if inner.since.is_some() {
            return None;
        }
        inner.since = Some(inner.pins.keys().cloned().collect());
        Some(Collection { store: self })
    }
}

impl Collection<'_> {
    /// Removes at most `limit` blobs that are neither in `used` nor were touched since the collection began. It may be broken
    /// off anywhere: what was not reached is found by the next one.
    ///
    /// # Errors
    /// The file system's, or the bucket's.
    pub async fn sweep(self, used: &HashSet<Arc<str>>, limit: usize) -> io::Result<Collected> {
        let mut collected = Collected::default();
        let mut blobs = self.store.blobs.all();
        while let Some(blob) = blobs.try_next().await? {
            if used.contains(blob.hash.as_str()) {
                continue;
            }
            if collected.blobs == limit {
                return Ok(collected);
            }
            if self.remove(&blob.hash).await? {
                collected.blobs += 1;
                collected.bytes += blob.size;
            }
        }
        drop(blobs);
        self.store.blobs.clean().await?;
        Ok(collected)
    }

    /// Removes a blob that nobody has touched. Whoever wants it must pin it first, and waits while it goes.
    async fn remove(&self, hash: &str) -> io::Result<bool> {
        {
            let mut inner = self.store.in_use.inner.lock();
            if inner.since.as_ref().is_none_or(|since| since.contains(hash)) {
                return Ok(false);
            }
            inner.going = Some(hash.to_owned());
        }
        let going = Going { in_use: &self.store.in_use };
        self.store.blobs.remove(hash).await?;
        drop(going);
        Ok(true)
    }
}

/// A blob is being removed, however that ends.
struct Going<'a> {
    in_use: &'a InUse,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.in_use.inner.lock().going = None;
        self.in_use.gone.notify_waiters();
    }
}

impl Drop for Collection<'_> {
    fn drop(&mut self) {
        self.store.in_use.inner.lock().since = None;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    async fn store(store: &ArtifactStore, text: &'static str) -> (String, Pin) {
        let bytes = futures::stream::iter([Ok::<_, String>(Bytes::from_static(text.as_bytes()))]);
        let (blob, pin) = store.store(bytes).await.unwrap();
        (blob.hash, pin)
    }

    #[tokio::test]
    async fn what_is_stored_or_referred_to_while_a_collection_runs_stays() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = ArtifactStore::open(folder.path(), 100).unwrap();
        let (old, pin) = store(&blobs, "nobody's").await;
        drop(pin);
        let (again, pin) = store(&blobs, "referred to once more").await;
        drop(pin);
        let (arriving, arriving_pin) = store(&blobs, "arrives before").await;
        let collection = blobs.collect().unwrap();
        assert!(blobs.collect().is_none(), "one at a time");
        // A name for a blob that is there: pinned, durable, and unpinned again before the sweep reaches it.
        drop(blobs.find(&again).await.unwrap());
        let (new, pin) = store(&blobs, "arrives meanwhile").await;
        drop(pin);
        let collected = collection.sweep(&HashSet::new(), 100).await.unwrap();
        assert_eq!(collected, Collected { blobs: 1, bytes: 8 });
        assert!(blobs.find(&old).await.is_none());
        for hash in [again, arriving, new] {
            assert!(blobs.find(&hash).await.is_some(), "{hash}");
        }
        drop(arriving_pin);
        assert_eq!(blobs.collect().unwrap().sweep(&HashSet::new(), 100).await.unwrap().blobs, 3);
    }

    #[tokio::test]
    async fn a_crash_in_the_middle_leaves_the_rest_to_the_next_collection() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = ArtifactStore::open(folder.path(), 100).unwrap();
        let mut hashes = Vec::new();
        for text in ["one", "two", "three", "kept"] {
            hashes.push(store(&blobs, text).await.0);
        }
        let used = HashSet::from([Arc::from(hashes[3].as_str())]);
        assert_eq!(blobs.collect().unwrap().sweep(&used, 1).await.unwrap().blobs, 1);
        // The crash: half an upload lies there, and one blob of three is gone.
        std::fs::write(folder.path().join("incoming").join("7"), "half").unwrap();
        std::fs::write(folder.path().join("ab").join("notes.txt"), "not ours").unwrap_or_default();
        drop(blobs);
        let blobs = ArtifactStore::open(folder.path(), 100).unwrap();
        assert!(blobs.find(&hashes[3]).await.is_some());
        assert_eq!(blobs.collect().unwrap().sweep(&used, 100).await.unwrap().blobs, 2);
        assert!(blobs.find(&hashes[3]).await.is_some());
        assert_eq!(blobs.collect().unwrap().sweep(&used, 100).await.unwrap(), Collected::default());
    }
}
