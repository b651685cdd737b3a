//! Which words answer to each other: IBM model 2 with a diagonal prior in both directions, trained together over all sentences
//! so that only links that both directions believe in are learned (alignment by agreement).
//!
//! Words that are written alike (names, hotel) start with an advantage. Counts go through the digamma function, which takes
//! mass from rare pairs: a word seen once does not collect everything that has no other partner. Everything is counted in a
//! fixed order, so that the result is always the same.

use std::collections::{BTreeMap, HashMap};

/// Rounds in which position counts for nothing, and rounds in which it does.
const ROUNDS: (usize, usize) = (3, 7);
/// Chance of a word without a counterpart.
const NULL: f64 = 0.08;
/// How strongly words keep to the diagonal.
const TENSION: f64 = 4.0;
/// What is added to every count: little, so that each word has few counterparts.
const SPARSE: f64 = 0.02;
/// How much more likely two words that are written alike are at the start.
const ALIKE: f64 = 6.0;
/// From this strength on a link counts as one.
const LINK: f64 = 0.2;
/// Letters of a word's beginning.
const STEM: usize = 4;
/// What is weaker than this is no link at all.
const FAINT: f64 = 0.15;

/// Words that meet with this chance are trusted.
const TRUSTED: f64 = 0.12;
/// A strong link, and what a link is worth that is only there because it is beside one.
const STRONG: f64 = 0.4;
const GROWN: f64 = 0.6;

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

    /// The beginnings of the words, and for each word its beginning's number.
    fn stems(&self) -> (Self, Vec<usize>) {
        let mut stems = Self::default();
        let of = self
            .words
            .iter()
            .map(|word| stems.number(&word.chars().take(STEM).collect::<String>()))
            .collect();
        (stems, of)
    }
}

/// How strongly each known word (row) and target word (column) of a sentence answer to each other, 0 to 1.
#[derive(Debug, Clone)]
pub struct Strengths {
    width: usize,
    cells: Vec<f64>,
}

impl Strengths {
    /// One cell.
    #[must_use]
    pub fn at(&self, known: usize, target: usize) -> f64 {
        self.cells[known * self.width + target]
    }

    /// The pairs of places that are links.
    #[must_use]
    pub fn links(&self) -> Vec<(usize, usize)> {
        let strong = self.cells.iter().enumerate().filter(|(_, strength)| **strength >= LINK);
        strong.map(|(at, _)| (at / self.width, at % self.width)).collect()
    }
}

/// Both directions. Chances are kept by the number of the pair of words.
#[derive(Debug, Default)]
pub struct Aligner {
    pairs: HashMap<(usize, usize), usize>,
    /// The chance of the target word, given the known word.
    forward: Vec<f64>,
    /// The chance of the known word, given the target word.
    backward: Vec<f64>,
}

impl Aligner {
    /// Trains on pairs of known and target sentences: first on the beginnings of words, so that rare forms of frequent words
    /// start from what is known of the others, then on the words.
    #[must_use]
    pub fn train(sentences: &[(Numbers, Numbers)], known: &Vocabulary, target: &Vocabulary) -> Self {
        let (known_stems, known_of) = known.stems();
        let (target_stems, target_of) = target.stems();
        let stem = |words: &Numbers, of: &[usize]| words.iter().map(|word| of[*word]).collect::<Numbers>();
        let by_stem: Vec<(Numbers, Numbers)> =
            sentences.iter().map(|(k, t)| (stem(k, &known_of), stem(t, &target_of))).collect();
        let start = |k: usize, t: usize| 1.0 + ALIKE * alike(&known_stems.words[k], &target_stems.words[t]);
        let stems = Self::learn(&by_stem, (known_stems.words.len(), target_stems.words.len()), start);
        let start = |k: usize, t: usize| {
            let pair = stems.pairs.get(&(known_of[k], target_of[t]));
            let chance = pair.map_or(0.0, |at| (stems.forward[*at] * stems.backward[*at]).sqrt());
            0.05 + chance + 0.5 * alike(&known.words[k], &target.words[t])
        };
        Self::learn(sentences, (known.words.len(), target.words.len()), start)
    }

    fn learn(
        sentences: &[(Numbers, Numbers)],
        sizes: (usize, usize),
        start: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let mut aligner = Self::default();
        let mut words: Vec<(usize, usize)> = Vec::new();
        for (k, t) in sentences.iter().flat_map(|(known, target)| product(known, target)) {
            aligner.pairs.entry((k, t)).or_insert_with(|| {
                words.push((k, t));
                words.len() - 1
            });
        }
        aligner.forward = words.iter().map(|&(k, t)| start(k, t)).collect();
        aligner.backward = aligner.forward.clone();
        for round in 0..ROUNDS.0 + ROUNDS.1 {
            let alone = round < ROUNDS.0;
            let mut counts = (vec![0.0; words.len()], vec![0.0; words.len()]);
            for (known, target) in sentences {
                let beliefs = aligner.beliefs(known, target, if alone { 0.0 } else { TENSION });
                for (pair, (ahead, back)) in product(known, target).zip(beliefs) {
                    let number = aligner.pairs[&pair];
                    let both = (ahead * back).sqrt();
                    counts.0[number] += if alone { ahead } else { both };
                    counts.1[number] += if alone { back } else { both };
                }
            }
            aligner.forward = shares(&counts.0, words.iter().map(|word| word.0), sizes.0);
            aligner.backward = shares(&counts.1, words.iter().map(|word| word.1), sizes.1);
        }
        aligner
    }

    /// How far each direction believes in each link; row by row.
    fn beliefs(&self, known: &[usize], target: &[usize], tension: f64) -> Vec<(f64, f64)> {
        let (rows, columns) = (known.len(), target.len());
        let numbers: Vec<Option<usize>> =
            product(known, target).map(|pair| self.pairs.get(&pair).copied()).collect();
        let near: Vec<f64> = (0..rows * columns)
            .map(|at| diagonal(at / columns, rows, at % columns, columns, tension))
            .collect();
        let weights = |chances: &[f64]| -> Vec<f64> {
            let chance = |number: &Option<usize>| number.map_or(1e-9, |number| chances[number]);
            numbers.iter().zip(&near).map(|(number, near)| (1.0 - NULL) * chance(number) * near).collect()
        };
        let (ahead, back) = (weights(&self.forward), weights(&self.backward));
        let (mut by_column, mut by_row) = (vec![NULL * 0.02; columns], vec![NULL * 0.02; rows]);
        for at in 0..rows * columns {
            by_column[at % columns] += ahead[at];
            by_row[at / columns] += back[at];
        }
        (0..rows * columns)
            .map(|at| (ahead[at] / by_column[at % columns], back[at] / by_row[at / columns]))
            .collect()
    }

    /// How strongly the words of a sentence answer to each other: what both directions believe, less where the words seldom
    /// meet otherwise (a function word takes whatever is left over). A word left without a link takes one next to a strong
    /// link where its own direction believes in it.
    #[must_use]
    pub fn strengths(&self, known: &[usize], target: &[usize]) -> Strengths {
        let beliefs = self.beliefs(known, target, TENSION);
        let trusted = product(known, target).zip(&beliefs).map(|(pair, (ahead, back))| {
            let chance =
                self.pairs.get(&pair).map_or(0.0, |at| (self.forward[*at] * self.backward[*at]).sqrt());
            let strength = (ahead * back).sqrt() * (chance / TRUSTED).min(1.0);
            if strength < FAINT { 0.0 } else { strength }
        });
        let mut strengths = Strengths { width: target.len(), cells: trusted.collect() };
        let firm = strengths.clone();
        let (rows, columns) = (known.len(), target.len());
        let strong = |k: usize, t: usize| k < rows && t < columns && firm.at(k, t) >= STRONG;
        for k in 0..rows {
            for t in 0..columns {
                let beside = strong(k, t + 1)
                    || strong(k + 1, t)
                    || (t > 0 && strong(k, t - 1))
                    || (k > 0 && strong(k - 1, t));
                let free_column = (0..rows).all(|k| firm.at(k, t) == 0.0);
                let free_row = (0..columns).all(|t| firm.at(k, t) == 0.0);
                let (ahead, back) = beliefs[k * columns + t];
                let belief =
                    f64::max(if free_column { ahead } else { 0.0 }, if free_row { back } else { 0.0 });
                if beside && belief >= STRONG {
                    strengths.cells[k * columns + t] = GROWN * belief;
                }
            }
        }
        strengths
    }

    /// The known words that a target word most likely stands for, the likeliest first.
    #[must_use]
    pub fn glosses(&self, target: usize) -> Vec<usize> {
        let mut found: Vec<(usize, f64)> = self
            .pairs
            .iter()
            .filter(|((_, t), _)| *t == target)
            .map(|((known, _), at)| (*known, self.forward[*at] * self.backward[*at]))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.into_iter().map(|(known, _)| known).collect()
    }
}

fn product<'a>(known: &'a [usize], target: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + 'a {
    known.iter().flat_map(move |&k| target.iter().map(move |&t| (k, t)))
}

/// Counts as chances, given one of the two words; not quite 1 in sum.
fn shares(counts: &[f64], given: impl Iterator<Item = usize> + Clone, words: usize) -> Vec<f64> {
    let (mut totals, mut kinds) = (vec![0.0; words], vec![0usize; words]);
    for (word, count) in given.clone().zip(counts) {
        totals[word] += count;
        kinds[word] += 1;
    }
    let norms: Vec<f64> =
        totals.iter().zip(&kinds).map(|(total, kinds)| digamma(total + SPARSE * *kinds as f64)).collect();
    given.zip(counts).map(|(word, count)| (digamma(count + SPARSE) - norms[word]).exp()).collect()
}

/// The logarithmic derivative of the gamma function, by recurrence and its asymptotic series.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 6.0 {
        sum -= 1.0 / x.max(1e-6);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    sum + x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

fn diagonal(i: usize, len_i: usize, j: usize, len_j: usize, tension: f64) -> f64 {
    let at = |n: usize, len: usize| (n as f64 + 0.5) / len.max(1) as f64;
    (-tension * (at(i, len_i) - at(j, len_j)).abs()).exp()
}

/// How much of two words is the same from their beginning on; nothing where that is less than four letters.
fn alike(a: &str, b: &str) -> f64 {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if same < 4 { 0.0 } else { same as f64 / a.chars().count().max(b.chars().count()) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_keep_company_answer_to_each_other() {
        let (mut known, mut target) = (Vocabulary::default(), Vocabulary::default());
        let mut sentence = |k: &str, t: &str| -> (Numbers, Numbers) {
            (
                k.split(' ').map(|word| known.number(word)).collect(),
                t.split(' ').map(|word| target.number(word)).collect(),
            )
        };
        let sentences = [
            sentence("the red house", "la casa roja"),
            sentence("the red table", "la mesa roja"),
            sentence("the big house", "la casa grande"),
            sentence("the hotel", "el hotel"),
        ];
        let aligner = Aligner::train(&sentences, &known, &target);
        let links = |at: usize| aligner.strengths(&sentences[at].0, &sentences[at].1).links();
        assert_eq!(links(0), [(0, 0), (1, 2), (2, 1)]);
        assert!(links(3).contains(&(1, 1)));
    }
}
