//! The assistant's handlers: answer a message, remember and recall, watch, summarise, clean up.

pub mod registry;
