//! What users of the embedded journal rely on: the contract of all journals, and that no fault of the disk loses or invents
//! what was acknowledged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anything;
mod conformance;
mod crashes;
mod damage;
mod index;
mod story;
