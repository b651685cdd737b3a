//! Small things that all orchestrators of one journal must have alike: the secret from which tokens are derived, what
//! schedules have come to. They lie where the journal lies; with the embedded one they are files in the folder of data.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use parking_lot::Mutex;

use crate::Answer;

/// Named values of a few kilobytes, each replaced whole.
pub trait Shelf: Send + Sync {
    /// What lies there under a name.
    fn get(&self, name: String) -> Answer<Option<Bytes>>;
    /// Puts something there if nothing is; gives what lies there then. Of many who try at once all get the same.
    fn put_if_absent(&self, name: String, value: Bytes) -> Answer<Bytes>;
    /// Puts something there, in place of what was.
    fn put(&self, name: String, value: Bytes) -> Answer<()>;
}

/// A shelf among the tasks of one process; clones are the same shelf.
#[derive(Debug, Default, Clone)]
pub struct MemoryShelf {
    values: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl Shelf for MemoryShelf {
    fn get(&self, name: String) -> Answer<Option<Bytes>> {
        let found = self.values.lock().get(&name).cloned();
        async move { Ok(found) }.boxed()
    }

    fn put_if_absent(&self, name: String, value: Bytes) -> Answer<Bytes> {
        let there = self.values.lock().entry(name).or_insert(value).clone();
        async move { Ok(there) }.boxed()
    }

    fn put(&self, name: String, value: Bytes) -> Answer<()> {
        self.values.lock().insert(name, value);
        async move { Ok(()) }.boxed()
    }
}

/// What every shelf must do. `one` and `two` are the same new shelf, as two processes see it.
#[cfg(any(test, feature = "conformance"))]
#[expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a test: panicking is what it is for")]
pub async fn conforms(one: Arc<dyn Shelf>, two: Arc<dyn Shelf>) {
    let name = || "secret".to_owned();
    assert_eq!(one.get(name()).await.unwrap(), None);
    let tries = (0..8u8).map(|n| {
        let shelf = if n % 2 == 0 { &one } else { &two };
        shelf.put_if_absent(name(), Bytes::from(vec![n; 32]))
    });
    let got = futures::future::try_join_all(tries).await.unwrap();
    let there = one.get(name()).await.unwrap().unwrap();
    assert!(got.iter().all(|got| *got == there), "all have the same: {got:?}");
    two.put(name(), Bytes::from_static(b"another")).await.unwrap();
    assert_eq!(one.get(name()).await.unwrap().unwrap(), "another");
    assert_eq!(one.put_if_absent(name(), Bytes::new()).await.unwrap(), "another");
    one.put("empty".to_owned(), Bytes::new()).await.unwrap();
    assert_eq!(two.get("empty".to_owned()).await.unwrap(), Some(Bytes::new()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shelf_in_memory_conforms() {
        let shelf = MemoryShelf::default();
        conforms(Arc::new(shelf.clone()), Arc::new(shelf)).await;
    }
}
