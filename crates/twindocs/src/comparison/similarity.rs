//! How alike two texts say something, without any model.
//!
//! A text is normalised to its set of words: lower case, cut at everything that is neither letter nor digit. Two texts are as
//! alike as the words they share out of the words of either. A text that one has and the other has not is alike 0; two that
//! nobody wrote are alike 1.

use std::collections::{BTreeMap, BTreeSet};

/// What measured, in the summary, where no model did.
pub const LEXICAL: &str = "lexical";

/// Returns the words of a text.
#[must_use]
pub fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    lower.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// Returns shared words of all words, 0 to 1.
#[must_use]
pub fn lexical(one: &str, other: &str) -> f64 {
    let (one_words, other_words) = (words(one), words(other));
    let either = one_words.union(&other_words).count();
    if either == 0 {
        // Nothing but marks in both: alike where they are the same marks.
        return if one.trim() == other.trim() { 1.0 } else { 0.0 };
    }
    ratio(one_words.intersection(&other_words).count(), either)
}

/// Returns a part of a whole, 1 where there is no whole.
#[must_use]
pub fn ratio(part: usize, whole: usize) -> f64 {
    // Counts of components and words are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Similarities by what measured them: what a model has said of pairs of texts, and the words where it has said nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarities {
    /// [`LEXICAL`], or the model's name.
    pub by: String,
    /// Tokens that the model used.
    pub tokens: u64,
    /// Of two texts, the lesser first.
    pub known: BTreeMap<(String, String), f64>,
}

impl Default for Similarities {
    fn default() -> Self {
        Self { by: LEXICAL.to_owned(), tokens: 0, known: BTreeMap::new() }
    }
}

impl Similarities {
    /// Returns how alike two texts are, 0 to 1, whichever comes first.
    #[must_use]
    pub fn of(&self, one: &str, other: &str) -> f64 {
        let (one, other) = (one.trim(), other.trim());
        match (one == other, one.is_empty() || other.is_empty()) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            _ => self.known.get(&pair(one, other)).copied().unwrap_or_else(|| lexical(one, other)),
        }
    }
}

/// The pair as [`Similarities::known`] has it.
#[must_use]
pub fn pair(one: &str, other: &str) -> (String, String) {
    let (one, other) = (one.trim(), other.trim());
    if one <= other { (one.to_owned(), other.to_owned()) } else { (other.to_owned(), one.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::{Similarities, lexical, pair};

    #[test]
    fn shared_words_of_all_words() {
        assert_eq!(lexical("Reads the file.", "the FILE, reads!"), 1.0);
        assert_eq!(lexical("reads a file", "writes a file"), 0.5);
        assert_eq!(lexical("reads", "writes"), 0.0);
    }

    #[test]
    fn what_one_has_and_the_other_has_not_is_alike_0() {
        let texts = Similarities::default();
        assert_eq!((texts.of("", "reads"), texts.of("reads", " "), texts.of("", " ")), (0.0, 0.0, 1.0));
        assert_eq!((lexical("?", "!"), lexical("?", "?")), (0.0, 1.0));
    }

    #[test]
    fn what_a_model_said_is_taken_in_either_order() {
        let known = [(pair("b", "a"), 0.25)].into_iter().collect();
        let texts = Similarities { by: "mini".to_owned(), tokens: 3, known };
        assert_eq!((texts.of("a", "b"), texts.of(" b", "a")), (0.25, 0.25));
    }
}
