//! What a service remembers of an attempt: that it accepted it, how it ended, that the orchestrator knows.
//!
//! With a folder each attempt is one small file, replaced whole: written beside, synced, renamed, the folder synced. It holds
//! the start request with the attempt's token, so only its owner may read it. Without a folder only results are kept, in
//! memory and within bounds, so that the same start again is not run again.

use std::{
    collections::{HashMap, VecDeque},
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// An attempt as it is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) stage: Stage,
    /// When it came to this stage.
    pub(crate) at: Timestamp,
    /// The start request as it came; gone once nobody needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Arc<RawValue>>,
    /// How it ended: the callback's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<Arc<RawValue>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stage {
    /// To be run, again after a restart.
    Accepted,
    /// To be delivered, again after a restart.
    Done,
    /// Nothing left to do.
    Settled,
}

/// The records of a service.
#[derive(Debug)]
pub(crate) enum Records {
    Folder(Arc<PathBuf>),
    Memory(Mutex<Memory>),
}

/// Most results that are kept in memory, and most bytes of them.
const MOST_IN_MEMORY: usize = 4096;
const MOST_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    records: HashMap<Uuid, Record>,
    order: VecDeque<Uuid>,
    bytes: usize,
}

impl Records {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(Mutex::default())
    }

    pub(crate) fn in_folder(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self::Folder(Arc::new(folder)))
    }

    /// Whether accepted attempts survive the process.
    pub(crate) fn survive(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Remembers; with a folder it is on the disk when this returns.
    pub(crate) async fn save(&self, attempt: Uuid, record: Record) -> io::Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.lock().save(attempt, record);
                Ok(())
            }
            Self::Folder(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || write(&folder, attempt, &record)).await
            }
        }
    }

    pub(crate) async fn load(&self, attempt: Uuid) -> io::Result<Option<Record>> {
        match self {
            Self::Memory(memory) => Ok(memory.lock().records.get(&attempt).cloned()),
            Self::Folder(folder) => {
                let path = path_of(folder, attempt);
                blocking(move || read(&path)).await
            }
        }
    }

    pub(crate) async fn forget(&self, attempt: Uuid) -> io::Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.lock().forget(attempt);
                Ok(())
            }
            Self::Folder(folder) => {
                let path = path_of(folder, attempt);
                blocking(move || match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                })
                .await
            }
        }
    }

    /// All that a folder holds, oldest attempt first.
    pub(crate) async fn all(&self) -> io::Result<Vec<(Uuid, Record)>> {
        match self {
            Self::Memory(_) => Ok(Vec::new()),
            Self::Folder(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || read_all(&folder)).await
            }
        }
    }
}

impl Memory {
    fn save(&mut self, attempt: Uuid, record: Record) {
        if record.stage == Stage::Accepted {
            return;
        }
        self.forget(attempt);
        self.bytes += size_of_callback(&record);
        self.records.insert(attempt, record);
        self.order.push_back(attempt);
        while self.order.len() > MOST_IN_MEMORY || self.bytes > MOST_BYTES {
            let Some(&oldest) = self.order.front() else { break };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, attempt: Uuid) {
        if let Some(record) = self.records.remove(&attempt) {
            self.bytes -= size_of_callback(&record);
            self.order.retain(|&other| other != attempt);
        }
    }
}

fn size_of_callback(record: &Record) -> usize {
    record.callback.as_ref().map_or(0, |callback| callback.get().len())
}

fn path_of(folder: &Path, attempt: Uuid) -> PathBuf {
    folder.join(format!("{attempt}.json"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn write(folder: &Path, attempt: Uuid, record: &Record) -> io::Result<()> {
    let path = path_of(folder, attempt);
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    // A settled record that is lost to a power cut costs one callback more, which is answered as a duplicate.
    let must_last = record.stage != Stage::Settled;
    if must_last {
        file.sync_all()?;
    }
    fs::rename(&beside, &path)?;
    if must_last { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A record that cannot be understood is left where it is and logged: it must not keep a service from starting, and the
/// attempt may be run again.
fn read(path: &Path) -> io::Result<Option<Record>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)
            .inspect_err(
                |error| tracing::error!(path = %path.display(), %error, "a damaged record of an attempt"),
            )
            .ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_all(folder: &Path) -> io::Result<Vec<(Uuid, Record)>> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        let Some(attempt) = name.and_then(|name| Uuid::parse_str(name).ok()) else { continue };
        if let Some(record) = read(&path)? {
            records.push((attempt, record));
        }
    }
    records.sort_by_key(|(attempt, _)| *attempt);
    Ok(records)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::{MOST_IN_MEMORY, Record, Records, Stage};

    fn done(text: &str) -> Record {
        let callback = RawValue::from_string(text.to_owned()).expect("JSON");
        Record {
            stage: Stage::Done,
            at: Timestamp::UNIX_EPOCH,
            start: None,
            callback: Some(Arc::from(callback)),
        }
    }

    #[tokio::test]
    async fn a_folder_keeps_records_and_skips_what_it_cannot_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::in_folder(folder.path().into()).expect("records");
        records.save(Uuid::from_u128(2), done("{\"a\":1}")).await.expect("saved");
        std::fs::write(folder.path().join(format!("{}.json", Uuid::from_u128(1))), "{").expect("written");
        let all = Records::in_folder(folder.path().into()).expect("records").all().await.expect("read");
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].1.callback.as_ref().map(|callback| callback.get()), Some("{\"a\":1}"));
        records.forget(Uuid::from_u128(2)).await.expect("forgotten");
        assert!(records.load(Uuid::from_u128(2)).await.expect("read").is_none());
    }

    #[tokio::test]
    async fn memory_forgets_the_oldest_results_first() {
        let records = Records::in_memory();
        for number in 0..=MOST_IN_MEMORY {
            records.save(Uuid::from_u128(number as u128), done("1")).await.expect("saved");
        }
        assert!(records.load(Uuid::from_u128(0)).await.expect("read").is_none());
        assert!(records.load(Uuid::from_u128(1)).await.expect("read").is_some());
    }
}
