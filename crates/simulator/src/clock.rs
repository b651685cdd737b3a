//! Time and ids of a run: tokio's paused clock, which goes on over crashes, plus jumps; ids are counted, and salted by the
//! seed.

use engine::ids::{AttemptId, JobId, Timestamp};
use orchestrator::clock::World;
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::dice::Dice;

/// When runs begin: 2027-01-15, in milliseconds since 1970.
const BEGIN: u64 = 1_800_000_000_000;

/// The clock of a run.
#[derive(Debug)]
pub struct Clock {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Steady time when the process now running began, and tokio's clock then.
    base: u64,
    begun: Option<Instant>,
    /// How far the wall clock has been set off.
    jump: i64,
    jumped_at: Option<u64>,
    ids: u64,
    dice: Dice,
}

impl Clock {
    /// At its beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let dice = Dice::of(seed, "ids", 0);
        Self { inner: Mutex::new(Inner { base: 0, begun: None, jump: 0, jumped_at: None, ids: 0, dice }) }
    }

    /// A process begins: to be called in its runtime.
    pub fn begin(&self) {
        self.inner.lock().begun = Some(Instant::now());
    }

    /// The process has ended: time stands still until the next begins.
    pub fn end(&self) {
        let base = self.steady();
        let mut inner = self.inner.lock();
        inner.base = base;
        inner.begun = None;
    }

    /// Nothing runs for a while.
    pub fn wait(&self, time: std::time::Duration) {
        self.inner.lock().base += u64::try_from(time.as_millis()).unwrap_or(0);
    }

    /// Milliseconds since the run began, without jumps.
    #[must_use]
    pub fn steady(&self) -> u64 {
        let inner = self.inner.lock();
        let here = inner.begun.map_or(0, |begun| begun.elapsed().as_millis());
        inner.base + u64::try_from(here).unwrap_or(u64::MAX)
    }

    /// The wall clock is set.
    pub fn jump(&self, by: i64) {
        let steady = self.steady();
        let mut inner = self.inner.lock();
        inner.jump += by;
        inner.jumped_at = Some(steady);
    }

    /// How long ago the wall clock was set, in milliseconds of steady time.
    #[must_use]
    pub fn since_jump(&self) -> u64 {
        let steady = self.steady();
        self.inner.lock().jumped_at.map_or(u64::MAX, |at| steady.saturating_sub(at))
    }

    fn id(&self) -> Uuid {
        let mut inner = self.inner.lock();
        inner.ids += 1;
        let salt = inner.dice.bits();
        Uuid::from_u128((u128::from(inner.ids) << 64) | u128::from(salt))
    }
}

impl World for Clock {
    fn now(&self) -> Timestamp {
        let steady = BEGIN + self.steady();
        Timestamp(steady.saturating_add_signed(self.inner.lock().jump))
    }

    fn job_id(&self) -> JobId {
        JobId(self.id())
    }

    fn attempt_id(&self) -> AttemptId {
        AttemptId(self.id())
    }
}

/// An id in few letters, for people.
#[must_use]
pub fn short(id: Uuid) -> String {
    format!("{}", id.as_u128() >> 64)
}
