//! The store as the phases share it: opened once when the service starts, used off the async threads.

use std::{future::Future, io, path::PathBuf, pin::Pin, sync::Arc};

use parking_lot::Mutex;
use phase_kit::{Companion, PhaseError};

use crate::store::{Store, StoreError};

/// The file in the service's folder.
const FILE: &str = "memory.jsonl";

/// What the assistant remembers.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    store: Mutex<Option<Store>>,
}

impl Memory {
    /// Of a service's folder. Nothing is opened yet.
    #[must_use]
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self { path: folder.join(FILE), store: Mutex::new(None) }
    }

    /// Uses the store, where waiting for the disk keeps nobody else waiting.
    ///
    /// # Errors
    /// What the store says: another try may help where the disk was full, none where the file is damaged.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, PhaseError> {
        let memory = Arc::clone(self);
        let used = tokio::task::spawn_blocking(move || {
            memory.store.lock().as_mut().map_or(Err(StoreError::Closed), act)
        });
        let used = used.await.map_err(|error| PhaseError::retry("memory", error.to_string()))?;
        used.map_err(|error| match error {
            StoreError::Damaged { .. } => PhaseError::permanent("memory-damaged", error.to_string()),
            StoreError::Io { .. } | StoreError::Closed => PhaseError::retry("memory", with_cause(&error)),
        })
    }
}

fn with_cause(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl Companion for Memory {
    fn health(&self) -> serde_json::Map<String, serde_json::Value> {
        let remembered = self.store.lock().as_ref().map(Store::len);
        serde_json::Map::from_iter([("remembered".to_owned(), remembered.into())])
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        let path = self.path.clone();
        Box::pin(async move {
            let opened = tokio::task::spawn_blocking(move || Store::open(&path)).await;
            let store = opened.map_err(io::Error::other)?.map_err(io::Error::other)?;
            *self.store.lock() = Some(store);
            Ok(())
        })
    }
}
