//! The executable as its users meet it: real processes, real connections.

mod support;
mod up;
