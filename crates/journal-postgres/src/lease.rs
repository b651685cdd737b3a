//! The lease, in the row that every append updates: taking it anew and appending exclude each other.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use journal::{
    Answer, JournalError,
    lease::{Held, Holder, Lease},
};
use tokio::sync::{mpsc, watch};
use tokio_postgres::{AsyncMessage, error::SqlState};
use uuid::Uuid;

use crate::{
    connect::{Options, Session, Trouble},
    group::count,
};

/// How long one try may take.
const TIME: Duration = Duration::from_secs(5);
/// How wide the gap in the positions is between two epochs: wider than any group, so that a position tells whose it
/// is. Before anything was stored there is none: a copy may need the first positions, and nobody else knows the jobs.
const GAP: i64 = 65_536;

/// Others wait for the row no longer than this; a group of appends is faster.
const SESSION: [&str; 2] = ["SET lock_timeout = '2s'", "LISTEN segue_lease"];

const TAKE: &str = "
    UPDATE segue.head SET
        epoch = epoch + CASE WHEN holder = $1 THEN 0 ELSE 1 END,
        last = last + CASE WHEN holder = $1 OR last = 0 THEN 0 ELSE $4::int8 END,
        holder = $1, url = $2, until = clock_timestamp() + $3::int8 * interval '1 microsecond'
    WHERE one AND (holder IS NULL OR holder = $1 OR until <= clock_timestamp())
    RETURNING epoch";
const WHO: &str = "SELECT holder, url FROM segue.head WHERE one";
const RELEASE: &str = "
    WITH freed AS (
        UPDATE segue.head SET holder = NULL, url = NULL, until = NULL WHERE one AND holder = $1 RETURNING one
    )
    SELECT pg_notify('segue_lease', '') FROM freed";
/// Ends a session that holds the row although nobody who holds the lease may be waiting for it: its client was frozen or cut
/// off with half of a statement sent. Whoever it was finds out, and asks what became of it.
const FREE: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'segue appends'
        AND xact_start < clock_timestamp() - interval '2 seconds'
        AND (SELECT holder IS NULL OR holder = $1 OR until <= clock_timestamp() FROM segue.head WHERE one)";

/// The lease on a database's journal.
#[derive(Debug, Clone)]
pub struct PostgresLease {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    session: tokio::sync::Mutex<Option<Session>>,
    /// Counts what may have changed: notifications, and connections that broke.
    changes: watch::Sender<u64>,
}

impl PostgresLease {
    pub(crate) async fn open(options: Options) -> Result<Self, JournalError> {
        let inner = Inner { options, session: tokio::sync::Mutex::default(), changes: watch::Sender::new(0) };
        let session = inner.connect().await.map_err(Trouble::into_error)?;
        *inner.session.lock().await = Some(session);
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    async fn connect(&self) -> Result<Session, Trouble> {
        let (notices, mut told) = mpsc::channel(16);
        let session = self.options.connect_soon("lease", Some(notices)).await?;
        session.set(&SESSION).await.map_err(|error| Trouble::of(&error))?;
        let changes = self.changes.clone();
        tokio::spawn(async move {
            while let Some(message) = told.recv().await {
                if let AsyncMessage::Notification(_) = message {
                    changes.send_modify(|changes| *changes += 1);
                }
            }
            // The connection is gone: what was told meanwhile is not known.
            changes.send_modify(|changes| *changes += 1);
        });
        Ok(session)
    }

    /// Does it on the connection, with a new one where that has broken: both may be done twice.
    async fn order(&self, order: &Order) -> Result<Option<Held>, JournalError> {
        let mut session = self.session.lock().await;
        let mut tried = Trouble::Lost("there is no connection".to_owned());
        for _ in 0..2 {
            if session.as_ref().is_none_or(Session::is_closed) {
                *session = Some(self.connect().await.map_err(Trouble::into_error)?);
            }
            let Some(open) = session.as_ref() else { continue };
            tried = match tokio::time::timeout(TIME, order.give(open)).await {
                Ok(Ok(held)) => return Ok(held),
                Ok(Err(error)) => Trouble::of(&error),
                Err(_) => Trouble::Lost("the database does not answer".to_owned()),
            };
            if let Trouble::Lost(_) = tried {
                *session = None;
            }
        }
        Err(tried.into_error())
    }
}

/// What is to be done with the lease.
enum Order {
    /// For so many microseconds.
    Take(Holder, i64),
    Release(Uuid),
}

impl Order {
    async fn give(&self, session: &Session) -> Result<Option<Held>, tokio_postgres::Error> {
        let client = session.client();
        let (holder, micros) = match self {
            Self::Take(holder, micros) => (holder, micros),
            Self::Release(id) => return client.query(RELEASE, &[id]).await.map(|_| None),
        };
        loop {
            let taken = client.query_opt(TAKE, &[&holder.id, &holder.url, micros, &GAP]).await;
            if let Err(error) = &taken
                && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
            {
                tracing::warn!("a statement holds the journal although its lease is free; ending it");
                client.query(FREE, &[&holder.id]).await?;
            }
            if let Some(row) = taken? {
                return Ok(Some(Held::Ours { epoch: count(row.get(0)) }));
            }
            let who = client.query_one(WHO, &[]).await?;
            if let (Some(id), Some(url)) = (who.get::<_, Option<Uuid>>(0), who.get(1)) {
                return Ok(Some(Held::Theirs { holder: Holder { id, url } }));
            }
            // Given back in this moment: once more.
        }
    }
}

impl Lease for PostgresLease {
    fn take(&self, holder: Holder, time: Duration) -> Answer<Held> {
        let inner = self.inner.clone();
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 2);
        async move {
            let held = inner.order(&Order::Take(holder, micros)).await?;
            held.ok_or_else(|| JournalError::Away { reason: "the database told nothing".to_owned() })
        }
        .boxed()
    }

    fn release(&self, id: Uuid) -> Answer<()> {
        let inner = self.inner.clone();
        async move { inner.order(&Order::Release(id)).await.map(|_| ()) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.inner.changes.subscribe();
        async move {
            // An error: the lease is gone, and waiting for ever would help nobody.
            let _ = changes.changed().await;
        }
        .boxed()
    }
}
