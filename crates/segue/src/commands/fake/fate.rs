//! What happens to an attempt at a stand-in: drawn from the seed and the attempt's id, so that it is the same after a restart
//! and whenever the same start comes again.

use std::time::Duration;

use uuid::Uuid;

use crate::cli::fake::{Chance, Fake};

/// Draws the fates of attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fates {
    seed: u64,
    from: Duration,
    spread: Duration,
    fail: Chance,
    permanent: Chance,
    busy: Chance,
    lose_accept: Chance,
    lose_callback: Chance,
    twice: Chance,
}

/// How the work of an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Well,
    Retry,
    Permanent,
}

/// What becomes of its callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Once,
    Twice,
    Lost,
}

impl Fates {
    pub(super) fn new(fake: &Fake, seed: u64) -> Self {
        Self {
            seed,
            from: fake.takes.from,
            spread: fake.takes.to.saturating_sub(fake.takes.from),
            fail: fake.fail,
            permanent: fake.permanent,
            busy: fake.busy,
            lose_accept: fake.lose_accept,
            lose_callback: fake.lose_callback,
            twice: fake.twice,
        }
    }

    pub(super) fn takes(&self, attempt: Uuid) -> Duration {
        self.from + self.spread.mul_f64(self.draw(attempt, "takes"))
    }

    pub(super) fn ending(&self, attempt: Uuid) -> Ending {
        let draw = self.draw(attempt, "ending");
        match draw {
            _ if draw < self.permanent.0 => Ending::Permanent,
            _ if draw < self.permanent.0 + self.fail.0 => Ending::Retry,
            _ => Ending::Well,
        }
    }

    pub(super) fn delivery(&self, attempt: Uuid) -> Delivery {
        let draw = self.draw(attempt, "delivery");
        match draw {
            _ if draw < self.lose_callback.0 => Delivery::Lost,
            _ if draw < self.lose_callback.0 + self.twice.0 => Delivery::Twice,
            _ => Delivery::Once,
        }
    }

    /// Whether its start finds the stand-in busy. What is offered again after that is another attempt, with a draw of its own.
    pub(super) fn is_busy(&self, attempt: Uuid) -> bool {
        self.draw(attempt, "busy") < self.busy.0
    }

    /// Whether the answer to its first accepted start is lost.
    pub(super) fn loses_accept(&self, attempt: Uuid) -> bool {
        self.draw(attempt, "accept") < self.lose_accept.0
    }

    /// At least 0, less than 1.
    fn draw(&self, attempt: Uuid, what: &str) -> f64 {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.seed.to_le_bytes()).update(attempt.as_bytes()).update(what.as_bytes());
        let mut bytes = [0; 4];
        hash.finalize_xof().fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
