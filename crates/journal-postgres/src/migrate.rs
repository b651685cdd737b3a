//! The tables' form: numbered files, applied in order when a journal is opened, each once.
//!
//! A migration must let the version before it go on working, because orchestrators are replaced one by one: it adds, and
//! what it replaces goes with a later one. It must not hold a lock for long either: `lock_timeout` lets it give up rather than
//! make others queue behind it, and it is tried again. An index on a table that has rows comes `CONCURRENTLY`, as a file
//! of its own that holds nothing else.

use std::time::Duration;

use journal::JournalError;
use tokio_postgres::error::SqlState;

use crate::connect::{Session, Trouble, answer};

/// All of them, in order; the first is number 1.
const MIGRATIONS: [&str; 2] =
    [include_str!("../migrations/0001_tables.sql"), include_str!("../migrations/0002_shelf.sql")];
/// How often a migration is tried where somebody holds a lock.
const TRIES: u32 = 10;
/// How long one may take: a `CONCURRENTLY` reads a whole table.
const TIME: Duration = Duration::from_secs(3600);

/// Where the number of the last one stands. Whoever migrates holds its row.
const PREPARE: &str = "
    CREATE SCHEMA IF NOT EXISTS segue;
    CREATE TABLE IF NOT EXISTS segue.schema (
        one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, changed timestamptz NOT NULL DEFAULT now()
    );
    INSERT INTO segue.schema (version) VALUES (0) ON CONFLICT (one) DO NOTHING;";

/// Brings the tables to the form that this program knows.
///
/// # Errors
/// A database that is newer than the program is refused; others as the database says.
pub(crate) async fn migrate(session: &mut Session) -> Result<(), JournalError> {
    let mut tries = 0;
    loop {
        match advance(session).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Trouble::Again(reason)) if tries < TRIES => {
                tries += 1;
                tracing::info!(reason, "the tables are in use; trying again");
                tokio::time::sleep(Duration::from_millis(200) * tries).await;
            }
            Err(trouble) => return Err(trouble.into_error()),
        }
    }
}

/// Applies one migration; true where none is left.
async fn advance(session: &mut Session) -> Result<bool, Trouble> {
    let version = match version(session, "").await? {
        Some(version) => version,
        None => {
            prepare(session).await?;
            0
        }
    };
    let known = MIGRATIONS.len();
    if version > known {
        return Err(Trouble::Refused(JournalError::Io {
            what: "this program is too old for the database".to_owned(),
            error: format!(
                "its tables have form {version}, and this version of Segue knows forms up to {known}"
            ),
        }));
    }
    let Some(migration) = MIGRATIONS.get(version) else { return Ok(true) };
    let set = format!("SET lock_timeout = '3s'; SET statement_timeout = '{}s'", TIME.as_secs());
    answer(session.client().batch_execute(&set), None).await?;
    let number = version + 1;
    let applied = if migration.contains("CONCURRENTLY") {
        answer(session.client().batch_execute(migration), Some(TIME)).await?;
        answer(session.client().batch_execute(&note(version, number)), None).await.map(|()| true)
    } else {
        apply(session, version, migration).await
    };
    if applied? {
        tracing::info!(number, "the tables were brought to a newer form");
    }
    Ok(false)
}

/// The form of the tables; none where there are none.
async fn version(session: &Session, suffix: &str) -> Result<Option<usize>, Trouble> {
    let asked = format!("SELECT version FROM segue.schema {suffix}");
    match session.client().query_opt(&asked, &[]).await {
        Ok(Some(row)) => Ok(usize::try_from(row.get::<_, i32>(0)).ok()),
        Ok(None) => Ok(None),
        Err(error)
            if error.code() == Some(&SqlState::UNDEFINED_TABLE)
                || error.code() == Some(&SqlState::INVALID_SCHEMA_NAME) =>
        {
            Ok(None)
        }
        Err(error) => Err(Trouble::of(&error)),
    }
}

async fn prepare(session: &Session) -> Result<(), Trouble> {
    match session.client().batch_execute(PREPARE).await {
        Ok(()) => Ok(()),
        // Two at once: IF NOT EXISTS looks before it makes.
        Err(error)
            if [&SqlState::UNIQUE_VIOLATION, &SqlState::DUPLICATE_SCHEMA, &SqlState::DUPLICATE_TABLE]
                .iter()
                .any(|code| error.code() == Some(code)) =>
        {
            Err(Trouble::Again("somebody else makes the tables".to_owned()))
        }
        Err(error) => Err(Trouble::of(&error)),
    }
}

/// Applies a migration and notes it, both or none; false where somebody else has done so meanwhile.
async fn apply(session: &mut Session, version: usize, migration: &str) -> Result<bool, Trouble> {
    answer(session.client().batch_execute("BEGIN"), None).await?;
    let applied = async {
        if self::version(session, "FOR UPDATE").await? != Some(version) {
            return Ok(false);
        }
        answer(session.client().batch_execute(migration), Some(TIME)).await?;
        answer(session.client().batch_execute(&note(version, version + 1)), None).await?;
        Ok(true)
    };
    let applied = applied.await;
    let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = answer(session.client().batch_execute(end), None).await;
    let applied = applied?;
    ended?;
    Ok(applied)
}

fn note(version: usize, number: usize) -> String {
    format!("UPDATE segue.schema SET version = {number}, changed = now() WHERE version = {version}")
}
