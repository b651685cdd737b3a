//! The shelf: a table of a few rows.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use journal::{Answer, JournalError, shelf::Shelf};

use crate::{connect::Options, readers::Readers};

const GET: &str = "SELECT value FROM segue.shelf WHERE name = $1";
/// One that was there already is given back: it is written as it is, for a row that is not touched is not returned.
const PUT_IF_ABSENT: &str = "
    INSERT INTO segue.shelf (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = segue.shelf.value RETURNING value";
const PUT: &str = "
    INSERT INTO segue.shelf (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// The shelf of a database's journal.
#[derive(Debug, Clone)]
pub struct PostgresShelf {
    readers: Arc<Readers>,
}

impl PostgresShelf {
    pub(crate) fn new(mut options: Options) -> Self {
        options.readers = 1;
        Self { readers: Arc::new(Readers::new(options)) }
    }
}

impl Shelf for PostgresShelf {
    fn get(&self, name: String) -> Answer<Option<Bytes>> {
        let readers = self.readers.clone();
        async move {
            let rows = readers.ask(GET, &[&name]).await?;
            Ok(rows.first().map(|row| Bytes::copy_from_slice(row.get(0))))
        }
        .boxed()
    }

    fn put_if_absent(&self, name: String, value: Bytes) -> Answer<Bytes> {
        let readers = self.readers.clone();
        async move {
            let rows = readers.ask(PUT_IF_ABSENT, &[&name, &&value[..]]).await?;
            let there = rows.first().map(|row| Bytes::copy_from_slice(row.get(0)));
            there.ok_or_else(|| JournalError::Away { reason: "the database told nothing".to_owned() })
        }
        .boxed()
    }

    fn put(&self, name: String, value: Bytes) -> Answer<()> {
        let readers = self.readers.clone();
        async move { readers.ask(PUT, &[&name, &&value[..]]).await.map(|_| ()) }.boxed()
    }
}
