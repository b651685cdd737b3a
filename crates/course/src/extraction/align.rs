//! Which words answer to each other: IBM model 2 with a diagonal prior, trained in both directions over all sentences.
//!
//! Parameters are those that did best on generated pairs with known links: five iterations, a tenth of the mass for words
//! without a counterpart, a diagonal of tension 4. Everything is counted in a fixed order, so that the result is always the
//! same.

use std::collections::{BTreeMap, HashMap};

/// Iterations of expectation and maximisation.
const ITERATIONS: usize = 5;
/// Chance of a word without a counterpart.
const NULL: f64 = 0.08;
/// How strongly words keep to the diagonal.
const TENSION: f64 = 4.0;
/// Added to every count: rare pairs are not trusted at once.
const SMOOTHING: f64 = 0.01;

/// A sentence as word numbers.
pub type Numbers = Vec<usize>;

/// Numbers for words.
#[derive(Debug, Default)]
pub struct Vocabulary {
    numbers: BTreeMap<String, usize>,
    /// Words by number.
    pub words: Vec<String>,
}

impl Vocabulary {
    /// The number of a word, given where it has none.
    pub fn number(&mut self, word: &str) -> usize {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.words.len();
        self.numbers.insert(word.to_owned(), number);
        self.words.push(word.to_owned());
        number
    }

    /// The number of a word that has one.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<usize> {
        self.numbers.get(word).copied()
    }
}

/// How likely one word answers to another: by the word that is given, then the word that answers.
#[derive(Debug, Default)]
pub struct Lexicon {
    chances: HashMap<(usize, usize), f64>,
}

impl Lexicon {
    /// The chance that `given` is answered by `answer`.
    #[must_use]
    pub fn chance(&self, given: usize, answer: usize) -> f64 {
        self.chances.get(&(given, answer)).copied().unwrap_or(1e-9)
    }

    /// Trains on pairs of sentences: how the first is answered by the second.
    #[must_use]
    pub fn train(pairs: &[(Numbers, Numbers)]) -> Self {
        let mut chances: HashMap<(usize, usize), f64> = HashMap::new();
        for (given, answer) in pairs {
            for &g in given {
                for &a in answer {
                    chances.entry((g, a)).or_insert(1.0);
                }
            }
        }
        let mut lexicon = Self { chances };
        for _ in 0..ITERATIONS {
            lexicon = lexicon.improve(pairs);
        }
        lexicon
    }

    fn improve(&self, pairs: &[(Numbers, Numbers)]) -> Self {
        let mut counts: HashMap<(usize, usize), f64> = HashMap::with_capacity(self.chances.len());
        let mut totals: HashMap<usize, f64> = HashMap::new();
        for (given, answer) in pairs {
            for (j, &a) in answer.iter().enumerate() {
                let weights: Vec<f64> = given
                    .iter()
                    .enumerate()
                    .map(|(i, &g)| self.chance(g, a) * diagonal(i, given.len(), j, answer.len()))
                    .collect();
                let sum: f64 = weights.iter().sum::<f64>() + NULL / answer.len() as f64;
                for (i, &g) in given.iter().enumerate() {
                    let share = (1.0 - NULL) * weights[i] / sum.max(1e-12);
                    *counts.entry((g, a)).or_default() += share;
                    *totals.entry(g).or_default() += share;
                }
            }
        }
        let chances = counts
            .into_iter()
            .map(|((g, a), count)| {
                let total = totals.get(&g).copied().unwrap_or(0.0);
                ((g, a), (count + SMOOTHING) / (total + SMOOTHING * 50.0))
            })
            .collect();
        Self { chances }
    }
}

fn diagonal(i: usize, len_i: usize, j: usize, len_j: usize) -> f64 {
    let at = |n: usize, len: usize| (n as f64 + 0.5) / len.max(1) as f64;
    (-TENSION * (at(i, len_i) - at(j, len_j)).abs()).exp()
}

/// Both directions.
#[derive(Debug, Default)]
pub struct Aligner {
    known_to_target: Lexicon,
    target_to_known: Lexicon,
}

impl Aligner {
    /// Trains on pairs of known and target sentences.
    #[must_use]
    pub fn train(pairs: &[(Numbers, Numbers)]) -> Self {
        let turned: Vec<(Numbers, Numbers)> = pairs.iter().map(|(k, t)| (t.clone(), k.clone())).collect();
        Self { known_to_target: Lexicon::train(pairs), target_to_known: Lexicon::train(&turned) }
    }

    /// How well two words answer to each other, both ways.
    #[must_use]
    pub fn affinity(&self, known: usize, target: usize) -> f64 {
        (self.known_to_target.chance(known, target) * self.target_to_known.chance(target, known)).sqrt()
    }

    /// The links of a sentence: pairs of places that are each other's best, and then, as long as they touch such a pair, the
    /// best of words that are still alone.
    #[must_use]
    pub fn links(&self, known: &[usize], target: &[usize]) -> Vec<(usize, usize)> {
        let score = |k: usize, t: usize| {
            self.affinity(known[k], target[t]) * diagonal(k, known.len(), t, target.len()).powf(0.5)
        };
        let best_target = |k: usize| best(target.len(), |t| score(k, t));
        let best_known = |t: usize| best(known.len(), |k| score(k, t));
        let mut links: Vec<(usize, usize)> = (0..known.len())
            .filter_map(|k| best_target(k).filter(|t| best_known(*t) == Some(k)).map(|t| (k, t)))
            .filter(|&(k, t)| self.affinity(known[k], target[t]) > 0.02)
            .collect();
        loop {
            let alone_known = |k: usize| !links.iter().any(|link| link.0 == k);
            let alone_target = |t: usize| !links.iter().any(|link| link.1 == t);
            let touches = |k: usize, t: usize| links.iter().any(|&(a, b)| a.abs_diff(k) + b.abs_diff(t) == 1);
            let mut found: Option<(f64, usize, usize)> = None;
            for (k, &known_word) in known.iter().enumerate() {
                for (t, &target_word) in target.iter().enumerate() {
                    let free = alone_known(k) || alone_target(t);
                    if !free || !touches(k, t) || links.contains(&(k, t)) {
                        continue;
                    }
                    let affinity = self.affinity(known_word, target_word);
                    if affinity > 0.05 && found.is_none_or(|(best, ..)| affinity > best) {
                        found = Some((affinity, k, t));
                    }
                }
            }
            match found {
                Some((_, k, t)) => links.push((k, t)),
                None => break,
            }
        }
        links.sort_unstable();
        links
    }

    /// The known words that a target word most likely stands for, the likeliest first.
    #[must_use]
    pub fn glosses(&self, target: usize) -> Vec<usize> {
        let mut found: Vec<(usize, f64)> = self
            .target_to_known
            .chances
            .iter()
            .filter(|((given, _), _)| *given == target)
            .map(|((_, known), _)| (*known, self.affinity(*known, target)))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.into_iter().map(|(known, _)| known).collect()
    }
}

fn best(of: usize, score: impl Fn(usize) -> f64) -> Option<usize> {
    (0..of).max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a)))
}
