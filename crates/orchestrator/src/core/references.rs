//! Which blobs jobs refer to, over everything that the journal keeps.

use std::{collections::HashSet, sync::Arc};

use engine::ids::JobId;
use journal::Query;

use super::{Core, cell::CommandError};

/// Jobs listed at a time.
const PAGE: usize = 500;
/// Jobs read at a time: each may be large.
const AT_ONCE: usize = 25;

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
            let jobs: Vec<JobId> = page.entries.into_iter().map(|(job, _)| job).collect();
            for jobs in jobs.chunks(AT_ONCE) {
                self.add_artifacts_of(jobs, &mut used).await?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(used);
            }
        }
    }

    async fn add_artifacts_of(
        &self,
        jobs: &[JobId],
        used: &mut HashSet<Arc<str>>,
    ) -> Result<(), CommandError> {
        for (_, loaded) in self.load_many(jobs.to_vec()).await? {
            match loaded {
                Ok(loaded) => {
                    used.extend(loaded.job.artifacts.values().map(|artifact| artifact.hash.clone()));
                }
                // Retention has dropped it since it was listed.
                Err(CommandError::UnknownJob(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
