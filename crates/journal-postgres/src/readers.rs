//! The connections for questions: few, made when they are needed, each shared by those who ask at the same time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use journal::JournalError;
use parking_lot::Mutex;
use tokio_postgres::{Row, Statement, types::ToSql};

use crate::connect::{Options, Session, Trouble, answer};

/// The first pause before asking again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Values of a question, in the order of their numbers.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// All of them.
#[derive(Debug)]
pub(crate) struct Readers {
    options: Options,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// How many wait for an answer here.
    busy: AtomicUsize,
    /// Held while it is made, so that one is.
    session: tokio::sync::Mutex<Option<Arc<Ready>>>,
}

/// A connection with what was prepared on it.
#[derive(Debug)]
struct Ready {
    session: Session,
    prepared: Mutex<HashMap<String, Statement>>,
}

/// Counts whoever waits.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(busy: &'a AtomicUsize) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    pub(crate) fn new(options: Options) -> Self {
        let slots = (0..options.readers.max(1)).map(|_| Slot::default()).collect();
        Self { options, slots }
    }

    /// Asks for rows; again, on another connection, where one breaks. Only for what may be done twice.
    pub(crate) async fn ask(&self, text: &str, values: Values<'_>) -> Result<Vec<Row>, JournalError> {
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        loop {
            match self.ask_once(text, values).await {
                Ok(rows) => return Ok(rows),
                Err(Trouble::Refused(error)) => return Err(error),
                Err(trouble) if began.elapsed() + pause >= self.options.patience => {
                    return Err(trouble.into_error());
                }
                Err(trouble) => {
                    tracing::debug!(?trouble, "a question is asked again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn ask_once(&self, text: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        let free = self.slots.iter().min_by_key(|slot| slot.busy.load(Ordering::Relaxed));
        let Some(slot) = free else { return Err(Trouble::Lost("there are no connections".to_owned())) };
        let _busy = Busy::new(&slot.busy);
        let ready = self.ready(slot).await?;
        let statement = ready.prepared(text).await?;
        answer(ready.session.client().query(&statement, values), None).await
    }

    async fn ready(&self, slot: &Slot) -> Result<Arc<Ready>, Trouble> {
        let mut session = slot.session.lock().await;
        if let Some(ready) = session.as_ref().filter(|ready| !ready.session.is_closed()) {
            return Ok(ready.clone());
        }
        let made = self.options.connect_soon("questions", None).await?;
        let ready = Arc::new(Ready { session: made, prepared: Mutex::default() });
        *session = Some(ready.clone());
        Ok(ready)
    }
}

impl Ready {
    async fn prepared(&self, text: &str) -> Result<Statement, Trouble> {
        if let Some(statement) = self.prepared.lock().get(text) {
            return Ok(statement.clone());
        }
        let statement = answer(self.session.client().prepare(text), None).await?;
        self.prepared.lock().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}
