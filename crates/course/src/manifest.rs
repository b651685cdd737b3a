//! The manifest phase.

pub mod batches;
pub mod compile;
pub mod ids;
pub mod make;
pub mod phase;
pub mod remarks;
pub mod validate;
