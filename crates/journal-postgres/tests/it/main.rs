//! What users of the journal in PostgreSQL rely on: the contract of all journals, and that no fault of the database or the
//! way to it loses, doubles or invents what was acknowledged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod faults;
mod fencing;
mod opening;
mod proxy;
