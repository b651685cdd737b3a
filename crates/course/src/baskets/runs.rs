//! What words show where two pieces meet: which stand side by side in sentences, and how a word ends.

use std::collections::BTreeSet;

use crate::text::normal_words;

/// Words that stand side by side in sentences of a language.
#[derive(Debug, Default)]
pub struct Runs {
    /// Two in a row.
    pub pairs: BTreeSet<(String, String)>,
    triples: BTreeSet<[String; 3]>,
}

impl Runs {
    /// Those of sentences.
    pub fn of<'a>(sentences: impl Iterator<Item = &'a String>) -> Self {
        let mut runs = Self::default();
        for words in sentences.map(|sentence| normal_words(sentence)) {
            runs.pairs.extend(words.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())));
            runs.triples.extend(words.windows(3).map(|three| std::array::from_fn(|at| three[at].clone())));
        }
        runs
    }

    /// Whether a sentence has the words that meet where one text follows another, and so with the word behind them where the
    /// second text has one, else with the word before them.
    #[must_use]
    pub fn meet(&self, first: &[String], second: &[String]) -> bool {
        match (first, second) {
            ([.., a], [b, c, ..]) => self.triples.contains(&[a.clone(), b.clone(), c.clone()]),
            ([.., a, b], [c]) => self.triples.contains(&[a.clone(), b.clone(), c.clone()]),
            ([a], [b]) => self.pairs.contains(&(a.clone(), b.clone())),
            _ => false,
        }
    }
}

/// How a word ends: with its last vowel or, behind one, its last two letters.
#[must_use]
pub fn ending(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let vowel = letters.last().is_some_and(|letter| "aeiouáéíóúàèìòù".contains(*letter));
    letters[letters.len().saturating_sub(if vowel { 1 } else { 2 })..].iter().collect()
}
