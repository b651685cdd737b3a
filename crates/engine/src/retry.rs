//! Backoff: arithmetic only. Jitter comes from the attempt's own id, so that the same journal always gives the same times.

use std::time::Duration;

use crate::{ids::AttemptId, pipeline::Retry};

/// Shortest wait after a busy service named none.
const MIN_BUSY: Duration = Duration::from_millis(100);
/// Longest wait that a busy service may ask for.
const MAX_BUSY: Duration = Duration::from_secs(3600);
/// So often in a row a run is offered exactly as its busy service asks.
const PATIENT_OFFERS: u32 = 10;
/// How much longer each wait after that is than the one before…
const GROWTH: f64 = 1.5;
/// …up to this, where the service does not ask for more.
const RARE: Duration = Duration::from_secs(30);

/// How long to wait before trying again, after `used` attempts (at least 1) of which `last` was the last.
#[must_use]
pub fn backoff(retry: &Retry, used: u32, last: AttemptId) -> Duration {
    let exponent = i32::try_from(used.saturating_sub(1)).unwrap_or(i32::MAX);
    let ideal = retry.backoff.as_secs_f64() * retry.factor.powi(exponent);
    let capped = Duration::from_secs_f64(ideal.min(retry.max.as_secs_f64()));
    if retry.jitter { capped.mul_f64(0.5 + spread(last) / 2.0) } else { capped }
}

/// How long to wait before offering again to a service that is busy, which turned the run away `before` times in a row: what
/// it asked for, and up to a tenth more, so that many runs turned away together do not come back together. A service that is
/// busy for hours is asked less and less often, up to twice a minute, or a job's history would grow by each second of it.
#[must_use]
pub fn busy(asked: Duration, before: u32, attempt: AttemptId) -> Duration {
    let asked = asked.clamp(MIN_BUSY, MAX_BUSY);
    let steps = i32::try_from(before.saturating_sub(PATIENT_OFFERS)).unwrap_or(i32::MAX);
    let grown = asked.as_secs_f64() * GROWTH.powi(steps);
    let wait = Duration::from_secs_f64(grown.min(RARE.as_secs_f64())).max(asked);
    wait.mul_f64(1.0 + spread(attempt) / 10.0)
}

/// A number from 0 to 1 that depends on nothing but the attempt.
fn spread(attempt: AttemptId) -> f64 {
    let hash = blake3::hash(attempt.0.as_bytes());
    let mut low = [0; 4];
    low.copy_from_slice(&hash.as_bytes()[..4]);
    f64::from(u32::from_le_bytes(low)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn attempt(n: u128) -> AttemptId {
        AttemptId(Uuid::from_u128(n))
    }

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        let retry = Retry {
            attempts: 10,
            backoff: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(16),
            jitter: false,
        };
        let waits: Vec<u64> = (1..=7).map(|used| backoff(&retry, used, attempt(1)).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 16, 16]);
        assert_eq!(backoff(&retry, u32::MAX, attempt(1)).as_secs(), 16);
    }

    #[test]
    fn jitter_spreads_over_half_to_the_whole_of_the_wait() {
        let retry = Retry {
            attempts: 10,
            backoff: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(16),
            jitter: true,
        };
        let waits: Vec<Duration> = (0..1000).map(|n| backoff(&retry, 1, attempt(n))).collect();
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(*least >= Duration::from_millis(500) && *least < Duration::from_millis(520), "{least:?}");
        assert!(*most <= Duration::from_secs(1) && *most > Duration::from_millis(980), "{most:?}");
    }

    #[test]
    fn a_busy_service_is_not_asked_for_ever_or_at_once() {
        assert!(busy(Duration::ZERO, 0, attempt(7)) >= MIN_BUSY);
        for before in [0, 100, u32::MAX] {
            assert!(busy(Duration::from_secs(u64::MAX), before, attempt(7)) <= MAX_BUSY.mul_f64(1.1));
        }
    }

    #[test]
    fn a_service_that_is_busy_for_hours_is_asked_less_and_less_often() {
        let wait = |before| busy(Duration::from_secs(1), before, attempt(7)).as_secs_f64();
        assert!((0..=PATIENT_OFFERS).all(|before| wait(before) <= 1.1), "at first as it asks");
        assert!(wait(13) > 3.0 && wait(13) < 4.0, "{}", wait(13));
        assert!(wait(1000) >= 30.0 && wait(1000) <= 33.0, "{}", wait(1000));
        let hour = busy(Duration::from_secs(3600), 1000, attempt(7));
        assert!(hour >= Duration::from_secs(3600), "never sooner than it asks");
    }
}
