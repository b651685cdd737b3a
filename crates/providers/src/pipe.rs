//! Apertium's programs as a pipe that lives on: starting one costs a quarter of a second, a sentence through a running one
//! about two milliseconds.

mod escape;
mod mode;
mod process;

pub(crate) use escape::{escape, marked, unescape};
pub(crate) use mode::programs;
pub(crate) use process::Pipe;
