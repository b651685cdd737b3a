//! Who may write: one holder at a time, found out through whatever the journal is kept in.
//!
//! Several orchestrators may share a journal, one of which works. It holds the lease and renews it; the others try to take
//! it every now and then and get it once it is free or has run out. Time is that of the store, never that of a holder,
//! whose clock may be wrong. A holder that was frozen does not know that it has lost the lease: therefore each taking
//! has an *epoch*, and the journal refuses what is appended under an older one ([`JournalError::Fenced`]).

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;

use std::time::Duration;

use futures::future::BoxFuture;
pub use memory::MemoryLease;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Answer;
#[cfg(doc)]
use crate::JournalError;

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Of this start of the process: a process that starts anew is another holder.
    pub id: Uuid,
    /// Where others reach it.
    pub url: String,
}

/// What came of taking a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is ours until the time that was asked for is over.
    Ours {
        /// Grows by one whenever the lease is taken anew, and stays when it is renewed. The first is 1.
        epoch: u64,
    },
    /// Somebody else has it.
    Theirs {
        /// Who.
        holder: Holder,
    },
}

/// A lease that one of many may hold.
pub trait Lease: Send + Sync {
    /// Takes the lease if it is free, has run out, or is ours already: then it is renewed and keeps its epoch, also where
    /// it has run out and nobody else took it. It holds for `time` from now on, by the clock of the store.
    fn take(&self, holder: Holder, time: Duration) -> Answer<Held>;
    /// Gives the lease back, if the holder of that id has it; the epoch stays used.
    fn release(&self, id: Uuid) -> Answer<()>;
    /// Resolves when the lease is given back after this call. It may resolve too early, or never where the connection was
    /// lost meanwhile or the holder died: whoever waits also tries [`Lease::take`] every now and then.
    fn changed(&self) -> BoxFuture<'static, ()>;
}
