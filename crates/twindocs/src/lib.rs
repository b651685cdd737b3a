//! Dual-stream documentation: a codebase is analysed, two streams document it, what they disagree on is compared with the code
//! itself and decided, until both say the same.

pub mod analysis;
pub mod records;
pub mod registry;
