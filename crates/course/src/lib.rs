//! The language-course phases: translation, extraction, baskets, grammar, introductions, manifest, speech.

pub mod model;

pub mod manifest;
pub mod speech;
pub mod registry;
pub mod text;
pub mod extraction;
pub mod baskets;
pub mod grammar;
pub mod introductions;
pub mod seeds;
pub mod translation;
pub mod quality;
