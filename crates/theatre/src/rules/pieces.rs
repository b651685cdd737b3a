//! A sentence in pieces: the parts between joins, and the parts that follow each other without one ("turn on the suction stop
//! the irrigation"), as recognisers write it.

use super::{
    lexicon::{AFTER, Join, Term},
    scan::{Item, Sentence},
};

/// A part of a sentence with at most one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its items; never none.
    pub(crate) items: Vec<Item>,
    /// How it follows what was before.
    pub(crate) join: Join,
}

impl Piece {
    /// Whether it is nothing but words that take back or put right.
    pub(crate) fn is_marker(&self) -> bool {
        self.items.iter().all(|item| is_marker(item.term))
    }
}

/// Takes a sentence apart.
pub(crate) fn pieces(sentence: &Sentence) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut join, mut start) = (Join::Comma, 0);
    let items = &sentence.items;
    for at in 0..=items.len() {
        let joined = match items.get(at).map(|item| item.term) {
            Some(Term::Join(joined)) => Some(joined),
            Some(_) => None,
            None => Some(Join::Comma),
        };
        let Some(joined) = joined else { continue };
        if start < at {
            unjoined(&items[start..at], join, &mut pieces);
            join = joined;
        } else if joined != Join::Comma || at == 0 {
            // ", but" joins as "but" does.
            join = joined;
        }
        start = at + 1;
    }
    pieces
}

/// Parts what nothing joins.
fn unjoined(items: &[Item], join: Join, pieces: &mut Vec<Piece>) {
    let (mut start, mut join) = (0, join);
    for at in 1..items.len() {
        if begins_another(&items[start..at], &items[at..]) {
            pieces.push(Piece { items: items[start..at].to_vec(), join });
            (start, join) = (at, Join::Comma);
        }
    }
    pieces.push(Piece { items: items[start..].to_vec(), join });
}

fn is_marker(term: Term) -> bool {
    matches!(term, Term::Undo | Term::Drop | Term::No | Term::Meant | Term::Sorry | Term::Wait)
}

/// Whether what is ahead begins a piece of its own after what is before; neither is empty.
fn begins_another(before: &[Item], ahead: &[Item]) -> bool {
    let term = ahead[0].term;
    let last = before[before.len() - 1].term;
    if is_marker(last) != is_marker(term) {
        // "no suction" forbids; "no the suction" puts right.
        return !(last == Term::No && term == Term::Machine);
    }
    let ordered = before.iter().any(|item| is_order(item.term));
    let thing = |item: &Item| matches!(item.term, Term::Machine | Term::It | Term::Both);
    let named = before.iter().any(thing);
    let conditional = before.iter().any(|item| matches!(item.term, Term::Condition(_) | Term::Until));
    if conditional {
        return false;
    }
    let ended = before.iter().any(|item| matches!(item.term, Term::Particle(_)));
    match term {
        Term::Order(..) | Term::Stem(_) => may_begin(last) && named && (ordered || ended),
        Term::Request | Term::Want | Term::Ensure | Term::Not | Term::Refrain => {
            named && (ordered || ended) && last != Term::Subject
        }
        Term::Subject | Term::Wh => named && (ended || matches!(last, Term::Please | Term::Time(..))),
        Term::Machine => named && (ordered || ended) && last != Term::Det && is_followed_by_its_order(ahead),
        Term::Det => {
            let machine = ahead.get(1).is_some_and(|item| item.term == Term::Machine);
            machine && named && (ordered || ended) && is_followed_by_its_order(&ahead[1..])
        }
        _ => false,
    }
}

/// `suction … off` after something that is whole.
fn is_followed_by_its_order(ahead: &[Item]) -> bool {
    let mut rest = ahead.iter().skip(1).skip_while(|item| matches!(item.term, Term::Filler | Term::Please));
    let Some(next) = rest.next() else { return false };
    let follows = rest.next().map(|item| item.term);
    match next.term {
        Term::Particle(_) => true,
        Term::Order(..) => {
            is_after_word(&next.words) && !matches!(follows, Some(Term::Machine | Term::Det | Term::It))
        }
        _ => false,
    }
}

/// Whether these words can be an order that stands after its machine.
pub(crate) fn is_after_word(words: &str) -> bool {
    AFTER.iter().any(|(_, phrases)| phrases.contains(&words))
}

/// Whether a term orders, alone or with what follows it.
pub(crate) fn is_order(term: Term) -> bool {
    matches!(term, Term::Order(..) | Term::Stem(_) | Term::Want | Term::Adjust)
}

/// Whether an order may stand after this: after `we`, `to` and `the` it is none, or a noun.
pub(crate) fn may_begin(last: Term) -> bool {
    !matches!(
        last,
        Term::Subject
            | Term::To
            | Term::Det
            | Term::Modal
            | Term::Aux
            | Term::Not
            | Term::Refrain
            | Term::Request
            | Term::Ensure
            | Term::Prep
            | Term::Wh
            | Term::Asks
            | Term::MustBe
            | Term::Be
            | Term::BeNot
            | Term::Told
    )
}
