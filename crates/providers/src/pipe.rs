//! Apertium's programs as a pipe that lives on: starting one costs a quarter of a second, a sentence through a running one
//! about two milliseconds. Shared by translation and morphology.

mod escape;
mod mode;
mod process;

pub(crate) use escape::{escape, unescape};
pub(crate) use mode::{UnusableMode, programs};
pub(crate) use process::Pipe;
