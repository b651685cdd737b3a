//! What stood in a file before a fix, kept before the file is touched.

use rusqlite::{OptionalExtension, params};

use super::{FileOf, Ledger, LedgerError};
use crate::paths::RelPath;

/// Old contents are kept of so many fixes.
const KEPT: u32 = 2000;

/// How far a replacement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoState {
    /// Put down; the file may or may not be replaced yet.
    Prepared,
    /// The file is replaced.
    Applied,
    /// It came to nothing, or was taken back.
    Over,
}

/// A replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRecord {
    /// The job that fixed.
    pub id: String,
    /// The project.
    pub project: String,
    /// The file.
    pub file: RelPath,
    /// Hash of what stood there.
    pub old_hash: String,
    /// Hash of the fix.
    pub new_hash: String,
    /// What stood there.
    pub old_content: Vec<u8>,
    /// How far it is.
    pub state: UndoState,
}

impl UndoState {
    fn word(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Applied => "applied",
            Self::Over => "over",
        }
    }

    fn parse(word: &str) -> Result<Self, LedgerError> {
        [Self::Prepared, Self::Applied, Self::Over]
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| LedgerError::Damaged(word.to_owned()))
    }
}

impl Ledger {
    /// Keeps what stands in a file, before it is replaced. A second time for one job changes nothing.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn prepare_undo(
        &self,
        of: &FileOf<'_>,
        id: &str,
        (old_hash, new_hash): (&str, &str),
        old_content: &[u8],
        at: i64,
    ) -> Result<(), LedgerError> {
        let mut db = self.db.lock();
        let change = db.transaction()?;
        change.execute(
            "INSERT INTO undo (id, project, file, old_hash, new_hash, old_content, state, at)
             VALUES (?, ?, ?, ?, ?, ?, 'prepared', ?)
             ON CONFLICT (id) DO UPDATE SET old_hash = excluded.old_hash, new_hash = excluded.new_hash,
             old_content = excluded.old_content, at = excluded.at, state = 'prepared' WHERE state <> 'applied'",
            params![id, of.project, of.file.as_str(), old_hash, new_hash, old_content, at],
        )?;
        change.execute(
            "DELETE FROM undo WHERE state <> 'prepared' AND rowid NOT IN (SELECT rowid FROM undo ORDER BY at DESC LIMIT ?)",
            [KEPT],
        )?;
        change.commit()?;
        Ok(())
    }

    /// Says how far a replacement is.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn set_undo(&self, id: &str, state: UndoState) -> Result<(), LedgerError> {
        let db = self.db.lock();
        db.execute("UPDATE undo SET state = ? WHERE id = ?", params![state.word(), id])?;
        Ok(())
    }

    /// The replacement that a job made.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn undo_record(&self, id: &str) -> Result<Option<UndoRecord>, LedgerError> {
        let db = self.db.lock();
        let found = db.query_row(
            "SELECT project, file, old_hash, new_hash, old_content, state FROM undo WHERE id = ?",
            [id],
            |row| {
                let (file, state): (String, String) = (row.get(1)?, row.get(5)?);
                let record = (row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?);
                Ok((file, state, record))
            },
        );
        let Some((file, state, (project, old_hash, new_hash, old_content))) = found.optional()? else {
            return Ok(None);
        };
        let file = RelPath::new(&file).map_err(|error| LedgerError::Damaged(error.to_string()))?;
        let state = UndoState::parse(&state)?;
        let id = id.to_owned();
        Ok(Some(UndoRecord { id, project, file, old_hash, new_hash, old_content, state }))
    }
}
