//! Instances of services: who there is, how busy each is, and who is asked next.
//!
//! A service is a name with a plan (`engine::plan`): how many attempts at once, in which order. Where they go is decided here,
//! when an offer is made. An instance is an address. It is known by one or more of three ways, and the rest does not care which:
//!
//! - **listed**: `url` or `urls` in `services.toml`;
//! - **resolved**: `resolve = true`, and each address that the name in `url` leads to is one, looked up again every few seconds;
//! - **registered**: `register = true`, and it says itself that it is there, for as long as its lease lasts.
//!
//! # What holds
//!
//! - **An offer goes to the freest**: fewest live attempts for its capacity, of equals the one asked longest ago. One that was
//!   busy or did not answer is passed over until its wait is over, unless there is no other.
//! - **Room is the sum of what instances have**, where they say so (`instance_capacity`, or a registration's `capacity`), and
//!   never more than `capacity`. What still works on an instance that drains or has gone is on top: it takes no room from others.
//! - **An attempt belongs to the instance that has it.** Questions, cancels and pauses go there first. That is no event: for each
//!   of a million waiting jobs an address would be kept twice. After a restart the instances are asked, and whoever says that he
//!   works on it is remembered.
//! - **What is registered is a cache.** After a restart instances renew within a lease; until the longest lease is over, nobody's
//!   saying "I don't know that attempt" is believed of a service that registers, because who has it may not be back yet.
//! - **A lapsed lease is silence**, nothing more: the attempts are asked about, at the old address first, and healed as after any
//!   silence. A draining instance gets nothing new and loses nothing.
//! - **No start goes elsewhere.** Only declared services with `register = true` and `networks` take registrations, the address
//!   must be a plain `http(s)://IP:port` of one of these networks, so that no name can lead astray later. What a name leads to is
//!   checked against `networks` at every lookup.
//!
//! [`Instances`] is pure: time comes in, nothing is called. `keep` looks names up and notices lapsed leases; the calls are made in
//! `outbound`.

mod address;
mod keep;
mod set;
#[cfg(test)]
mod tests;

pub use address::may_register;
pub(crate) use keep::ask_about;
pub use keep::keep;
pub use set::{Answered, Full, Instances, Registration, Rules};

use std::time::Duration;

/// A registration that says nothing holds for so long.
pub const LEASE: Duration = Duration::from_secs(30);
/// Shortest lease.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(5);
/// Longest lease: so long after a start a registered instance may not be back yet.
pub const LONGEST_LEASE: Duration = Duration::from_secs(60);
/// Registrations of one service.
pub const MOST: usize = 1_000;
