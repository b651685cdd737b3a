//! The index beside the log: which jobs there are, where their records lie, what is due. A cache of the log in SQLite.
//!
//! A thread of its own follows the log in batches, one transaction each, off the hot path. It stores how far it has come in
//! the same transaction, so that after a crash it goes on there.

mod ask;
mod follow;

use std::{path::Path, sync::Arc, thread::JoinHandle};

use engine::ids::JobId;
pub(crate) use follow::Indexed;
use journal::{JournalError, Position, Snapshot};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::watch;

/// The form of the tables; an index of another form is thrown away.
const VERSION: i64 = 5;

const TABLES: &str = "
    CREATE TABLE jobs (
        job BLOB PRIMARY KEY, pipeline TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, live INTEGER NOT NULL,
        created INTEGER NOT NULL, updated INTEGER NOT NULL, deadline INTEGER, priority INTEGER NOT NULL,
        summary BLOB NOT NULL, pictured INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jobs_by_age ON jobs (created DESC, job);
    CREATE INDEX jobs_by_key ON jobs (pipeline, key, created DESC);
    CREATE INDEX jobs_by_state ON jobs (state, created DESC);
    CREATE INDEX jobs_live ON jobs (job) WHERE live = 1;
    CREATE INDEX jobs_due ON jobs (deadline, job) WHERE live = 1 AND deadline IS NOT NULL;
    CREATE INDEX jobs_ended ON jobs (updated) WHERE live = 0;
    CREATE TABLE records (
        job BLOB NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, position INTEGER NOT NULL,
        segment INTEGER NOT NULL, offset INTEGER NOT NULL, len INTEGER NOT NULL,
        PRIMARY KEY (job, first)
    ) WITHOUT ROWID;
    CREATE INDEX records_by_segment ON records (segment);
    CREATE TABLE snapshots (job BLOB PRIMARY KEY, events INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL,
        segment INTEGER NOT NULL, offset INTEGER NOT NULL);
    INSERT INTO followed VALUES (1, 0, 0, 0);
";

/// The index; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    reader: Arc<Mutex<Connection>>,
    /// Held by whoever asks several questions of one state.
    moment: Arc<Mutex<()>>,
    /// For the thread that writes the log, so that it never waits for a long question.
    quick: Arc<Mutex<Connection>>,
    follower: follow::Follower,
    followed: watch::Receiver<Followed>,
    /// Last, so that the thread has been told to end when it is waited for.
    _thread: Arc<Joined>,
}

/// A thread that is waited for when this goes. What tells it to end must have gone before.
#[derive(Debug, Default)]
pub(crate) struct Joined(Option<JoinHandle<()>>);

impl Joined {
    pub(crate) fn new(thread: JoinHandle<()>) -> Self {
        Self(Some(thread))
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the journal has panicked");
        }
    }
}

/// How far the index has come, or why it goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    UpTo(Position),
    Broken(String),
}

/// Where the index had stopped when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) position: Position,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl Index {
    /// Opens the index, or makes it; a file that is no index of ours is replaced.
    pub(crate) fn open(path: Option<&Path>) -> Result<(Self, Resume), JournalError> {
        match Self::try_open(path) {
            Ok(opened) => Ok(opened),
            Err(error) => {
                let Some(path) = path else { return Err(sql(error)) };
                tracing::warn!(%error, "the index can't be used and is built again from the log");
                for ending in ["", "-wal", "-shm"] {
                    let file = path.with_file_name(format!("index.sqlite{ending}"));
                    if let Err(error) = std::fs::remove_file(&file)
                        && error.kind() != std::io::ErrorKind::NotFound
                    {
                        return Err(crate::segment::io_error(&file, &error));
                    }
                }
                Self::try_open(Some(path)).map_err(sql)
            }
        }
    }

    fn try_open(path: Option<&Path>) -> rusqlite::Result<(Self, Resume)> {
        let name = match path {
            Some(path) => path.display().to_string(),
            None => format!("file:segue-{}?mode=memory&cache=shared", uuid::Uuid::now_v7()),
        };
        let writer = connect(&name)?;
        let version: i64 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            writer.execute_batch(&format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))?;
        } else if version != VERSION {
            return Err(rusqlite::Error::InvalidQuery);
        }
        let resume = writer.query_row("SELECT position, segment, offset FROM followed", [], |row| {
            Ok(Resume { position: Position(row.get(0)?), segment: row.get(1)?, offset: row.get(2)? })
        })?;
        let (reader, quick) = (connect(&name)?, connect(&name)?);
        let (follower, followed, thread) = follow::start(writer, resume.position);
        let (reader, quick) = (Arc::new(Mutex::new(reader)), Arc::new(Mutex::new(quick)));
        Ok((
            Self { reader, moment: Arc::default(), quick, follower, followed, _thread: Arc::new(thread) },
            resume,
        ))
    }

    /// Tells the index of records that are durable.
    pub(crate) fn follow(&self, records: Vec<Indexed>, last: Position) {
        // Where the thread is gone, every question says so.
        let _ = self.follower.tell(follow::Order::Follow(records, last));
    }

    /// Keeps a snapshot, unless there is a newer one; on a thread that may wait.
    pub(crate) fn keep_snapshot(&self, job: JobId, snapshot: Snapshot) -> Result<(), JournalError> {
        // Where the thread is gone, the flush says so.
        let _ = self.follower.tell(follow::Order::Keep(job, snapshot));
        self.flush()
    }

    /// How far it has come.
    pub(crate) fn followed(&self) -> Position {
        match &*self.followed.borrow() {
            Followed::UpTo(position) => *position,
            Followed::Broken(_) => Position(0),
        }
    }

    /// Waits until everything that it was told before is written; on a thread that may wait. A position is no measure for
    /// that: copies have old ones.
    pub(crate) fn flush(&self) -> Result<(), JournalError> {
        let (done, written) = std::sync::mpsc::channel();
        let told = self.follower.tell_now(follow::Order::Flush(done));
        if told && written.recv().is_ok() {
            return Ok(());
        }
        match &*self.followed.borrow() {
            Followed::Broken(error) => {
                Err(JournalError::Io { what: "the index".to_owned(), error: error.clone() })
            }
            Followed::UpTo(_) => Err(JournalError::Stopped { reason: "its index is gone".to_owned() }),
        }
    }

    /// Waits until the index has seen everything up to a position.
    pub(crate) async fn caught_up(&self, position: Position) -> Result<(), JournalError> {
        let mut followed = self.followed.clone();
        let behind = match &*followed.borrow() {
            Followed::UpTo(seen) => *seen < position,
            Followed::Broken(_) => false,
        };
        if behind {
            // Where the thread is gone, what follows says so.
            let _ = self.follower.tell_now(follow::Order::Hurry);
        }
        let seen = followed.wait_for(|followed| match followed {
            Followed::UpTo(seen) => *seen >= position,
            Followed::Broken(_) => true,
        });
        match seen.await.map(|followed| followed.clone()) {
            Ok(Followed::UpTo(_)) => Ok(()),
            Ok(Followed::Broken(error)) => Err(JournalError::Io { what: "the index".to_owned(), error }),
            Err(_) => Err(JournalError::Stopped { reason: "its index is gone".to_owned() }),
        }
    }
}

fn connect(name: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(name)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    // A cache needs no syncs: what a crash takes from it is read from the log again.
    // Uncommitted reads concern the index in memory alone, whose connections share one cache and would lock each other out.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000; PRAGMA read_uncommitted = 1;",
    )?;
    Ok(connection)
}

fn sql(error: rusqlite::Error) -> JournalError {
    JournalError::Io { what: "the index".to_owned(), error: error.to_string() }
}
