//! Opening journals: in the folder `data`, or in a PostgreSQL; and holding the lease of one that is copied.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use journal::lease::{Held, Holder, Lease};
use journal_embedded::{EmbeddedJournal, Options};
use journal_postgres::{Database, PostgresJournal};
use orchestrator::config::trust;
use uuid::Uuid;

/// For how long a lease is taken.
const TIME: Duration = Duration::from_secs(6);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(2);

/// Opens the embedded journal in a folder.
pub(crate) fn open_folder(folder: &Path) -> Result<EmbeddedJournal> {
    let opened = EmbeddedJournal::open(Options::new(folder)).context("the journal can't be opened")?;
    if opened.torn > 0 {
        tracing::warn!(
            bytes = opened.torn,
            "the journal's end was torn by a crash and is cut; nobody was told of it"
        );
    }
    if opened.index_rebuilt {
        tracing::warn!("the journal's index did not fit and was built again");
    }
    Ok(opened.journal)
}

/// Opens the database of a URL. `ca`: authorities beside the public ones that its certificate may come from.
pub(crate) async fn open_database(url: &str, ca: Option<&Path>) -> Result<Database> {
    let options = journal_postgres::Options::new(url, trust(ca)?)?;
    let place = options.place();
    Database::open(options)
        .await
        .with_context(|| format!("the journal in PostgreSQL at {place} can't be opened"))
}

/// A lease that is renewed until it is given back.
pub(crate) struct HeldLease {
    lease: Arc<dyn Lease>,
    holder: Holder,
    epoch: u64,
    renewing: tokio::task::JoinHandle<()>,
}

impl HeldLease {
    /// Renews a lease that is ours in this epoch.
    fn keep(lease: Arc<dyn Lease>, holder: Holder, epoch: u64) -> Self {
        let (renewed, by) = (lease.clone(), holder.clone());
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW).await;
                // Whether it is still ours, `check` finds out.
                if let Err(error) = renewed.take(by.clone(), TIME).await {
                    tracing::warn!(%error, "the journal's lease can't be renewed; trying again");
                }
            }
        });
        Self { lease, holder, epoch, renewing }
    }

    /// Whether nobody else had it since it was taken: else he may have written what we have not seen.
    ///
    /// # Errors
    /// Somebody had, or has it; or that can't be found out.
    pub(crate) async fn check(&self) -> Result<()> {
        match self.lease.take(self.holder.clone(), TIME).await? {
            Held::Ours { epoch } if epoch == self.epoch => Ok(()),
            Held::Ours { .. } => bail!("somebody else has used it meanwhile"),
            Held::Theirs { holder } => bail!("{} has taken it over meanwhile", holder.url),
        }
    }

    /// Gives it back.
    pub(crate) async fn release(self) {
        self.renewing.abort();
        if let Err(error) = self.lease.release(self.holder.id).await {
            tracing::warn!(%error, "the journal's lease could not be given back; it runs out by itself");
        }
    }
}

/// The lease of a database for a copy, with its journal.
pub(crate) async fn hold(database: &Database, what: &str) -> Result<(PostgresJournal, HeldLease)> {
    let lease: Arc<dyn Lease> = Arc::new(database.lease().await?);
    let holder = Holder { id: Uuid::now_v7(), url: what.to_owned() };
    match lease.take(holder.clone(), TIME).await? {
        Held::Ours { epoch } => Ok((database.journal(epoch).await?, HeldLease::keep(lease, holder, epoch))),
        Held::Theirs { holder } => bail!("it is in use by {}: stop that first", holder.url),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use journal::lease::MemoryLease;

    use super::*;

    fn holder(number: u128) -> Holder {
        Holder { id: Uuid::from_u128(number), url: format!("http://{number}") }
    }

    #[tokio::test]
    async fn a_copy_knows_whether_somebody_else_had_the_journal_meanwhile() {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = seconds.clone();
        let lease = MemoryLease::new(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
        assert_eq!(lease.take(holder(1), TIME).await.unwrap(), Held::Ours { epoch: 1 });
        let held = HeldLease::keep(Arc::new(lease.clone()), holder(1), 1);
        // It is not renewed, as where the process is frozen. As long as nobody else comes it stays ours.
        held.renewing.abort();
        seconds.store(60, Ordering::Relaxed);
        held.check().await.unwrap();
        seconds.store(120, Ordering::Relaxed);
        assert_eq!(lease.take(holder(2), TIME).await.unwrap(), Held::Ours { epoch: 2 });
        assert!(held.check().await.unwrap_err().to_string().contains("http://2"));
        lease.release(holder(2).id).await.unwrap();
        assert!(held.check().await.unwrap_err().to_string().contains("meanwhile"));
    }
}
