//! What a run is made of: a seed, how many starts, and which faults. A run is nothing else, so it can be run again.

use std::fmt;

use crate::dice::Dice;

/// Something that may go wrong, or that people may do at a bad moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// The orchestrator is killed at an append: what was being written is there, or not.
    CrashAtAppend,
    /// The orchestrator is killed at any moment.
    Crash,
    /// A sync fails: what was written is there, or not, and the callers are told that it is not.
    DiskStops,
    /// There is no room for a while.
    DiskFull,
    /// Syncs take long.
    DiskSlow,
    /// The answer to an offer is lost although the service has taken it.
    AcceptLost,
    /// An offer does not arrive.
    OfferLost,
    /// 429 and 503.
    Busy,
    /// The callback comes before the answer to the offer.
    Early,
    /// The callback comes after the attempt is over.
    Late,
    /// The callback comes twice.
    Twice,
    /// A second callback says something else.
    Conflicting,
    /// The callback never comes.
    Never,
    /// The service says nothing for long.
    Silent,
    /// Questions are not answered.
    ProbeUnanswered,
    /// A service is started again and has forgotten everything.
    ServiceRestart,
    /// Work fails in a way that may pass.
    Retryable,
    /// Work fails for good, or the offer is refused for good.
    Permanent,
    /// The service is done at once.
    Synchronous,
    /// A service does not pause, or pauses without being asked.
    PauseOdd,
    /// The wall clock is set, forwards or backwards.
    ClockJump,
    /// A start is made again.
    DuplicateStart,
    /// Somebody cancels.
    Cancel,
    /// Somebody pauses, and may resume.
    Pause,
    /// Somebody tries again what failed.
    Retry,
    /// Somebody runs a phase again.
    Rerun,
    /// Somebody signals, whether it is waited for or not.
    Signal,
    /// Somebody changes priorities.
    Priority,
}

/// All of them.
pub const FAULTS: [Fault; 28] = [
    Fault::CrashAtAppend,
    Fault::Crash,
    Fault::DiskStops,
    Fault::DiskFull,
    Fault::DiskSlow,
    Fault::AcceptLost,
    Fault::OfferLost,
    Fault::Busy,
    Fault::Early,
    Fault::Late,
    Fault::Twice,
    Fault::Conflicting,
    Fault::Never,
    Fault::Silent,
    Fault::ProbeUnanswered,
    Fault::ServiceRestart,
    Fault::Retryable,
    Fault::Permanent,
    Fault::Synchronous,
    Fault::PauseOdd,
    Fault::ClockJump,
    Fault::DuplicateStart,
    Fault::Cancel,
    Fault::Pause,
    Fault::Retry,
    Fault::Rerun,
    Fault::Signal,
    Fault::Priority,
];

/// A set of faults.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults(u32);

impl Faults {
    /// Whether it is among them.
    #[must_use]
    pub fn has(self, fault: Fault) -> bool {
        self.0 >> fault as u8 & 1 == 1
    }

    /// The same, and this one.
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        Self(self.0 | 1 << fault as u8)
    }

    /// The same, without this one.
    #[must_use]
    pub fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u8))
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = Fault> {
        FAULTS.into_iter().filter(move |fault| self.has(*fault))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.each()).finish()
    }
}

/// A run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many jobs are started.
    pub jobs: u32,
    /// What may go wrong.
    pub faults: Faults,
}

impl Scenario {
    /// What a seed stands for. Each run has some of the faults, not all: what goes wrong every time hides what goes wrong after
    /// a hundred things went well.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "scenario", 0);
        let often = *dice.pick(&[150, 350, 600, 850]);
        let chosen = FAULTS.into_iter().filter(|_| dice.chance(often));
        let faults = chosen.fold(Faults::default(), Faults::with);
        let jobs = u32::try_from(1 + dice.below(24)).unwrap_or(1);
        Self { seed, jobs, faults }
    }
}
