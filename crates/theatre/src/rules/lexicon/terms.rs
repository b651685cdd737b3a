//! The lexicon as one table to look things up in, made once of the lists.

use std::{collections::HashMap, sync::LazyLock};

use super::{AFTER, FIRM, Firm, LOOSE, PARTICLES, STEMS, Term, small};
use crate::{
    model::Action,
    rules::tokens::{self, Token},
};

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);

/// Phrases by their first word, the longest first.
#[derive(Debug)]
pub(crate) struct Lexicon {
    phrases: HashMap<String, Vec<(Vec<String>, Term)>>,
}

impl Lexicon {
    /// The one lexicon; it never changes.
    pub(crate) fn get() -> &'static Self {
        &LEXICON
    }

    /// The longest phrase at the beginning of these tokens, with the number of its words.
    pub(crate) fn longest(&self, tokens: &[Token]) -> Option<(usize, Term)> {
        let candidates = self.phrases.get(&tokens.first()?.text)?;
        let fits = |words: &[String]| begins_with(tokens, words);
        candidates.iter().find(|(words, _)| fits(words)).map(|(words, term)| (words.len(), *term))
    }

    fn build() -> Self {
        let mut lexicon = Self { phrases: HashMap::new() };
        for (term, phrases) in small::SMALL {
            phrases.split(',').for_each(|phrase| lexicon.add(phrase, *term));
        }
        for (stem, phrases) in STEMS {
            phrases.iter().for_each(|phrase| lexicon.add(phrase, Term::Stem(stem)));
        }
        for (action, phrases) in PARTICLES {
            phrases.iter().for_each(|phrase| lexicon.add(phrase, Term::Particle(action)));
        }
        for (table, firm) in [(LOOSE, Firm::No), (FIRM, Firm::Yes)] {
            for (action, phrases) in table {
                for phrase in phrases {
                    lexicon.add_order(phrase, action, firm);
                }
            }
        }
        for candidates in lexicon.phrases.values_mut() {
            candidates.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
        lexicon
    }

    /// An order, and the forms of its verb that only tell of it. A form that is a phrase already (`running`) stays that.
    fn add_order(&mut self, phrase: &str, action: Action, firm: Firm) {
        self.add(phrase, Term::Order(action, firm));
        let (verb, rest) = phrase.split_once(' ').map_or((phrase, ""), |(verb, rest)| (verb, rest));
        let Some((_, done, doing)) = small::FORMS.iter().find(|(base, ..)| *base == verb) else { return };
        for (term, forms) in [(Term::Done(action), done), (Term::Doing(action), doing)] {
            forms.split(',').for_each(|form| self.add_new(&format!("{form} {rest}"), term));
        }
    }

    fn add(&mut self, phrase: &str, term: Term) {
        let words = tokens::words(phrase);
        let Some(first) = words.first().cloned() else { return };
        let candidates = self.phrases.entry(first).or_default();
        candidates.retain(|(known, _)| *known != words);
        candidates.push((words, term));
    }

    fn add_new(&mut self, phrase: &str, term: Term) {
        let words = tokens::words(phrase);
        let known = words.first().and_then(|first| self.phrases.get(first));
        if !known.is_some_and(|known| known.iter().any(|(other, _)| *other == words)) {
            self.add(phrase, term);
        }
    }
}

/// Whether the tokens begin with these words.
pub(crate) fn begins_with(tokens: &[Token], words: &[String]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.text == *word)
}

/// Whether a phrase is one of orders, and so would never be heard as a machine.
pub(crate) fn is_reserved(words: &[String]) -> bool {
    let orders = [&FIRM, &LOOSE, &AFTER];
    orders
        .into_iter()
        .flatten()
        .flat_map(|(_, phrases)| *phrases)
        .any(|phrase| tokens::words(phrase) == words)
}
