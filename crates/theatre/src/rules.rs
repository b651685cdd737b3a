//! Rules: what a sentence means for machines.

pub(crate) mod lexicon;
pub(crate) mod tokens;
