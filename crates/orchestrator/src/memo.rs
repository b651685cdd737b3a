//! Earlier results of equal runs, for phases that say `memo = true`: a folder of small files, one for each key.
//!
//! A cache beside the truth: losing it costs work, never correctness. A file is written whole or not at all.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use engine::{
    ids::{JobId, PhaseIndex},
    job::{Artifact, Job, RunRef},
    payload::Payload,
    pipeline::Pipeline,
    values,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::artifacts::{ArtifactStore, Pin};

/// What makes two runs equal: phase, service and its version, input, item, and what came before, artifacts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemoKey([u8; 32]);

impl MemoKey {
    /// The key of a run.
    #[must_use]
    pub fn of(pipeline: &Pipeline, job: &Job, at: RunRef, service_version: &str) -> Self {
        let phase = pipeline.phase(at.phase);
        let service = phase.service().map_or("", |work| work.service.as_str());
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for text in [pipeline.name.as_str(), phase.id.as_str(), service, service_version, job.input.get()] {
            part(text.as_bytes());
        }
        let item = job.run(at).and_then(|run| run.item.as_ref());
        part(item.map_or("", Payload::get).as_bytes());
        for source in values::upstream(pipeline, job, at.phase) {
            part(source.phase.as_str().as_bytes());
            part(source.output.get().as_bytes());
        }
        let before = pipeline.ancestors(at.phase);
        for (name, artifact) in &job.artifacts {
            if stored_before(pipeline, artifact, &before) {
                part(name.as_bytes());
                part(artifact.hash.as_bytes());
            }
        }
        Self(*hasher.finalize().as_bytes())
    }
}

fn stored_before(
    pipeline: &Pipeline,
    artifact: &Artifact,
    before: &std::collections::BTreeSet<PhaseIndex>,
) -> bool {
    match &artifact.run {
        None => true,
        Some(run) => pipeline.find(run.phase.as_str()).is_some_and(|phase| before.contains(&phase)),
    }
}

/// A result that was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remembered {
    /// Whose it was.
    pub job: JobId,
    /// The result.
    pub output: Payload,
    /// Figures about it.
    pub stats: Payload,
    /// What the run had stored.
    #[serde(default)]
    pub artifacts: Vec<(Arc<str>, Artifact)>,
}

/// The folder of earlier results.
#[derive(Debug, Clone)]
pub struct Memo {
    folder: PathBuf,
    blobs: Option<Arc<ArtifactStore>>,
    /// Results on their way to the disk: who asks right after a job's end finds them here.
    being_written: Arc<Mutex<HashMap<MemoKey, Remembered>>>,
}

impl Memo {
    /// Results are kept in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), blobs: None, being_written: Arc::default() })
    }

    /// A result counts only while all its blobs are in `blobs`.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<ArtifactStore>) -> Self {
        Self { blobs: Some(blobs), ..self }
    }

    /// An earlier result, and what holds its blobs until it is used; none too where the file can't be read, since a cache may
    /// always be empty, or where a blob is gone.
    pub(crate) async fn find(&self, key: MemoKey) -> Option<(Remembered, Vec<Pin>)> {
        let path = self.path(key);
        let being_written = self.being_written.lock().get(&key).cloned();
        let found = match being_written {
            Some(found) => found,
            None => read(&path).await?,
        };
        let mut pins = Vec::new();
        if let Some(blobs) = &self.blobs {
            for (_, artifact) in &found.artifacts {
                pins.push(blobs.find(&artifact.hash).await?.1);
            }
        }
        // One that is used stays longer. Should this fail, it is made again some day.
        let _ = tokio::task::spawn_blocking(move || {
            std::fs::File::options().append(true).open(path)?.set_modified(SystemTime::now())
        })
        .await;
        Some((found, pins))
    }

    /// Removes what was neither made nor used since `before`; how many.
    ///
    /// # Errors
    /// The file system's.
    pub fn drop_older(&self, before: SystemTime) -> io::Result<usize> {
        let mut dropped = 0;
        for file in std::fs::read_dir(&self.folder)? {
            let file = file?;
            if file.metadata()?.modified()? < before {
                std::fs::remove_file(file.path())?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    /// Keeps a result.
    pub(crate) fn keep(&self, key: MemoKey, result: Remembered) {
        let path = self.path(key);
        self.being_written.lock().insert(key, result.clone());
        let being_written = self.being_written.clone();
        tokio::spawn(async move {
            if let Err(error) = write(&path, &result).await {
                tracing::warn!(%error, "a result could not be kept for later");
            }
            being_written.lock().remove(&key);
        });
    }

    fn path(&self, key: MemoKey) -> PathBuf {
        self.folder.join(blake3::Hash::from_bytes(key.0).to_hex().as_str())
    }
}

async fn read(path: &Path) -> Option<Remembered> {
    let bytes = tokio::fs::read(path).await.ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::warn!(%error, "an earlier result can't be read and is not used"))
        .ok()
}

async fn write(path: &Path, result: &Remembered) -> io::Result<()> {
    let fresh = path.with_extension(format!("new-{}", result.job));
    tokio::fs::write(&fresh, serde_json::to_vec(result)?).await?;
    tokio::fs::rename(&fresh, path).await
}
