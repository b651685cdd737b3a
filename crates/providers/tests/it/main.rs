//! Providers behind HTTP, against a server on this machine that speaks their protocol.

mod chat;
mod embed;
mod recognise;
mod server;
mod speech;
