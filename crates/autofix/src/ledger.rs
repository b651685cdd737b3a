//! What the fixer must not forget: failures by file, how jobs ended, whom to tell, what can be undone. One SQLite file in the
//! service's folder; every change is on disk before anybody acts on it. A file that cannot be read is an error, never
//! silently a new one.
//!
//! A failure is counted once, whatever is delivered twice: by its attempt. A file's count begins anew when it is clean or fixed.

mod outbox;
mod undo;

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::paths::RelPath;

pub use outbox::{Channel, Sent, Told};
pub use undo::{UndoRecord, UndoState};

/// Failures and ends of jobs older than this are forgotten, in milliseconds.
const KEPT: i64 = 90 * 24 * 3600 * 1000;

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    db: Mutex<Connection>,
}

/// Why the ledger did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database.
    #[error("the ledger cannot be used")]
    Sql(#[from] rusqlite::Error),
    /// A file beside it.
    #[error("the ledger's folder cannot be used")]
    Io(#[from] std::io::Error),
    /// A text in it is not what was written.
    #[error("the ledger holds what cannot be read: {0}")]
    Damaged(String),
}

/// A file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOf<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The file.
    pub file: &'a RelPath,
}

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Whose: an attempt's id, or a job's with a word behind it.
    pub id: String,
    /// The job.
    pub job: String,
    /// Of the content that was to be fixed.
    pub content: String,
    /// Which fixer; empty where it came to none.
    pub fixer: String,
    /// Stable name of the trouble.
    pub code: String,
    /// For people.
    pub message: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// What came of counting a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Failures of this file since it was last well, this one too.
    pub count: u32,
    /// Its level.
    pub level: u8,
    /// Whether it was counted before.
    pub again: bool,
}

/// How jobs ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Jobs that ended here, each once.
    pub tasks_processed: u64,
    /// Fixed and applied, or without a fault.
    pub tasks_succeeded: u64,
    /// Of these, applied.
    pub tasks_applied: u64,
    /// Given up.
    pub tasks_failed: u64,
    /// Gave way to a newer change: neither good nor bad.
    pub tasks_superseded: u64,
    /// Files told of to somebody, each level once.
    pub tasks_escalated: u64,
}

impl Statistics {
    /// Percent of those that were not superseded; none where there are none.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.tasks_succeeded + self.tasks_failed;
        (judged > 0).then(|| 100.0 * self.tasks_succeeded as f64 / judged as f64)
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A fix is in the live tree.
    Applied,
    /// There was no fault.
    Clean,
    /// A newer change came first.
    Superseded,
    /// Given up.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Clean => "clean",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
        }
    }
}

/// The level of a number of failures: 0 none, 1 log and pause, 2 issue, 3 chat and mail.
#[must_use]
pub fn level_of(failures: u32) -> u8 {
    match failures {
        0..3 => 0,
        3..5 => 1,
        5..10 => 2,
        10.. => 3,
    }
}

impl Ledger {
    /// Opens the ledger in a folder, or makes it.
    ///
    /// # Errors
    /// [`LedgerError`], also where there is one that cannot be read.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(folder)?;
        let db = Connection::open(folder.join("ledger.db"))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute_batch(include_str!("ledger/schema.sql"))?;
        Ok(Self { db: Mutex::new(db) })
    }

    /// Counts a failure, and in the same stroke puts down whom to tell of it.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn failed(&self, of: &FileOf<'_>, failure: &Failure) -> Result<Counted, LedgerError> {
        let mut db = self.db.lock();
        let change = db.transaction()?;
        let Failure { id, job, content, fixer, code, message, at } = failure;
        let (project, file) = (of.project, of.file.as_str());
        let new = change.execute(
            "INSERT OR IGNORE INTO failures (id, project, file, job, content, fixer, code, message, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![id, project, file, job, content, fixer, code, message, at],
        )?;
        let episode = episode(&change, of)?;
        let count: u32 = change.query_row(
            "SELECT count(*) FROM failures WHERE project = ? AND file = ? AND well = 0",
            params![project, file],
            |row| row.get(0),
        )?;
        let level = level_of(count);
        for level in 1..=level {
            outbox::add(&change, of, episode, level, count, failure)?;
        }
        change.commit()?;
        Ok(Counted { count, level, again: new == 0 })
    }

    /// Puts down how a job ended; the first word counts. After a good end the file's failures are over.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn ended(&self, of: &FileOf<'_>, job: &str, outcome: Outcome, at: i64) -> Result<(), LedgerError> {
        let mut db = self.db.lock();
        let change = db.transaction()?;
        change.execute(
            "INSERT OR IGNORE INTO outcomes (job, project, file, outcome, at) VALUES (?, ?, ?, ?, ?)",
            params![job, of.project, of.file.as_str(), outcome.word(), at],
        )?;
        if matches!(outcome, Outcome::Applied | Outcome::Clean) {
            change.execute(
                "UPDATE failures SET well = 1 WHERE project = ? AND file = ?",
                params![of.project, of.file.as_str()],
            )?;
            change.execute(
                "INSERT INTO episodes (project, file, since) VALUES (?, ?, ?)
                 ON CONFLICT (project, file) DO UPDATE SET since = excluded.since",
                params![of.project, of.file.as_str(), at],
            )?;
        }
        change.execute("DELETE FROM failures WHERE at < ?", [at - KEPT])?;
        change.execute("DELETE FROM outcomes WHERE at < ?", [at - KEPT])?;
        change.commit()?;
        Ok(())
    }

    /// The latest failures of a file since it was last well, oldest first, at most five hundred.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn failures(&self, of: &FileOf<'_>) -> Result<Vec<Failure>, LedgerError> {
        let db = self.db.lock();
        failures(&db, of, 500)
    }

    /// Whether a failure of this job is known.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn knows_failure_of(&self, job: &str) -> Result<bool, LedgerError> {
        let db = self.db.lock();
        let found = db.query_row("SELECT 1 FROM failures WHERE job = ? LIMIT 1", [job], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// How jobs ended so far.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn statistics(&self) -> Result<Statistics, LedgerError> {
        let db = self.db.lock();
        let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0));
        let of = |word: &str| count(&format!("SELECT count(*) FROM outcomes WHERE outcome = '{word}'"));
        let (applied, clean, failed) = (of("applied")?, of("clean")?, of("failed")?);
        let superseded = of("superseded")?;
        Ok(Statistics {
            tasks_processed: applied + clean + failed + superseded,
            tasks_succeeded: applied + clean,
            tasks_applied: applied,
            tasks_failed: failed,
            tasks_superseded: superseded,
            tasks_escalated: count(
                "SELECT count(*) FROM (SELECT DISTINCT project, file, episode, level FROM outbox)",
            )?,
        })
    }

    /// Writes and reads back, for the health check.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn probe(&self, at: i64) -> Result<(), LedgerError> {
        let db = self.db.lock();
        db.execute("INSERT OR REPLACE INTO probe (id, at) VALUES (1, ?)", [at])?;
        let read: i64 = db.query_row("SELECT at FROM probe WHERE id = 1", [], |row| row.get(0))?;
        if read == at { Ok(()) } else { Err(LedgerError::Damaged(format!("wrote {at}, read {read}"))) }
    }
}

/// Since when this file's failures count.
fn episode(db: &Connection, of: &FileOf<'_>) -> Result<i64, LedgerError> {
    let since = db.query_row(
        "SELECT since FROM episodes WHERE project = ? AND file = ?",
        params![of.project, of.file.as_str()],
        |row| row.get(0),
    );
    Ok(since.optional()?.unwrap_or(0))
}

fn failures(db: &Connection, of: &FileOf<'_>, most: u32) -> Result<Vec<Failure>, LedgerError> {
    let mut query = db.prepare(
        "SELECT id, job, content, fixer, code, message, at FROM failures
         WHERE project = ? AND file = ? AND well = 0 ORDER BY at DESC, rowid DESC LIMIT ?",
    )?;
    let rows = query.query_map(params![of.project, of.file.as_str(), most], |row| {
        Ok(Failure {
            id: row.get(0)?,
            job: row.get(1)?,
            content: row.get(2)?,
            fixer: row.get(3)?,
            code: row.get(4)?,
            message: row.get(5)?,
            at: row.get(6)?,
        })
    })?;
    let mut all = rows.collect::<Result<Vec<_>, _>>()?;
    all.reverse();
    Ok(all)
}
