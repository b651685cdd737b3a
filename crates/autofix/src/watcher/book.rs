//! What the watcher must not forget: the content of each file that it knows, which contents are the fixer's own, and the
//! changes for which no job is started yet. One SQLite file; a change is in it before the next is looked at.
//!
//! A newer change of a file takes the place of the one that waits. Each change has a number that is never given again, so
//! that starting its job twice starts one, and a content that comes back later starts another.

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;

use crate::{ledger::LedgerError, paths::RelPath};

/// The fixer's own contents are remembered of so many.
const OURS_KEPT: u32 = 20_000;

/// The book.
#[derive(Debug)]
pub struct Book(Mutex<Connection>, String);

/// What a look at a file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The project.
    pub project: String,
    /// The file.
    pub file: RelPath,
    /// Its content's hash; none where it is gone.
    pub hash: Option<String>,
}

/// A change whose job is not started yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Its number.
    pub change: u64,
    /// The project.
    pub project: String,
    /// The file.
    pub file: RelPath,
    /// Its content's hash.
    pub content_hash: String,
    /// How often its start was tried.
    pub tries: u32,
    /// What went wrong the last time.
    pub trouble: String,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Changes that start a job.
    pub changes: u64,
    /// Of these, in the place of one that waited.
    pub replaced: u64,
    /// The fixer's own.
    pub ours: u64,
}

impl Book {
    /// Opens the book in a folder, or makes it.
    ///
    /// # Errors
    /// [`LedgerError`], also where there is one that cannot be read.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(folder)?;
        let db = Connection::open(folder.join("watcher.db"))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute_batch(include_str!("schema.sql"))?;
        let id = uuid::Uuid::now_v7().simple().to_string();
        db.execute("INSERT INTO about (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM about)", [id])?;
        let id = db.query_row("SELECT id FROM about", [], |row| row.get(0))?;
        Ok(Self(Mutex::new(db), id))
    }

    /// This book's own name: the numbers of another one's changes are other changes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.1
    }

    /// Whether a project in this folder was looked at before. Of a new one the contents are only put down: nothing has changed
    /// in it that we know of.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn knows(&self, project: &str, root: &Path) -> Result<bool, LedgerError> {
        let path: Option<String> = self
            .0
            .lock()
            .query_row("SELECT path FROM projects WHERE name = ?", [project], |row| row.get(0))
            .optional()?;
        Ok(path.as_deref() == root.to_str())
    }

    /// Puts down the contents of a project that is new, in the place of all that was known of it.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn begin(&self, project: &str, root: &Path, seen: &[Seen]) -> Result<(), LedgerError> {
        let mut db = self.0.lock();
        let change = db.transaction()?;
        change.execute("DELETE FROM files WHERE project = ?", [project])?;
        change.execute("DELETE FROM spool WHERE project = ?", [project])?;
        for Seen { file, hash, .. } in seen {
            if let Some(hash) = hash {
                put_hash(&change, project, file, hash)?;
            }
        }
        let path = root.to_string_lossy();
        change
            .execute("INSERT OR REPLACE INTO projects (name, path) VALUES (?, ?)", params![project, path])?;
        change.commit()?;
        Ok(())
    }

    /// Takes what was seen: a content that is not the known one is a change, unless it is the fixer's own. With `all` every
    /// content counts as changed.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn take(&self, seen: &[Seen], all: bool) -> Result<Taken, LedgerError> {
        let mut db = self.0.lock();
        let change = db.transaction()?;
        let mut taken = Taken::default();
        for Seen { project, file, hash } in seen {
            let of = params![project, file.as_str()];
            let Some(hash) = hash else {
                change.execute("DELETE FROM files WHERE project = ? AND file = ?", of)?;
                change.execute("DELETE FROM spool WHERE project = ? AND file = ?", of)?;
                continue;
            };
            let known: Option<String> = change
                .prepare_cached("SELECT hash FROM files WHERE project = ? AND file = ?")?
                .query_row(of, |row| row.get(0))
                .optional()?;
            if !all && known.as_deref() == Some(hash) {
                continue;
            }
            put_hash(&change, project, file, hash)?;
            let waited = change.execute("DELETE FROM spool WHERE project = ? AND file = ?", of)?;
            if !all && is_ours(&change, project, file, hash)? {
                taken.ours += 1;
                continue;
            }
            taken.changes += 1;
            taken.replaced += waited as u64;
            change
                .prepare_cached("INSERT INTO spool (project, file, hash) VALUES (?, ?, ?)")?
                .execute(params![project, file.as_str(), hash])?;
        }
        let Taken { changes, replaced, ours } = taken;
        for (name, count) in [("changes", changes), ("replaced", replaced), ("own_writes", ours)] {
            count_up(&change, name, count)?;
        }
        change.commit()?;
        Ok(taken)
    }

    /// All files that are known of a project.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn files(&self, project: &str) -> Result<Vec<RelPath>, LedgerError> {
        let db = self.0.lock();
        let mut query = db.prepare("SELECT file FROM files WHERE project = ? ORDER BY file")?;
        let rows = query.query_map([project], |row| row.get::<_, String>(0))?;
        rows.map(|row| RelPath::new(&row?).map_err(|error| LedgerError::Damaged(error.to_string()))).collect()
    }

    /// A content that the fixer is about to write.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn own(&self, project: &str, file: &RelPath, hash: &str) -> Result<(), LedgerError> {
        let mut db = self.0.lock();
        let change = db.transaction()?;
        let sql = "INSERT OR REPLACE INTO ours (project, file, hash) VALUES (?, ?, ?)";
        change.execute(sql, params![project, file.as_str(), hash])?;
        change.execute("DELETE FROM ours WHERE id <= (SELECT max(id) FROM ours) - ?", [OURS_KEPT])?;
        change.commit()?;
        Ok(())
    }

    /// The oldest changes whose jobs may be started now, at most thirty-two.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn next(&self, now: i64) -> Result<Vec<Waiting>, LedgerError> {
        self.list("next_at <= ?1 ORDER BY change LIMIT 32", now)
    }

    /// The oldest changes that wait, at most fifty.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn waiting(&self) -> Result<Vec<Waiting>, LedgerError> {
        self.list("change > ?1 ORDER BY change LIMIT 50", 0)
    }

    fn list(&self, which: &str, value: i64) -> Result<Vec<Waiting>, LedgerError> {
        let db = self.0.lock();
        let sql = format!("SELECT change, project, file, hash, tries, trouble FROM spool WHERE {which}");
        let mut query = db.prepare_cached(&sql)?;
        let mut rows = query.query([value])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let file: String = row.get(2)?;
            all.push(Waiting {
                change: row.get(0)?,
                project: row.get(1)?,
                file: RelPath::new(&file).map_err(|error| LedgerError::Damaged(error.to_string()))?,
                content_hash: row.get(3)?,
                tries: row.get(4)?,
                trouble: row.get(5)?,
            });
        }
        Ok(all)
    }

    /// How many wait, and when the next of them may be started (milliseconds since 1970).
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn pending(&self) -> Result<(u64, Option<i64>), LedgerError> {
        let db = self.0.lock();
        Ok(db.query_row("SELECT count(*), min(next_at) FROM spool", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?)
    }

    /// The jobs of changes are started.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn started(&self, numbers: &[u64]) -> Result<(), LedgerError> {
        let mut db = self.0.lock();
        let change = db.transaction()?;
        for number in numbers {
            change.execute("DELETE FROM spool WHERE change = ?", [number])?;
        }
        count_up(&change, "jobs_started", numbers.len() as u64)?;
        change.commit()?;
        Ok(())
    }

    /// The start of a job was refused; it is tried again at a time.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn later(&self, number: u64, at: i64, trouble: &str) -> Result<(), LedgerError> {
        let db = self.0.lock();
        let sql = "UPDATE spool SET next_at = ?, tries = tries + 1, trouble = ? WHERE change = ?";
        db.execute(sql, params![at, trouble, number])?;
        Ok(())
    }

    /// Figures by name.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn figures(&self) -> Result<serde_json::Map<String, serde_json::Value>, LedgerError> {
        let db = self.0.lock();
        let mut query = db.prepare("SELECT name, count FROM figures")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, u64>(1)?.into())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes and reads back, for the health check.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn probe(&self, at: i64) -> Result<(), LedgerError> {
        let db = self.0.lock();
        db.execute("INSERT OR REPLACE INTO probe (id, at) VALUES (1, ?)", [at])?;
        let read: i64 = db.query_row("SELECT at FROM probe WHERE id = 1", [], |row| row.get(0))?;
        if read == at { Ok(()) } else { Err(LedgerError::Damaged(format!("wrote {at}, read {read}"))) }
    }
}

fn put_hash(change: &Transaction<'_>, project: &str, file: &RelPath, hash: &str) -> Result<(), LedgerError> {
    change
        .prepare_cached("INSERT OR REPLACE INTO files (project, file, hash) VALUES (?, ?, ?)")?
        .execute(params![project, file.as_str(), hash])?;
    Ok(())
}

fn is_ours(change: &Transaction<'_>, project: &str, file: &RelPath, hash: &str) -> Result<bool, LedgerError> {
    let mut query =
        change.prepare_cached("SELECT 1 FROM ours WHERE project = ? AND file = ? AND hash = ?")?;
    Ok(query.query_row(params![project, file.as_str(), hash], |_| Ok(())).optional()?.is_some())
}

fn count_up(change: &Transaction<'_>, name: &str, by: u64) -> Result<(), LedgerError> {
    if by > 0 {
        let sql = "INSERT INTO figures (name, count) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET count = count + ?2";
        change.execute(sql, params![name, by])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Book, Seen};
    use crate::paths::RelPath;

    fn seen(file: &str, hash: Option<&str>) -> Seen {
        let file = RelPath::new(file).expect("a path");
        Seen { project: "p".to_owned(), file, hash: hash.map(ToOwned::to_owned) }
    }

    fn waiting(book: &Book) -> Vec<(u64, String, String)> {
        let all = book.waiting().expect("read").into_iter();
        all.map(|one| (one.change, one.file.to_string(), one.content_hash)).collect()
    }

    #[test]
    fn a_newer_change_takes_the_place_of_the_waiting_one_and_survives_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::open(folder.path()).expect("opened");
        book.begin("p", folder.path(), &[seen("a", Some("1")), seen("b", Some("1"))]).expect("put down");
        assert!(book.knows("p", folder.path()).expect("read") && waiting(&book).is_empty());
        let taken = book
            .take(&[seen("a", Some("2")), seen("b", Some("2")), seen("a", Some("3"))], false)
            .expect("taken");
        assert_eq!((taken.changes, taken.replaced), (3, 1));
        drop(book);
        let book = Book::open(folder.path()).expect("opened again");
        let of = |change, file: &str, hash: &str| (change, file.to_owned(), hash.to_owned());
        assert_eq!(waiting(&book), [of(2, "b", "2"), of(3, "a", "3")]);
        book.take(&[seen("b", None)], false).expect("taken");
        book.started(&[3]).expect("put down");
        assert!(waiting(&book).is_empty());
        // A content that comes back is a change of its own.
        book.take(&[seen("a", Some("2"))], false).expect("taken");
        assert_eq!(waiting(&book), [of(4, "a", "2")]);
    }

    #[test]
    fn own_writes_would_trigger_again_and_do_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::open(folder.path()).expect("opened");
        let a = RelPath::new("a").expect("a path");
        book.own("p", &a, "fixed").expect("put down");
        let taken = book.take(&[seen("a", Some("fixed"))], false).expect("taken");
        assert_eq!((taken.changes, taken.ours), (0, 1));
        assert_eq!(book.take(&[seen("a", Some("other"))], false).expect("taken").changes, 1);
        assert_eq!(book.take(&[seen("a", Some("other"))], false).expect("taken").changes, 0, "it is known");
        assert_eq!(
            book.take(&[seen("a", Some("other"))], true).expect("taken").changes,
            1,
            "all were asked for"
        );
    }

    #[test]
    fn an_unreadable_book_is_an_error_and_not_a_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("watcher.db"), "x".repeat(10_000)).expect("written");
        assert!(Book::open(folder.path()).is_err());
        assert_eq!(std::fs::metadata(folder.path().join("watcher.db")).expect("there").len(), 10_000);
    }
}
