//! Baskets: what a learner practises after meeting each new LEGO, made only of LEGOs taught up to then.
//!
//! [`model`] is what the seeds so far show of how LEGOs follow each other; [`make`] puts phrases together along
//! that evidence and picks those worth saying.

pub mod make;
pub mod model;
pub mod phase;
