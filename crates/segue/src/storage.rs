//! Opening journals: in the folder `data`, or in a PostgreSQL; and holding the lease of one that is copied.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, anyhow};
use journal::lease::{Held, Holder, Lease};
use journal_embedded::{EmbeddedJournal, Options};
use journal_postgres::{Database, PostgresJournal, PostgresLease};
use orchestrator::config::trust;
use tokio_util::sync::CancellationToken;
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
    lease: PostgresLease,
    id: Uuid,
    renewing: tokio::task::JoinHandle<()>,
}

impl HeldLease {
    /// Renews a lease that is ours; `lost` is cancelled when somebody else has it.
    pub(crate) fn keep(lease: PostgresLease, holder: Holder, lost: CancellationToken) -> Self {
        let (renewed, id) = (lease.clone(), holder.id);
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW).await;
                match renewed.take(holder.clone(), TIME).await {
                    Ok(Held::Ours { .. }) => {}
                    Ok(Held::Theirs { holder }) => {
                        tracing::error!(
                            holder = holder.url,
                            "another orchestrator has taken over; this one stops"
                        );
                        lost.cancel();
                        return;
                    }
                    // Nobody else can take it while the database is away for all; where it is away for us, appends fail.
                    Err(error) => {
                        tracing::warn!(%error, "the journal's lease can't be renewed; trying again")
                    }
                }
            }
        });
        Self { lease, id, renewing }
    }

    /// Gives it back.
    pub(crate) async fn release(self) {
        self.renewing.abort();
        if let Err(error) = self.lease.release(self.id).await {
            tracing::warn!(%error, "the journal's lease could not be given back; it runs out by itself");
        }
    }
}

/// The lease of a database for a copy, with its journal.
pub(crate) async fn hold(database: &Database, what: &str) -> Result<(PostgresJournal, HeldLease)> {
    let lease = database.lease().await?;
    let holder = Holder { id: Uuid::now_v7(), url: what.to_owned() };
    match lease.take(holder.clone(), TIME).await? {
        Held::Ours { epoch } => {
            let kept = HeldLease::keep(lease, holder, CancellationToken::new());
            Ok((database.journal(epoch).await?, kept))
        }
        Held::Theirs { holder } => Err(anyhow!("it is in use by {}: stop that first", holder.url)),
    }
}
