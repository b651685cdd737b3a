//! Chooses each sentence's blocks: those that hold together, that are short, that other sentences have too, and whose known
//! text leaves no doubt about the target text.
//!
//! What others have depends on how they are cut; so all sentences are cut a few times over, each time by what the cuts before
//! showed. The last time goes in teaching order, with what was taught already as law.

use std::collections::{BTreeMap, HashMap};

use super::{
    align::{Aligner, Numbers, Vocabulary},
    segment::{self, Block},
    weak::Weak,
};
use crate::{model::Pair, text::join, text::normal};

/// Times that all sentences are cut to learn from.
const ROUNDS: usize = 2;
/// What a possible block counts beside one that was chosen.
const POSSIBLE: f64 = 0.1;

/// Costs: a block; each more target word; each more known word; strength that is cut; a known text of several meanings; a
/// target text with several sources; and what each doubling of use gives back.
const BLOCK: f64 = 1.0;
const TARGET_WORD: f64 = 4.2;
const KNOWN_WORD: f64 = 0.1;
const ACROSS: f64 = 4.0;
const DOUBT: f64 = 1.8;
const SOURCES: f64 = 0.8;
const REUSE: f64 = 0.45;
/// How much less a block counts that cuts links.
const CLEAN: f64 = 2.0;
/// A block that contradicts what was taught.
const FORBIDDEN: f64 = 1e6;

/// A sentence as it is worked on.
#[derive(Debug)]
pub struct Sentence<'a> {
    /// The seed's id.
    pub id: &'a str,
    /// As it is written.
    pub pair: &'a Pair,
    /// Known words.
    pub known: Vec<String>,
    /// Target words.
    pub target: Vec<String>,
    /// Both as numbers.
    pub numbers: (Numbers, Numbers),
}

impl Sentence<'_> {
    /// The texts of a block.
    #[must_use]
    pub fn texts(&self, block: &Block) -> Pair {
        Pair {
            known: join(&self.known[block.known.clone()]),
            target: join(&self.target[block.target.clone()]),
        }
    }
}

/// A block that a sentence may have.
#[derive(Debug)]
struct Choice {
    block: Block,
    across: f64,
    /// What does not depend on other sentences.
    cost: f64,
    pair: usize,
}

/// How often texts are used together, over all sentences.
#[derive(Debug, Default)]
struct Uses {
    /// Where the pair was chosen.
    chosen: Vec<f64>,
    /// Where it is possible.
    pairs: Vec<f64>,
    known: Vec<f64>,
    target: Vec<f64>,
}

/// Knows every sentence's possible blocks and what speaks for them.
#[derive(Debug)]
pub struct Cutter {
    choices: Vec<Vec<Choice>>,
    /// Numbers of known and target text of each pair of texts.
    pairs: Vec<(usize, usize)>,
    texts: (Vocabulary, Vocabulary),
    uses: Uses,
}

impl Cutter {
    /// Learns from all sentences.
    #[must_use]
    pub fn new(sentences: &[Sentence<'_>], aligner: &Aligner, weak: &(Weak, Weak)) -> Self {
        let mut cutter = Self {
            choices: Vec::with_capacity(sentences.len()),
            pairs: Vec::new(),
            texts: (Vocabulary::default(), Vocabulary::default()),
            uses: Uses::default(),
        };
        let mut numbers: HashMap<(usize, usize), usize> = HashMap::new();
        for sentence in sentences {
            let strengths = aligner.strengths(&sentence.numbers.0, &sentence.numbers.1);
            let found = segment::candidates(sentence.known.len(), sentence.target.len(), &strengths);
            let choices = found.into_iter().map(|candidate| {
                let block = candidate.block;
                let texts = sentence.texts(&block);
                let known = cutter.texts.0.number(&normal(&texts.known));
                let target = cutter.texts.1.number(&normal(&texts.target));
                let pair = *numbers.entry((known, target)).or_insert_with(|| {
                    cutter.pairs.push((known, target));
                    cutter.pairs.len() - 1
                });
                let cost = BLOCK
                    + TARGET_WORD * (block.target.len() - 1) as f64
                    + KNOWN_WORD * (block.known.len() - 1) as f64
                    + ACROSS * candidate.across
                    + weak.0.cost(&sentence.known, block.known.clone(), 2)
                    + weak.1.cost(&sentence.target, block.target.clone(), 2);
                Choice { block, across: candidate.across, cost, pair }
            });
            let choices: Vec<Choice> = choices.collect();
            cutter.choices.push(choices);
        }
        cutter.learn();
        cutter
    }

    fn learn(&mut self) {
        self.uses = self.possible();
        for _ in 0..ROUNDS {
            let mut chosen = vec![0.0; self.pairs.len()];
            for at in 0..self.choices.len() {
                for choice in self.cheapest(at, &[]) {
                    chosen[self.choices[at][choice].pair] += 1.0;
                }
            }
            self.uses.chosen = chosen;
        }
    }

    /// In how many sentences two texts could belong together, and in how many each of them could belong to anything.
    fn possible(&self) -> Uses {
        let mut uses = Uses {
            chosen: vec![0.0; self.pairs.len()],
            pairs: vec![0.0; self.pairs.len()],
            known: vec![0.0; self.texts.0.words.len()],
            target: vec![0.0; self.texts.1.words.len()],
        };
        for choices in &self.choices {
            let mut most: (BTreeMap<usize, f64>, BTreeMap<usize, f64>) = (BTreeMap::new(), BTreeMap::new());
            for choice in choices {
                let weight = (-CLEAN * choice.across).exp();
                let (known, target) = self.pairs[choice.pair];
                uses.pairs[choice.pair] += weight;
                for (most, text) in [(&mut most.0, known), (&mut most.1, target)] {
                    let most = most.entry(text).or_default();
                    *most = most.max(weight);
                }
            }
            for (text, weight) in most.0 {
                uses.known[text] += weight;
            }
            for (text, weight) in most.1 {
                uses.target[text] += weight;
            }
        }
        uses
    }

    fn cost(&self, choice: &Choice) -> f64 {
        let (known, target) = self.pairs[choice.pair];
        let possible = self.uses.pairs[choice.pair];
        let uses = self.uses.chosen[choice.pair] + POSSIBLE * possible;
        choice.cost
            + DOUBT * (1.0 - possible / self.uses.known[known]).max(0.0)
            + SOURCES * (1.0 - possible / self.uses.target[target]).max(0.0)
            - REUSE * (1.0 + uses).log2()
    }

    /// The numbers of the choices that cover a sentence at the least cost.
    fn cheapest(&self, sentence: usize, barred: &[bool]) -> Vec<usize> {
        let choices = &self.choices[sentence];
        let priced: Vec<(Block, f64)> = choices
            .iter()
            .enumerate()
            .map(|(at, choice)| {
                let barred = if barred.get(at) == Some(&true) { FORBIDDEN } else { 0.0 };
                (choice.block.clone(), self.cost(choice) + barred)
            })
            .collect();
        let known = choices.iter().map(|choice| choice.block.known.end).max().unwrap_or(0);
        let target = choices.iter().map(|choice| choice.block.target.end).max().unwrap_or(0);
        let found = segment::cheapest(known, target, &priced).unwrap_or_default();
        let number = |block: &Block| choices.iter().position(|choice| choice.block == *block);
        found.iter().filter_map(number).collect()
    }

    /// The blocks of a sentence, where `means` tells what a known text has been taught to mean.
    #[must_use]
    pub fn cut(&self, sentence: usize, means: impl Fn(&str) -> Option<String>) -> Vec<Block> {
        let choices = &self.choices[sentence];
        let texts = |pair: usize| {
            let (known, target) = self.pairs[pair];
            (self.texts.0.words[known].as_str(), self.texts.1.words[target].as_str())
        };
        let mut barred: Vec<bool> = choices
            .iter()
            .map(|choice| {
                let (known, target) = texts(choice.pair);
                means(known).is_some_and(|means| means != target)
            })
            .collect();
        loop {
            let found = self.cheapest(sentence, &barred);
            // The same known text may not mean two things within a sentence either.
            let mut here: HashMap<&str, &str> = HashMap::new();
            let twice = found.iter().copied().find(|&at| {
                let (known, target) = texts(choices[at].pair);
                *here.entry(known).or_insert(target) != target
            });
            match twice {
                Some(at) if !barred[at] => barred[at] = true,
                _ => return found.into_iter().map(|at| choices[at].block.clone()).collect(),
            }
        }
    }
}
