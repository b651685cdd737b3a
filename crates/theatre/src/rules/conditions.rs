//! When something is to happen: a time, or the words of a condition and where they end.

use super::{
    lexicon::Term,
    pieces::{is_order, may_begin},
    scan::Item,
};
use crate::model::Temporal;

/// What an order waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// How it is put off.
    pub(crate) temporal: Temporal,
    /// The words.
    pub(crate) words: String,
    /// So many seconds, where it says so.
    pub(crate) seconds: Option<u64>,
    /// Whether it stands before what waits: then it is for all that follows in the sentence.
    pub(crate) leads: bool,
    /// Machines that are named in it: it may be said of them later as "it".
    pub(crate) of: Vec<super::scan::Mention>,
}

/// Whether it is for now.
pub(crate) fn is_now(item: &Item) -> bool {
    matches!(item.term, Term::Time(Temporal::Immediately, _))
}

/// What ends an order: the words after "until", for what is said to come then.
pub(crate) fn until(items: &[Item]) -> Option<When> {
    let at = items
        .iter()
        .position(|item| item.term == Term::Until && item.words.ends_with("til"))
        .filter(|at| *at > 0)?;
    let words = items[at + 1..].iter().map(|item| &*item.words).collect::<Vec<_>>().join(" ");
    Some(When { temporal: Temporal::After, words, seconds: None, leads: false, of: Vec::new() })
}

/// Takes the condition or time out of a piece; the rest is what waits. What follows "until" waits for nothing and is dropped.
pub(crate) fn split(items: &[Item]) -> (Option<When>, Vec<Item>) {
    let items = match items.iter().position(|item| item.term == Term::Until) {
        Some(0) => return (None, main_after(items).map_or_else(Vec::new, |at| items[at..].to_vec())),
        Some(until) => &items[..until],
        None => items,
    };
    let later =
        |item: &Item| matches!(item.term, Term::Time(temporal, _) if temporal != Temporal::Immediately);
    if let Some(at) = items.iter().position(later) {
        let Term::Time(temporal, seconds) = items[at].term else { return (None, items.to_vec()) };
        let mut rest = items.to_vec();
        rest.remove(at);
        let leads = !rest.iter().take(at).any(|item| is_content(item.term));
        let words = items[at].words.clone();
        return (Some(When { temporal, words, seconds, leads, of: Vec::new() }), rest);
    }
    let begins = |at: usize| match items[at].term {
        Term::Condition(temporal) if !asks(items, at) => Some((at, temporal)),
        _ => None,
    };
    let Some((at, temporal)) = (0..items.len()).find_map(begins) else { return (None, items.to_vec()) };
    let leads = !items[..at].iter().any(|item| is_content(item.term));
    let end =
        if leads { main_after(&items[at..]).map_or(items.len(), |main| at + main) } else { items.len() };
    let said = &items[at..end];
    let words = said.iter().map(|item| &*item.words).collect::<Vec<_>>().join(" ");
    let of = said.iter().filter_map(|item| item.mention.clone()).collect();
    let rest = items[..at].iter().chain(&items[end..]).cloned().collect();
    (Some(When { temporal, words, seconds: None, leads, of }), rest)
}

fn is_content(term: Term) -> bool {
    !matches!(term, Term::Filler | Term::Please | Term::Request | Term::Det)
}

/// "when do we start", "when will it": a question, no condition.
pub(crate) fn asks(items: &[Item], at: usize) -> bool {
    let first = items[..at].iter().all(|item| matches!(item.term, Term::Filler));
    let next = items.get(at + 1).map(|item| item.term);
    first
        && items[at].words == "when"
        && matches!(next, Some(Term::Aux | Term::Modal | Term::Be | Term::BeNot))
}

/// Where the order begins after a condition that no comma ends: "when the stone is out | turn on the suction".
fn main_after(items: &[Item]) -> Option<usize> {
    let named =
        |at: usize| items[at..].iter().any(|item| matches!(item.term, Term::Machine | Term::It | Term::Both));
    (2..items.len()).find_map(|at| {
        let last = items[at - 1].term;
        match items[at].term {
            Term::Request | Term::Want | Term::Ensure if named(at) => Some(at),
            Term::Not if matches!(items[at - 1].term, Term::Particle(_) | Term::Word) && named(at) => {
                Some(at)
            }
            Term::Adjust => None,
            term if is_order(term) && last == Term::Machine && !named(at) => {
                Some(at - 1).filter(|&at| at > 1)
            }
            term if is_order(term) && may_begin(last) && named(at) => Some(at),
            Term::Particle(_) if last == Term::Machine && at > 2 => {
                let start = at - 1;
                Some(if items[start - 1].term == Term::Det { start - 1 } else { start })
            }
            _ => None,
        }
    })
}
