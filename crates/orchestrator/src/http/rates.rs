//! How fast anybody may call: a bucket for each caller where a rate is configured, and one for wrong tokens of each address.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use dashmap::DashMap;
use engine::{ids::Timestamp, plan::Rate};
use protocol::{Code, Problem};

use super::Failure;
use crate::clock::World;

/// Wrong tokens of one address in a minute; then it waits.
const WRONG_PER_MINUTE: f64 = 30.0;
/// Buckets kept; beyond that the full ones go.
const MOST: usize = 10_000;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A bucket that fills with time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

/// The buckets.
#[derive(Debug)]
pub struct Rates {
    world: Arc<dyn World>,
    /// Calls per millisecond, and how many at once.
    callers: Option<(f64, f64)>,
    by_caller: DashMap<String, Bucket>,
    wrong: DashMap<IpAddr, Bucket>,
}

impl Rates {
    /// With a rate for each caller, or with none.
    #[must_use]
    pub fn new(world: Arc<dyn World>, rate: Option<Rate>) -> Self {
        let callers = rate.map(|rate| {
            let count = f64::from(rate.count);
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let millis = rate.per.as_millis().max(1) as f64;
            (count / millis, count)
        });
        Self { world, callers, by_caller: DashMap::new(), wrong: DashMap::new() }
    }

    /// Takes a call of a caller, who is known by his token or by where he comes from.
    pub(super) fn take(&self, name: Option<&str>, peer: Option<Peer>) -> Result<(), Failure> {
        let Some((speed, most)) = self.callers else { return Ok(()) };
        let who = match (name, peer) {
            (Some(name), _) => name.to_owned(),
            (None, Some(peer)) => peer.0.ip().to_string(),
            (None, None) => String::new(),
        };
        match take(&self.by_caller, who, speed, most, self.world.now()) {
            true => Ok(()),
            false => {
                Err(Problem::new(Code::TooManyRequests, "calls come faster than the rate allows").into())
            }
        }
    }

    /// The answer to a wrong token: from an address that tries many, that it must wait.
    pub(super) fn count_wrong(&self, peer: Option<Peer>, failure: Failure) -> Failure {
        let Some(peer) = peer.filter(|_| failure.0.code == Code::WrongToken) else { return failure };
        let speed = WRONG_PER_MINUTE / 60_000.0;
        match take(&self.wrong, peer.0.ip(), speed, WRONG_PER_MINUTE, self.world.now()) {
            true => failure,
            false => Problem::new(Code::TooManyRequests, "too many wrong tokens from this address").into(),
        }
    }
}

fn take<K: std::hash::Hash + Eq>(
    buckets: &DashMap<K, Bucket>,
    who: K,
    speed: f64,
    most: f64,
    now: Timestamp,
) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a span in milliseconds")]
    let filled = |bucket: &Bucket| (bucket.left + now.since(bucket.at).as_millis() as f64 * speed).min(most);
    if buckets.len() > MOST {
        buckets.retain(|_, bucket| filled(bucket) < most);
    }
    let mut bucket = buckets.entry(who).or_insert(Bucket { left: most, at: now });
    bucket.left = filled(&bucket);
    bucket.at = now;
    let enough = bucket.left >= 1.0;
    if enough {
        bucket.left -= 1.0;
    }
    enough
}
