//! Several orchestrators on one journal: one leads and does everything, the others stand by and pass every call on to it.
//!
//! One engine decides for all, so capacity, rates, breakers, priorities and coalescing hold whichever address a call came to. Who
//! leads is said by a [lease](journal::lease) in the database. Its epoch goes with every append, so that whoever was frozen and
//! wakes up changes nothing; and whoever could not renew it for two thirds of its time, by his own clock, stops by himself
//! before anybody else can have it ([`Reign::holds`]): nobody is told anything by a leader of yesterday.
//!
//! A process lives in terms ([`terms`]). As a leader it runs on a tokio runtime of its own, which is dropped at the end with all
//! tasks in it: there is nothing to be forgotten in memory. As a standby it keeps nothing (`standby`, `forward`). The listening
//! socket stays open all the time, so that a connection made between two terms waits in its queue.

mod forward;
mod passed_on;
mod relay;
pub mod seat;
mod standby;
mod term;
pub mod terms;

use std::{fmt, sync::Arc, time::Duration};

use journal::lease::Holder;
use parking_lot::Mutex;
pub(crate) use passed_on::{PassedOn, UNDONE, mark_undone};
pub use standby::StandbySettings;
pub use term::Term;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// How long a call waits for somebody who leads.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The time during which one orchestrator leads; clones are the same.
#[derive(Clone)]
pub struct Reign {
    /// Goes with every append.
    pub epoch: u64,
    /// When it began.
    pub since: jiff::Timestamp,
    /// By our own clock: two thirds of the lease after it was last asked for.
    until: Arc<Mutex<Instant>>,
    /// Cancelled when it is over, for whatever reason.
    over: CancellationToken,
}

impl fmt::Debug for Reign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reign(epoch {})", self.epoch)
    }
}

impl Reign {
    pub(crate) fn new(epoch: u64, until: Instant) -> Self {
        let since = jiff::Timestamp::now();
        Self { epoch, since, until: Arc::new(Mutex::new(until)), over: CancellationToken::new() }
    }

    /// Whether nobody else can lead now. False for good once it was false.
    #[must_use]
    pub fn holds(&self) -> bool {
        if Instant::now() >= *self.until.lock() {
            self.over.cancel();
        }
        !self.over.is_cancelled()
    }

    /// Ends it.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// Resolves when it is over.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    fn extend(&self, until: Instant) {
        *self.until.lock() = until;
    }

    fn until(&self) -> Instant {
        *self.until.lock()
    }
}

/// Somebody else who leads.
#[derive(Debug, Clone)]
pub struct Leader {
    /// Who and where.
    pub holder: Holder,
    /// When we first heard of it.
    pub since: jiff::Timestamp,
    /// Cancelled when we hear of another.
    pub gone: CancellationToken,
}

/// What an orchestrator knows of who leads.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Who was last heard of, ourselves included.
    pub leader: Option<Leader>,
    /// Our own.
    pub reign: Option<Reign>,
    /// When the lease last answered.
    pub heard: Option<Instant>,
}

/// Where an orchestrator stands among others; clones are the same.
#[derive(Debug, Clone)]
pub struct Membership {
    /// We ourselves.
    pub me: Holder,
    standing: watch::Sender<Standing>,
    /// Proves among orchestrators that a call was passed on by one of them.
    key: [u8; 32],
}

impl Membership {
    /// Not knowing yet who leads. The key is the same for all.
    #[must_use]
    pub fn new(me: Holder, key: [u8; 32]) -> Self {
        Self { me, standing: watch::Sender::new(Standing::default()), key }
    }

    /// What is known now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Follows what is known.
    pub(crate) fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// The lease has answered.
    fn heard(&self, holder: Holder, reign: Option<Reign>) {
        self.standing.send_if_modified(|standing| {
            standing.heard = Some(Instant::now());
            let epoch = |reign: &Option<Reign>| reign.as_ref().map(|reign| reign.epoch);
            let is_same = standing.leader.as_ref().is_some_and(|leader| leader.holder == holder)
                && epoch(&standing.reign) == epoch(&reign);
            if !is_same {
                if let Some(before) = standing.leader.take() {
                    before.gone.cancel();
                }
                let since = jiff::Timestamp::now();
                standing.leader = Some(Leader { holder, since, gone: CancellationToken::new() });
                standing.reign = reign;
            }
            !is_same
        });
    }

    /// We do not lead any more, and do not know who does.
    fn left(&self) {
        self.standing.send_modify(|standing| {
            standing.reign = None;
            if let Some(before) = standing.leader.take() {
                before.gone.cancel();
            }
        });
    }
}
