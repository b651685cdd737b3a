//! The auto-fixer as an orchestrator, a file system and a provider meet it. Tests are named after what went wrong in the system that it follows.

mod applying;
mod fixing;
mod support;
mod telling;
mod tools;
mod watching;
