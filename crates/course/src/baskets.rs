//! Baskets: what a learner practises after meeting each new LEGO, made only of LEGOs taught up to then.
//!
//! [`model`] is what the seeds show of how LEGOs follow each other; [`grow`] puts phrases together along that evidence; [`make`]
//! picks those worth saying, and [`kept`] what a course had before.

pub mod bits;
pub mod grow;
pub mod kept;
pub mod make;
pub mod model;
pub mod phase;
pub mod runs;
