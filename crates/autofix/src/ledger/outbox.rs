//! Whom to tell of a file that stays broken: a row for each level and channel, made in the same stroke as the failure that
//! reached the level, so that none is forgotten and none is made twice.

use rusqlite::{Connection, Transaction, params};
use serde_json::Value;

use super::{Failure, FileOf, Ledger, LedgerError, failures};
use crate::{escalation::payload, paths::RelPath};

/// Where something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Our own log; with it the file rests, by the pipeline's breaker.
    Log,
    /// An issue.
    Github,
    /// A chat.
    Chat,
    /// Mail.
    Mail,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its number.
    pub id: i64,
    /// The project.
    pub project: String,
    /// The file.
    pub file: RelPath,
    /// Since when the failures count: with project, file and level what makes it one of its kind.
    pub episode: i64,
    /// 1 to 3.
    pub level: u8,
    /// Where.
    pub channel: Channel,
    /// What.
    pub payload: Value,
    /// How often it was tried before.
    pub tries: u32,
    /// What came of it: `waiting`, `sent`, `skipped`, `failed`.
    pub state: String,
    /// The address of an issue, or what went wrong.
    pub details: String,
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Told; an address where there is one.
    Done(String),
    /// Nobody is set up to be told.
    Skipped,
    /// Tried again at this time (milliseconds since 1970).
    Later(i64, String),
    /// It will not be taken, now or later.
    Refused(String),
}

impl Channel {
    /// Its word in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Github => "github",
            Self::Chat => "chat",
            Self::Mail => "mail",
        }
    }

    fn parse(word: &str) -> Result<Self, LedgerError> {
        [Self::Log, Self::Github, Self::Chat, Self::Mail]
            .into_iter()
            .find(|channel| channel.word() == word)
            .ok_or_else(|| LedgerError::Damaged(word.to_owned()))
    }

    /// Who is told at a level.
    #[must_use]
    pub fn of_level(level: u8) -> &'static [Self] {
        match level {
            1 => &[Self::Log],
            2 => &[Self::Github],
            3 => &[Self::Chat, Self::Mail],
            _ => &[],
        }
    }
}

/// Puts down what a level tells, unless it is there already.
pub(super) fn add(
    change: &Transaction<'_>,
    of: &FileOf<'_>,
    episode: i64,
    level: u8,
    count: u32,
    failure: &Failure,
) -> Result<(), LedgerError> {
    let latest = failures(change, of, 5)?;
    for channel in Channel::of_level(level) {
        let payload = payload(*channel, of, level, count, failure, &latest);
        change.execute(
            "INSERT OR IGNORE INTO outbox (project, file, episode, level, channel, job, payload, made_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                of.project,
                of.file.as_str(),
                episode,
                level,
                channel.word(),
                failure.job,
                payload.to_string(),
                failure.at
            ],
        )?;
    }
    Ok(())
}

impl Ledger {
    /// What waits to be told, oldest first; with a time only what is due by then.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn to_tell(&self, due: i64) -> Result<Vec<Told>, LedgerError> {
        let db = self.db.lock();
        told(&db, "state = 'waiting' AND next_at <= ?1 ORDER BY id LIMIT 100", due)
    }

    /// When the next of them is due, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn next_telling(&self) -> Result<Option<i64>, LedgerError> {
        let db = self.db.lock();
        Ok(db.query_row("SELECT min(next_at) FROM outbox WHERE state = 'waiting'", [], |row| row.get(0))?)
    }

    /// What was told of a file, or is to be, since it was last well.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn told_of(&self, of: &FileOf<'_>) -> Result<Vec<Told>, LedgerError> {
        let db = self.db.lock();
        let episode = super::episode(&db, of)?;
        let all = told(&db, "episode = ?1 ORDER BY id", episode)?;
        Ok(all.into_iter().filter(|one| one.project == of.project && one.file == *of.file).collect())
    }

    /// Everything that was told of, newest first, at most two hundred.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn escalations(&self) -> Result<Vec<Told>, LedgerError> {
        let db = self.db.lock();
        told(&db, "id > ?1 ORDER BY id DESC LIMIT 200", 0)
    }

    /// Puts down what came of telling.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn told(&self, id: i64, sent: &Sent) -> Result<(), LedgerError> {
        let (state, next, details) = match sent {
            Sent::Done(address) => ("sent", 0, address.as_str()),
            Sent::Skipped => ("skipped", 0, "nobody is set up to be told"),
            Sent::Later(at, why) => ("waiting", *at, why.as_str()),
            Sent::Refused(why) => ("failed", 0, why.as_str()),
        };
        let db = self.db.lock();
        db.execute(
            "UPDATE outbox SET state = ?, next_at = ?, details = ?, tries = tries + 1 WHERE id = ?",
            params![state, next, details, id],
        )?;
        Ok(())
    }
}

fn told(db: &Connection, which: &str, value: i64) -> Result<Vec<Told>, LedgerError> {
    let sql = format!(
        "SELECT id, project, file, episode, level, channel, payload, tries, state, details FROM outbox WHERE {which}"
    );
    let mut query = db.prepare(&sql)?;
    let mut rows = query.query([value])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let damaged = |what: &dyn std::fmt::Display| LedgerError::Damaged(what.to_string());
        let (file, channel, payload): (String, String, String) = (row.get(2)?, row.get(5)?, row.get(6)?);
        all.push(Told {
            id: row.get(0)?,
            project: row.get(1)?,
            file: RelPath::new(&file).map_err(|error| damaged(&error))?,
            episode: row.get(3)?,
            level: row.get(4)?,
            channel: Channel::parse(&channel)?,
            payload: serde_json::from_str(&payload).map_err(|error| damaged(&error))?,
            tries: row.get(7)?,
            state: row.get(8)?,
            details: row.get(9)?,
        });
    }
    Ok(all)
}
