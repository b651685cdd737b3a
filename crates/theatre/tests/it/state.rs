//! The state of a theatre: its log, its fold, its calls, and every fault of the original that concerns them.

mod concurrent;
mod faults;
mod fold;
mod full;
mod http;
mod live;
mod log;
mod support;
