//! The assistant's handlers: answer a message, remember and recall, watch, summarise, clean up.

pub mod chat;
pub mod cleanup;
pub mod memory;
pub mod monitor;
pub mod registry;
pub mod remember;
pub mod search;
pub mod store;
pub mod summarise;
