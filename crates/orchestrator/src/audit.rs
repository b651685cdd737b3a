//! Who commanded what, when, from where, and what came of it: a log that can't be edited unnoticed.
//!
//! Each line carries a keyed hash over itself and the line before; a head beside the log says how many lines there are. Who
//! changes, removes or cuts off lines without the installation's secret is found out by [`Audit::read`]. Lines are written in
//! batches by one task: a command does not wait for its line, and a crash may take the lines of the last moments.

use std::{
    fs, io,
    io::{BufRead, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::small_file;

/// Lines that wait to be written; beyond that commands wait.
const WAITING: usize = 10_000;
/// How long a line may wait to be written with others.
const MOMENT: Duration = Duration::from_millis(250);
/// A file that is larger makes room for a new one; the one before it goes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A command and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deed {
    /// When it was answered.
    pub at: jiff::Timestamp,
    /// The token's name, or `anyone` where none is asked for, or `stranger`.
    pub who: String,
    /// For whom, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Method and path.
    pub what: String,
    /// The status of the answer.
    pub status: u16,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// From 1.
    pub n: u64,
    /// What was done.
    #[serde(flatten)]
    pub deed: Deed,
    /// Keyed hash over the line before and this one.
    pub mac: String,
}

#[derive(Serialize, Deserialize)]
struct Head {
    n: u64,
    mac: String,
}

enum Job {
    Write(Box<Deed>),
    /// Everything before is written.
    Sync(oneshot::Sender<()>),
}

/// The log.
#[derive(Debug)]
pub struct Audit {
    folder: PathBuf,
    key: [u8; 32],
    to_writer: mpsc::Sender<Job>,
}

/// What was found in the log.
#[derive(Debug)]
pub struct Found {
    /// The newest first.
    pub lines: Vec<Line>,
    /// Where it does not fit together, in words; none: it does.
    pub broken: Option<String>,
}

struct Writer {
    folder: PathBuf,
    key: [u8; 32],
    file: fs::File,
    n: u64,
    mac: String,
}

impl Audit {
    /// Opens or makes the log in `folder`, under a secret key. A half written last line is cut off. Needs a runtime.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(folder: &Path, key: [u8; 32]) -> io::Result<Arc<Self>> {
        let lines = read_file(&folder.join("audit.log"))?;
        let whole: String = lines
            .iter()
            .filter_map(|line| serde_json::to_string(line).ok())
            .fold(String::new(), |all, line| all + &line + "\n");
        if fs::metadata(folder.join("audit.log")).is_ok_and(|log| log.len() != whole.len() as u64) {
            keep_whole_lines(&folder.join("audit.log"))?;
        }
        let last = match lines.last() {
            Some(line) => Some(line.clone()),
            None => read_file(&folder.join("audit.old.log"))?.pop(),
        };
        let (n, mac) = last.map_or_else(|| (0, String::new()), |line| (line.n, line.mac));
        let file = append_to(folder)?;
        let writer = Writer { folder: folder.to_owned(), key, file, n, mac };
        let (to_writer, jobs) = mpsc::channel(WAITING);
        let writer = Arc::new(Mutex::new(writer));
        tokio::spawn(write_all(writer, jobs));
        Ok(Arc::new(Self { folder: folder.to_owned(), key, to_writer }))
    }

    /// Writes down a deed, soon.
    pub(crate) async fn note(&self, deed: Deed) {
        // The task ends with the process only.
        let _ = self.to_writer.send(Job::Write(Box::new(deed))).await;
    }

    /// Waits until everything noted before is on disk.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.to_writer.send(Job::Sync(done)).await.is_ok() {
            // Where the writer is gone, what is there is all.
            let _ = written.await;
        }
    }

    /// The log as it is on disk, checked from its oldest line on.
    ///
    /// # Errors
    /// The file system's.
    pub async fn read(&self, limit: usize) -> io::Result<Found> {
        self.flush().await;
        let (folder, key) = (self.folder.clone(), self.key);
        tokio::task::spawn_blocking(move || read(&folder, &key, limit))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error.to_string())))
    }
}

fn read(folder: &Path, key: &[u8; 32], limit: usize) -> io::Result<Found> {
    let mut lines = read_file(&folder.join("audit.old.log"))?;
    lines.extend(read_file(&folder.join("audit.log"))?);
    let head = match small_file::read(&folder.join("audit.head"))? {
        Some(bytes) => serde_json::from_slice::<Head>(&bytes).ok(),
        None => None,
    };
    let mut broken = None;
    // The first line that is kept says where the chain begins; it can't be checked against what is gone.
    for pair in lines.windows(2) {
        let [before, line] = pair else { continue };
        if line.n != before.n + 1 || line.mac != mac(key, &before.mac, line.n, &line.deed) {
            broken = Some(format!("line {} does not follow line {}", line.n, before.n));
            break;
        }
    }
    if let Some(first) = lines.first()
        && first.n == 1
        && first.mac != mac(key, "", 1, &first.deed)
    {
        broken = Some("line 1 was changed".to_owned());
    }
    let last = lines.last();
    let reached = (last.map_or(0, |line| line.n), last.map_or("", |line| line.mac.as_str()));
    match head {
        // A crash between log and head leaves lines beyond the head: these are checked by the chain.
        Some(head) if head.n > reached.0 => {
            broken = Some(format!("{} lines are missing at the end", head.n - reached.0));
        }
        Some(head) if head.n == reached.0 && head.mac != reached.1 => {
            broken = Some("the last line is not the one that was written".to_owned());
        }
        None if reached.0 > 0 => broken = Some("the head is missing".to_owned()),
        _ => {}
    }
    lines.reverse();
    lines.truncate(limit);
    Ok(Found { lines, broken })
}

/// The lines of a file up to the first that is none; none where there is no file.
fn read_file(path: &Path) -> io::Result<Vec<Line>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut lines = Vec::new();
    for line in io::BufReader::new(file).split(b'\n') {
        match serde_json::from_slice(&line?) {
            Ok(line) => lines.push(line),
            Err(_) => break,
        }
    }
    Ok(lines)
}

/// Cuts off what a crash left of a last line. Lines in the middle that can't be read stay for [`read`] to find.
fn keep_whole_lines(path: &Path) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    fs::OpenOptions::new().write(true).open(path)?.set_len(end as u64)
}

fn append_to(folder: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join("audit.log"))
}

fn mac(key: &[u8; 32], before: &str, n: u64, deed: &Deed) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(before.as_bytes());
    hasher.update(&n.to_le_bytes());
    hasher.update(&serde_json::to_vec(deed).unwrap_or_default());
    hasher.finalize().to_hex()[..32].to_owned()
}

async fn write_all(writer: Arc<Mutex<Writer>>, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, WAITING).await > 0 {
        if !batch.iter().any(|job| matches!(job, Job::Sync(_))) {
            // Its syncs would hold up those of the journal: one for all lines of a moment.
            tokio::time::sleep(MOMENT).await;
            while let Ok(job) = jobs.try_recv() {
                batch.push(job);
            }
        }
        let mut told = Vec::new();
        let mut deeds = Vec::new();
        for job in batch.drain(..) {
            match job {
                Job::Write(deed) => deeds.push(*deed),
                Job::Sync(done) => told.push(done),
            }
        }
        let writer = writer.clone();
        let written = tokio::task::spawn_blocking(move || writer.lock().write(&deeds)).await;
        if let Ok(Err(error)) = written {
            tracing::error!(%error, "the audit log could not be written");
        }
        for done in told {
            // Who asked may have gone.
            let _ = done.send(());
        }
    }
}

impl Writer {
    fn write(&mut self, deeds: &[Deed]) -> io::Result<()> {
        if deeds.is_empty() {
            return Ok(());
        }
        if self.file.metadata()?.len() > MOST_BYTES {
            fs::rename(self.folder.join("audit.log"), self.folder.join("audit.old.log"))?;
            self.file = append_to(&self.folder)?;
        }
        let mut text = Vec::new();
        for deed in deeds {
            self.n += 1;
            self.mac = mac(&self.key, &self.mac, self.n, deed);
            let line = Line { n: self.n, deed: deed.clone(), mac: self.mac.clone() };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        let head = serde_json::to_vec(&Head { n: self.n, mac: self.mac.clone() })?;
        small_file::replace(&self.folder.join("audit.head"), &head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(what: &str) -> Deed {
        let at = jiff::Timestamp::from_second(1_000_000).unwrap();
        let who = "ci".to_owned();
        Deed { at, who, on_behalf_of: None, from: None, what: what.to_owned(), status: 200 }
    }

    async fn broken(folder: &Path) -> Option<String> {
        Audit::open(folder, [7; 32]).unwrap().read(10).await.unwrap().broken
    }

    #[tokio::test]
    async fn what_was_changed_removed_or_cut_off_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        for what in ["POST /a", "POST /b"] {
            let audit = Audit::open(folder.path(), [7; 32]).unwrap();
            audit.note(deed(what)).await;
            audit.note(deed("POST /c")).await;
            let found = audit.read(10).await.unwrap();
            assert_eq!((found.broken, found.lines[0].deed.what.as_str()), (None, "POST /c"));
        }
        let good = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let edited = good.replace("POST /b", "POST /x");
        let removed = [lines[0], lines[2], lines[3]].join("\n") + "\n";
        let cut = [lines[0], lines[1], lines[2]].join("\n") + "\n";
        let first = lines[1..].join("\n") + "\n";
        for (text, is_broken) in
            [(edited, true), (removed, true), (cut, true), (String::new(), true), (good.clone(), false)]
        {
            fs::write(&path, &text).unwrap();
            assert_eq!(broken(folder.path()).await.is_some(), is_broken, "{text}");
        }
        // What a crash leaves of a line is no fraud, and the next line follows the last whole one.
        fs::write(&path, format!("{good}{{\"n\":5,\"at\"")).unwrap();
        let audit = Audit::open(folder.path(), [7; 32]).unwrap();
        audit.note(deed("POST /d")).await;
        let found = audit.read(10).await.unwrap();
        assert_eq!((found.broken, found.lines.len()), (None, 5));
        drop(first);
    }
}
