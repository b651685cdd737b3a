//! A sentence as items: machines, phrases of the lexicon, times and plain words, the longest phrase at each place first.

use std::{collections::BTreeMap, ops::Range};

use super::{
    lexicon::{Join, Lexicon, Term},
    times,
    tokens::{Kind, Token, tokens},
};
use crate::{
    model::{MachineId, MatchType},
    surgery::Surgery,
};

/// A machine as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Which.
    pub(crate) id: MachineId,
    /// By what kind of phrase.
    pub(crate) kind: MatchType,
    /// The words.
    pub(crate) phrase: String,
}

/// A phrase, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// What it is.
    pub(crate) term: Term,
    /// The machine, where it is one.
    pub(crate) mention: Option<Mention>,
    /// Its words.
    pub(crate) words: String,
    /// Its place in the text.
    pub(crate) span: Range<usize>,
}

/// What is said between two full stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// Its items; never none.
    pub(crate) items: Vec<Item>,
    /// Whether it ends with a question mark.
    pub(crate) asks: bool,
}

/// Takes a text apart into sentences of items.
pub(crate) fn scan(surgery: &Surgery, text: &str) -> Vec<Sentence> {
    let phrases = Phrases::of(surgery);
    let tokens = tokens(text);
    let parts = tokens.split_inclusive(|token| matches!(token.kind, Kind::Stop | Kind::Question));
    let sentences = parts.map(|part| {
        let asks = part.last().is_some_and(|token| token.kind == Kind::Question);
        Sentence { items: items(&phrases, part), asks }
    });
    sentences.filter(|sentence| !sentence.items.is_empty()).collect()
}

/// What the machines of a surgery are called by, by the first word and the longest first.
struct Phrases {
    by_first: BTreeMap<String, Vec<(Vec<String>, MachineId, MatchType)>>,
}

impl Phrases {
    fn of(surgery: &Surgery) -> Self {
        let mut by_first: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (words, (id, kind)) in surgery.phrases() {
            if let Some(first) = words.first().cloned() {
                by_first.entry(first).or_default().push((words, id, kind));
            }
        }
        by_first
            .values_mut()
            .for_each(|phrases| phrases.sort_by_key(|(words, ..)| std::cmp::Reverse(words.len())));
        Self { by_first }
    }

    fn longest(&self, tokens: &[Token]) -> Option<(usize, Mention)> {
        let candidates = self.by_first.get(&tokens.first()?.text)?;
        let found = candidates.iter().find(|(words, ..)| super::lexicon::begins_with(tokens, words));
        found.map(|(words, id, kind)| {
            (words.len(), Mention { id: id.clone(), kind: *kind, phrase: words.join(" ") })
        })
    }
}

fn items(phrases: &Phrases, tokens: &[Token]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let rest = &tokens[at..];
        let (length, term, mention) = match token.kind {
            Kind::Stop | Kind::Question => break,
            Kind::Comma => (1, Term::Join(Join::Comma), None),
            Kind::Word => longest(phrases, rest),
        };
        let said = &rest[..length];
        let words = said.iter().map(|token| &*token.text).collect::<Vec<_>>().join(" ");
        let end = said.last().map_or(token.span.end, |last| last.span.end);
        items.push(Item { term, mention, words, span: token.span.start..end });
        at += length;
    }
    for at in 1..items.len() {
        // "that suction": the word points at what follows it.
        let pointed = matches!(items[at].term, Term::Machine | Term::Word | Term::Part);
        if pointed && matches!(&*items[at - 1].words, "that" | "this" | "those" | "these") {
            items[at - 1].term = Term::Det;
        }
    }
    items
}

/// A machine wins over a phrase of the same length, a longer phrase over both.
fn longest(phrases: &Phrases, tokens: &[Token]) -> (usize, Term, Option<Mention>) {
    let machine = phrases.longest(tokens).map(|(length, mention)| (length, Term::Machine, Some(mention)));
    let time = times::at(tokens).map(|(length, term)| (length, term, None));
    let other = Lexicon::get().longest(tokens).map(|(length, term)| (length, term, None));
    // Of equals, `max_by_key` takes the last.
    let found = [other, time, machine].into_iter().flatten().max_by_key(|(length, ..)| *length);
    found.unwrap_or((1, Term::Word, None))
}
