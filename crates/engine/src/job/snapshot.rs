//! A job as bytes: a shortcut for a replay, never the truth.
//!
//! A snapshot is one line that names the version and the checksum of what follows, and then the job as JSON, because payloads
//! are JSON text and stay it. Whoever reads one that is damaged or of another version replays the job's events instead, so no
//! version but the present one is ever read, and a change of [`Job`] needs no migration: only [`SNAPSHOT_VERSION`] goes up.
//! That it does is checked by a test over the corpus of journals.

use super::Job;

/// Goes up with every change of what a job is or of what its events make of it.
pub const SNAPSHOT_VERSION: u32 = 2;

const MAGIC: &str = "segue-job";

/// Why bytes are no usable snapshot. In every case the job's events still tell what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are something else.
    #[error("not a snapshot of a job")]
    NotASnapshot,
    /// Made by an older or newer program.
    #[error("the snapshot is of version {found}; this program reads {SNAPSHOT_VERSION}")]
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// Cut short or changed since.
    #[error("the snapshot is damaged: its checksum does not fit")]
    Damaged,
    /// Its version and checksum fit, but it is not the job that this program knows: the version should have gone up.
    #[error("the snapshot can't be read: {0}")]
    Unreadable(String),
}

impl Job {
    /// The job as bytes.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        // Nothing in a job can fail to be JSON. Were that a mistake, the snapshot would be one that nobody can read, and the
        // job be replayed.
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = format!("{MAGIC} {SNAPSHOT_VERSION} {}\n", blake3::hash(&body).to_hex()).into_bytes();
        bytes.extend(body);
        bytes
    }

    /// The job that a snapshot holds.
    ///
    /// # Errors
    /// [`SnapshotError`]; the caller then replays the job's events.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let at = bytes.iter().take(120).position(|&byte| byte == b'\n').ok_or(SnapshotError::NotASnapshot)?;
        let (head, body) = (&bytes[..at], &bytes[at + 1..]);
        let head = std::str::from_utf8(head).map_err(|_| SnapshotError::NotASnapshot)?;
        let mut words = head.split(' ');
        let (magic, version, checksum) = (words.next(), words.next(), words.next());
        let found: u32 =
            version.and_then(|version| version.parse().ok()).ok_or(SnapshotError::NotASnapshot)?;
        if magic != Some(MAGIC) {
            return Err(SnapshotError::NotASnapshot);
        }
        if found != SNAPSHOT_VERSION {
            return Err(SnapshotError::OtherVersion { found });
        }
        if checksum != Some(blake3::hash(body).to_hex().as_str()) {
            return Err(SnapshotError::Damaged);
        }
        serde_json::from_slice(body).map_err(|error| SnapshotError::Unreadable(error.to_string()))
    }
}

/// `Some(null)` is not `None`: an item or a checkpoint may be the JSON `null`. Written as a list of one or none.
pub(super) mod optional_payload {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::payload::Payload;

    pub(crate) fn serialize<S: Serializer>(
        payload: &Option<Payload>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        payload.as_slice().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Payload>, D::Error> {
        Ok(Vec::<Payload>::deserialize(deserializer)?.pop())
    }
}
