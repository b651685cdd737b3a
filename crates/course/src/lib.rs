//! The language-course phases: translation, extraction, baskets, grammar, introductions, manifest, speech.

pub mod model;

pub mod baskets;
pub mod extraction;
pub mod grammar;
pub mod introductions;
pub mod manifest;
pub mod quality;
pub mod registry;
pub mod seeds;
pub mod speech;
pub mod text;
pub mod translation;
