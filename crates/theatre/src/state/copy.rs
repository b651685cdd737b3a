//! The state file: the newest state in the original's form, for whoever reads files. A copy, written whole or not at all, and
//! never read back.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::writer::Shown;

/// After a failure the file is written again by then.
const AGAIN: Duration = Duration::from_secs(5);
/// At most so often is the file written.
const EVERY: Duration = Duration::from_millis(250);

/// Keeps the file up to date until the theatre ends, and writes it a last time then.
pub async fn keep(path: PathBuf, mut latest: watch::Receiver<Shown>) {
    loop {
        let shown = latest.borrow_and_update().clone();
        let target = path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&target, shown.json.as_bytes())).await;
        let next = if let Ok(Err(error)) = written {
            tracing::error!(path = %path.display(), %error, "the copy of the state cannot be written");
            // It is tried again also where nothing new happens.
            timeout(AGAIN, latest.changed()).await.unwrap_or(Ok(()))
        } else {
            latest.changed().await
        };
        if next.is_err() {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Writes a file so that whoever reads it sees the old or the new one whole, also after a power cut.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("json.new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
