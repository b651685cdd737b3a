//! Outside engines and programs that services use: what is there on this machine, and what installs the rest.

mod doctor;

pub use doctor::{Finding, doctor};
