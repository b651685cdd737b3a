//! The executable as its users meet it: real processes, real connections.

mod bad_input;
mod commands;
mod full_disk;
mod kill;
mod support;
mod up;
