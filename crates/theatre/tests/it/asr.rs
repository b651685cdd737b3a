//! The service `asr` as others see it, with PocketSphinx itself and speech made by flite.

mod delivery;
mod files;
mod live;
mod noise;
mod speech;
