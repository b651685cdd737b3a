//! What users of the embedded journal rely on: the contract of all journals, and that no fault of the disk loses or invents
//! what was acknowledged.

mod anything;
mod conformance;
mod crashes;
mod damage;
mod index;
mod story;
