//! Which journal there is: in the folder `data`, or in a PostgreSQL. Storage is chosen here and nowhere else.
//!
//! A PostgreSQL may be used by several orchestrators, one of which works: the one that holds the lease. The others wait here
//! until it is theirs. Whoever loses it stops: every append of his would be refused.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use journal::{
    Journal,
    lease::{Held, Holder, Lease},
};
use journal_embedded::{EmbeddedJournal, Options};
use journal_postgres::{Database, PostgresJournal, PostgresLease};
use orchestrator::config::{OrchestratorConfig, trust};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// For how long a lease is taken.
const TIME: Duration = Duration::from_secs(6);
/// How often it is renewed, and how often those who wait try to take it.
const RENEW: Duration = Duration::from_secs(2);

/// A journal that may be used.
pub(crate) struct Storage {
    pub(crate) journal: Arc<dyn Journal>,
    lease: Option<HeldLease>,
}

impl Storage {
    /// Opens the journal that is configured; none where we were asked to stop while another orchestrator had it. `lost` is
    /// cancelled if it is taken from us.
    pub(crate) async fn open(config: &OrchestratorConfig, lost: &CancellationToken) -> Result<Option<Self>> {
        let Some(url) = &config.journal else {
            let journal: Arc<dyn Journal> = Arc::new(open_folder(&config.data.join("journal"))?);
            return Ok(Some(Self { journal, lease: None }));
        };
        let database = open_database(url, config.ca.as_deref()).await?;
        let lease = database.lease().await.context("the journal's lease can't be asked for")?;
        let holder = Holder { id: Uuid::now_v7(), url: config.public_url.clone() };
        let Some(epoch) = wait_for(&lease, &holder, lost).await? else { return Ok(None) };
        let lease = HeldLease::keep(lease, holder, lost.clone());
        let journal = database.journal(epoch).await.context("the journal can't be opened")?;
        tracing::info!(epoch, "the journal is ours");
        Ok(Some(Self { journal: Arc::new(journal), lease: Some(lease) }))
    }

    /// Lets others have it at once.
    pub(crate) async fn close(self) {
        if let Some(lease) = self.lease {
            lease.release().await;
        }
    }
}

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

/// Takes the lease as soon as it is free; none where we are asked to stop before.
async fn wait_for(lease: &PostgresLease, holder: &Holder, stop: &CancellationToken) -> Result<Option<u64>> {
    let mut told = None;
    loop {
        let changed = lease.changed();
        match lease.take(holder.clone(), TIME).await {
            Ok(Held::Ours { epoch }) => return Ok(Some(epoch)),
            Ok(Held::Theirs { holder }) if told.as_ref() != Some(&holder) => {
                tracing::info!(holder = holder.url, "another orchestrator has the journal; waiting for it");
                told = Some(holder);
            }
            Ok(Held::Theirs { .. }) => {}
            Err(error) if told.is_some() => {
                tracing::warn!(%error, "the lease can't be asked for; trying again")
            }
            Err(error) => return Err(anyhow!(error).context("the journal's lease can't be taken")),
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(RENEW / 2) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
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
