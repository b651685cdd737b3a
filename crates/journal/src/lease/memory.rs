//! A lease in memory, by a clock that is passed in: for tests of those who take leases.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, channel::oneshot, future::BoxFuture};
use parking_lot::Mutex;
use uuid::Uuid;

use super::{Held, Holder, Lease};
use crate::Answer;

/// Tells the time since whatever it began with.
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A lease among the tasks of one process; clones are the same lease.
#[derive(Clone)]
pub struct MemoryLease {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    /// Who, and until when.
    held: Option<(Holder, Duration)>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl fmt::Debug for MemoryLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLease").field("state", &self.state).finish_non_exhaustive()
    }
}

impl MemoryLease {
    /// A free one. The clock tells the time since any fixed moment and never goes back.
    pub fn new(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), state: Arc::default() }
    }

    /// The epoch of who took it last; 0 if nobody did.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.state.lock().epoch
    }
}

impl Lease for MemoryLease {
    fn take(&self, holder: Holder, time: Duration) -> Answer<Held> {
        let now = (self.clock)();
        let mut state = self.state.lock();
        let held = match &state.held {
            Some((other, until)) if other.id != holder.id && *until > now => {
                Held::Theirs { holder: other.clone() }
            }
            held => {
                let renewed = held.as_ref().is_some_and(|(before, _)| before.id == holder.id);
                state.epoch += u64::from(!renewed);
                state.held = Some((holder, now.saturating_add(time)));
                Held::Ours { epoch: state.epoch }
            }
        };
        async move { Ok(held) }.boxed()
    }

    fn release(&self, id: Uuid) -> Answer<()> {
        let mut state = self.state.lock();
        if state.held.as_ref().is_some_and(|(holder, _)| holder.id == id) {
            state.held = None;
            for waiting in state.waiting.drain(..) {
                // Whoever waited may have gone.
                let _ = waiting.send(());
            }
        }
        async { Ok(()) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let (told, changed) = oneshot::channel();
        let mut state = self.state.lock();
        state.waiting.retain(|waiting| !waiting.is_canceled());
        state.waiting.push(told);
        async move {
            // A lease that is gone has nobody left to give it back: waiting for ever would help nobody.
            let _ = changed.await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    //! The memory lease passes the suite of all leases.

    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::lease::conformance::{self, Factory};

    #[derive(Default)]
    struct Memory(Arc<AtomicU64>);

    impl Factory for Memory {
        async fn open(&self) -> [Arc<dyn Lease>; 2] {
            let now = self.0.clone();
            let lease = MemoryLease::new(move || Duration::from_millis(now.load(Ordering::SeqCst)));
            [Arc::new(lease.clone()), Arc::new(lease)]
        }

        async fn pass(&self, time: Duration) {
            self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn has_one_holder() {
        conformance::has_one_holder(&Memory::default()).await;
    }

    #[tokio::test]
    async fn runs_out() {
        conformance::runs_out(&Memory::default()).await;
    }

    #[tokio::test]
    async fn is_given_back() {
        conformance::is_given_back(&Memory::default()).await;
    }

    #[tokio::test]
    async fn goes_to_one_of_many() {
        conformance::goes_to_one_of_many(&Memory::default()).await;
    }

    #[tokio::test]
    async fn tells_those_who_wait() {
        conformance::tells_those_who_wait(&Memory::default()).await;
    }
}
