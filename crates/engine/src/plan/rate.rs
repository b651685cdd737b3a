//! So many starts in a time: a bucket that fills evenly and holds at most what one period allows.

use std::time::Duration;

use crate::{ids::Timestamp, pipeline::duration};

/// So many in a time, written `10/s` or `600/10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In what time.
    pub per: Duration,
}

impl Rate {
    /// Reads a rate.
    ///
    /// # Errors
    /// A sentence with the forms that are understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid =
            || format!("'{text}' is not a rate: write a number, a slash and a time, such as 10/s or 600/10m");
        let (count, per) = text.split_once('/').ok_or_else(invalid)?;
        let count: u32 = count.trim().parse().ok().filter(|&count| count > 0).ok_or_else(invalid)?;
        let per = per.trim();
        let per =
            if per.starts_with(|c: char| c.is_ascii_digit()) { per.to_owned() } else { format!("1{per}") };
        let per = duration::parse(&per).map_err(|_| invalid())?;
        if per.is_zero() { Err(invalid()) } else { Ok(Self { count, per }) }
    }
}

/// Counts in thousandths of a millisecond of "time owed": no floating point, no drift.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Option<Rate>,
    /// When the bucket would be full again, in microseconds since the epoch.
    full_at_micros: u64,
}

impl Bucket {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self { rate, full_at_micros: 0 }
    }

    /// When the next start is possible, where it is not now.
    pub(super) fn blocked_until(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.rate?;
        let next = self.full_at_micros.saturating_add(cost(rate)).saturating_sub(micros(rate.per));
        (next > now.0.saturating_mul(1000)).then(|| Timestamp(next.div_ceil(1000)))
    }

    /// One has started.
    pub(super) fn take(&mut self, now: Timestamp) {
        if let Some(rate) = self.rate {
            let from = self.full_at_micros.max(now.0.saturating_mul(1000));
            self.full_at_micros = from.saturating_add(cost(rate));
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn cost(rate: Rate) -> u64 {
    micros(rate.per) / u64::from(rate.count)
}
