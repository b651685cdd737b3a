//! Time and ids from outside, behind one small trait, so that nothing else reads a clock or rolls dice.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use engine::ids::{AttemptId, JobId, Timestamp};
use uuid::Uuid;

/// A moment as the wire has it.
#[must_use]
pub fn moment(at: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

/// Where moments and ids come from.
pub trait World: Send + Sync + fmt::Debug {
    /// This moment.
    fn now(&self) -> Timestamp;
    /// A new job's id, sorting by age.
    fn job_id(&self) -> JobId;
    /// A new attempt's id, impossible to guess.
    fn attempt_id(&self) -> AttemptId;
}

/// The machine's clock and the system's randomness.
#[derive(Debug, Default)]
pub struct RealWorld;

impl World for RealWorld {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn job_id(&self) -> JobId {
        JobId(Uuid::now_v7())
    }

    fn attempt_id(&self) -> AttemptId {
        AttemptId(Uuid::now_v7())
    }
}
