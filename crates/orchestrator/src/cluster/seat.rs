//! Getting the lease, and keeping it.

use std::{sync::Arc, time::Duration};

use journal::lease::{Held, Lease};
use tokio::time::Instant;

use super::{Membership, Reign};

/// How long an answer is waited for by one who does not lead. The lease gives up earlier by itself.
const ANSWER: Duration = Duration::from_secs(30);

/// The seat of the one who leads, as one who may sit in it sees it.
#[derive(Clone)]
pub struct Seat {
    lease: Arc<dyn Lease>,
    time: Duration,
    member: Membership,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seat({:?})", self.time)
    }
}

impl Seat {
    /// A lease that is taken for `time` at once.
    #[must_use]
    pub fn new(lease: Arc<dyn Lease>, time: Duration, member: Membership) -> Self {
        Self { lease, time, member }
    }

    /// Who sits where.
    #[must_use]
    pub fn member(&self) -> &Membership {
        &self.member
    }

    /// Tries until we lead. Tells meanwhile who does.
    pub async fn seek(&self) -> Reign {
        let (mut told, mut known) = (false, None);
        loop {
            let changed = self.lease.changed();
            let asked = Instant::now();
            match self.take(ANSWER).await {
                Ok(Held::Ours { epoch }) => {
                    let reign = Reign::new(epoch, asked + self.trusted());
                    self.member.heard(self.member.me.clone(), Some(reign.clone()));
                    return reign;
                }
                Ok(Held::Theirs { holder }) => {
                    told = false;
                    if known.as_ref() != Some(&holder) {
                        tracing::info!(leader = holder.url, "another orchestrator leads; standing by");
                        known = Some(holder.clone());
                    }
                    self.member.heard(holder, None);
                }
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(error, "who leads can't be found out; it is tried again and again");
                    }
                }
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(self.time / 6) => {}
            }
        }
    }

    /// Renews the lease until it can't be, or somebody else has it: then the reign is over. To be dropped when it ends otherwise.
    pub async fn keep(&self, reign: &Reign) {
        let mut wait = self.time / 3;
        loop {
            tokio::select! {
                () = reign.over() => return,
                () = tokio::time::sleep_until(reign.until().min(Instant::now() + wait)) => {}
            }
            if !reign.holds() {
                tracing::error!(
                    epoch = reign.epoch,
                    "the lease could not be renewed in time: no longer leading"
                );
                return;
            }
            let asked = Instant::now();
            match self.take(reign.until() - asked).await {
                Ok(Held::Ours { epoch }) if epoch == reign.epoch => {
                    reign.extend(asked + self.trusted());
                    self.member.heard(self.member.me.clone(), Some(reign.clone()));
                    wait = self.time / 3;
                }
                Ok(other) => {
                    tracing::error!(epoch = reign.epoch, ?other, "the lease is another's: no longer leading");
                    reign.end();
                }
                Err(error) => {
                    tracing::warn!(error, "the lease can't be renewed now");
                    wait = self.time / 12;
                }
            }
        }
    }

    /// Gives the lease back, if it is ours and the database can be told.
    pub async fn leave(&self, reign: &Reign) {
        reign.end();
        self.member.left();
        let released = self.lease.release(self.member.me.id);
        match tokio::time::timeout(self.time / 3, released).await {
            Ok(Ok(())) => {}
            // It runs out by itself.
            Ok(Err(error)) => tracing::warn!(%error, "the lease can't be given back"),
            Err(_) => tracing::warn!("the lease can't be given back: no answer"),
        }
    }

    /// How long after asking for it we believe that the lease is ours: the rest is for clocks that do not go alike.
    fn trusted(&self) -> Duration {
        self.time / 3 * 2
    }

    async fn take(&self, patience: Duration) -> Result<Held, String> {
        let taken = self.lease.take(self.member.me.clone(), self.time);
        match tokio::time::timeout(patience, taken).await {
            Ok(taken) => taken.map_err(|error| error.to_string()),
            Err(_) => Err("no answer".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::BoxFuture};
    use journal::{
        Answer, JournalError,
        lease::{Holder, MemoryLease},
    };
    use parking_lot::Mutex;
    use uuid::Uuid;

    use super::*;

    const TIME: Duration = Duration::from_secs(6);

    /// A lease that can be cut off.
    #[derive(Clone)]
    struct Cut {
        lease: MemoryLease,
        away: Arc<Mutex<bool>>,
    }

    impl Lease for Cut {
        fn take(&self, holder: Holder, time: Duration) -> Answer<Held> {
            match *self.away.lock() {
                true => async { Err(JournalError::Away { reason: "cut".to_owned() }) }.boxed(),
                false => self.lease.take(holder, time),
            }
        }
        fn release(&self, id: Uuid) -> Answer<()> {
            self.lease.release(id)
        }
        fn changed(&self) -> BoxFuture<'static, ()> {
            self.lease.changed()
        }
    }

    fn seats() -> [(Seat, Arc<Mutex<bool>>); 2] {
        let began = Instant::now();
        let lease = MemoryLease::new(move || began.elapsed());
        [1, 2].map(|n| {
            let me = Holder { id: Uuid::from_u128(n), url: format!("http://{n}") };
            let away = Arc::new(Mutex::new(false));
            let cut = Cut { lease: lease.clone(), away: away.clone() };
            (Seat::new(Arc::new(cut), TIME, Membership::new(me, [1; 32])), away)
        })
    }

    fn led_by(seat: &Seat) -> Option<String> {
        seat.member().standing().leader.map(|leader| leader.holder.url)
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cut_off_stops_leading_before_another_begins() {
        let [(one, away), (two, _)] = seats();
        let reign = one.seek().await;
        let kept = one.keep(&reign);
        let next = two.seek();
        tokio::pin!(kept, next);
        let either = async {
            tokio::select! {
                () = &mut kept => "it is not renewed",
                _ = &mut next => "there are two",
            }
        };
        assert_eq!(tokio::time::timeout(TIME * 10, either).await.ok(), None);
        assert_eq!((led_by(&one), led_by(&two)), (Some("http://1".into()), Some("http://1".into())));
        *away.lock() = true;
        let began = Instant::now();
        tokio::select! {
            () = &mut kept => {}
            _ = &mut next => panic!("there are two"),
        }
        assert!(began.elapsed() <= TIME / 3 * 2 && !reign.holds(), "{:?}", began.elapsed());
        let second = next.await;
        assert_eq!((second.epoch, led_by(&two)), (2, Some("http://2".into())));
        assert!(began.elapsed() <= TIME / 6 * 7, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_is_followed_at_once() {
        let [(one, _), (two, _)] = seats();
        let reign = one.seek().await;
        let next = two.seek();
        tokio::pin!(next);
        assert!(next.as_mut().now_or_never().is_none());
        let began = Instant::now();
        one.leave(&reign).await;
        assert_eq!((next.await.epoch, began.elapsed()), (2, Duration::ZERO));
        assert!(!reign.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_frozen_knows_at_the_first_look_that_it_is_over() {
        let [(one, _), _] = seats();
        let reign = one.seek().await;
        assert!(reign.holds());
        // No task of its own ran meanwhile.
        tokio::time::advance(TIME).await;
        assert!(!reign.holds());
    }
}
