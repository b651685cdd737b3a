//! Retention: in small steps, each of which holds nothing that an append waits for, but for the row `head` for a moment.

use journal::{JournalError, Retained};
use uuid::Uuid;

use crate::{group::number, readers::Readers};

/// Jobs dropped by one statement.
const STEP: i64 = 200;

/// Says what will be dropped before it is, so that no reader of the feed misses events without being told. Not in the
/// statement that drops: that would hold the head for long.
const MARK: &str = "
    WITH old AS (
        SELECT job, position FROM segue.jobs WHERE ended IS NOT NULL AND ended < $1 ORDER BY ended LIMIT $2
    ), marked AS (
        UPDATE segue.head SET dropped = greatest(dropped, (SELECT max(position) FROM old))
        WHERE one AND (SELECT max(position) FROM old) > dropped
    )
    SELECT job, position FROM old";

/// A job that something has happened to since stays.
const DROP: &str = "
    WITH old AS (
        SELECT * FROM unnest($1::uuid[], $2::int8[]) AS o(job, position)
    ), gone AS (
        DELETE FROM segue.jobs j USING old o
        WHERE j.job = ANY ($1) AND j.job = o.job AND j.position = o.position AND j.ended IS NOT NULL RETURNING j.job
    ), events AS (
        DELETE FROM segue.events WHERE job = ANY (ARRAY(SELECT job FROM gone))
    ), snapshots AS (
        DELETE FROM segue.snapshots WHERE job = ANY (ARRAY(SELECT job FROM gone))
    )
    SELECT job FROM gone";

/// Drops jobs that ended before a moment.
pub(crate) async fn drop_ended_before(readers: &Readers, moment: u64) -> Result<Retained, JournalError> {
    let mut dropped = 0;
    loop {
        let old = readers.ask(MARK, &[&number(moment), &STEP]).await?;
        let jobs: Vec<Uuid> = old.iter().map(|row| row.get(0)).collect();
        let positions: Vec<i64> = old.iter().map(|row| row.get(1)).collect();
        if jobs.is_empty() {
            break;
        }
        let gone = readers.ask(DROP, &[&jobs, &positions]).await?.len();
        dropped += gone;
        if gone == 0 {
            // All of them live again, or somebody else drops them.
            break;
        }
    }
    Ok(Retained { dropped, freed: 0, moved: 0 })
}
