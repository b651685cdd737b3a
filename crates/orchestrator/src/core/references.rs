//! Which blobs jobs refer to, over everything that the journal keeps.

use std::{collections::HashSet, sync::Arc};

use journal::Query;

use super::{Core, cell::CommandError};

/// Jobs listed at a time.
const PAGE: usize = 500;

impl Core {
    /// The hashes of all artifacts of all jobs, live and ended. Jobs are not kept in memory.
    ///
    /// # Errors
    /// The journal's; also where a single job can't be read, since nobody knows then what it refers to.
    pub async fn artifacts_in_use(&self) -> Result<HashSet<Arc<str>>, CommandError> {
        let mut used = HashSet::new();
        let mut cursor = None;
        loop {
            let query = Query { cursor, limit: PAGE, ..Query::default() };
            let page = self.inner.journal.list(query).await?;
            let jobs = page.entries.into_iter().map(|(job, _)| job).collect();
            for (_, loaded) in self.load_many(jobs).await? {
                match loaded {
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
