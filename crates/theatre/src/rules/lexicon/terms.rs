//! The lexicon as one table to look things up in.

use super::{AFTER, FIRM, LOOSE};
use crate::rules::tokens;

/// Whether a phrase is one of orders, and so would never be heard as a machine.
pub(crate) fn is_reserved(words: &[String]) -> bool {
    let orders = [&FIRM, &LOOSE, &AFTER];
    orders
        .into_iter()
        .flatten()
        .flat_map(|(_, phrases)| *phrases)
        .any(|phrase| tokens::words(phrase) == words)
}
