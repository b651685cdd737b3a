//! Which blobs jobs refer to, over everything that the journal keeps.

use std::{collections::HashSet, sync::Arc};

use journal::Query;

use super::{Core, cell::CommandError};

/// Jobs listed at a time.
const PAGE: usize = 500;

impl Core {
    /// The hashes of all artifacts of all jobs, live and ended. Jobs are read one by one and not kept in memory.
    ///
    /// # Errors
    /// The journal's; also where a single job can't be read, since nobody knows then what it refers to.
    pub async fn artifacts_in_use(&self) -> Result<HashSet<Arc<str>>, CommandError> {
        let mut used = HashSet::new();
        let mut cursor = None;
        loop {
            let query = Query { cursor, limit: PAGE, ..Query::default() };
            let page = self.inner.journal.list(query).await?;
            for (job, _) in page.entries {
                match self.load(job).await {
                    Ok(loaded) => {
                        used.extend(loaded.job.artifacts.values().map(|artifact| artifact.hash.clone()));
                    }
                    // Retention has dropped it since it was listed.
                    Err(CommandError::UnknownJob(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(used);
            }
        }
    }
}
