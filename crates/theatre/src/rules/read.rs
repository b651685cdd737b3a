//! What a piece is by itself: an order, something forbidden, a question, a remark. What it refers to is found later
//! ([`super::bind`]).

use super::{
    conditions::{self, When},
    lexicon::Term,
    orders::{self, Object, Wish},
    pieces::Piece,
    scan::{Item, Mention},
};
use crate::model::Action;

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It switches what it is said of.
    Order(Action),
    /// A verb whose end another piece has.
    Open,
    /// It forbids; with the action, where it names one.
    Forbid(Option<Action>),
    /// Machines and politeness, nothing else.
    Bare,
    /// Takes back or puts right; the strongest word.
    Marker(Term),
    /// It asks.
    Question(&'static str),
    /// Makes a question of what is before it: "isn't it".
    Tag,
    /// Makes politeness of it: "would you".
    Polite,
    /// It switches nothing.
    Remark(&'static str),
}

/// A piece, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What it is.
    pub(crate) shape: Shape,
    /// What it is said of.
    pub(crate) object: Object,
    /// Every machine that it names, outside of its condition.
    pub(crate) named: Vec<Mention>,
    /// Whether it speaks of a machine, or of a part of one.
    pub(crate) speaks: bool,
    /// Whether the machine comes before its verb.
    pub(crate) after: bool,
    /// Its condition or time.
    pub(crate) when: Option<When>,
    /// Whether it is nothing but politeness and haste: ", please".
    pub(crate) empty: bool,
    /// What ends it: "until the stone is out".
    pub(crate) until: Option<When>,
    /// Whether it begins with `the` or the like: a machine so named is spoken of, not called for.
    pub(crate) pointed: bool,
    /// Whether it is for now, with emphasis.
    pub(crate) now: bool,
    /// The negation, where there is one.
    pub(crate) negation: Option<String>,
    /// The words that decided.
    pub(crate) words: Option<String>,
    /// Whether it is said as a request, so that a question mark is politeness.
    pub(crate) request: bool,
    /// Whether it takes the place of something: `instead`.
    pub(crate) instead: bool,
    /// Whether it says please.
    pub(crate) please: bool,
}

/// Reads a piece.
pub(crate) fn read(piece: &Piece) -> Reading {
    let (when, items) = conditions::split(&piece.items);
    let has = |wanted: fn(Term) -> bool| items.iter().any(|item| wanted(item.term));
    let mut reading = Reading {
        shape: Shape::Remark(NO_ORDER),
        object: Object::Nothing,
        named: named(&items),
        speaks: has(|term| term == Term::Machine),
        after: false,
        now: items.iter().any(conditions::is_now),
        when,
        empty: items.iter().all(|item| is_small(item.term) || conditions::is_now(item)),
        until: conditions::until(&piece.items),
        pointed: items.iter().find(|item| !is_small(item.term)).is_some_and(|item| item.term == Term::Det),
        negation: None,
        words: None,
        request: has(|term| matches!(term, Term::Request | Term::Please | Term::Want)),
        instead: has(|term| term == Term::Instead),
        please: has(|term| term == Term::Please),
    };
    if piece.is_marker() {
        reading.shape = Shape::Marker(strongest(&piece.items));
    } else if let Some(why) = question(&items) {
        reading.shape = Shape::Question(why);
    } else if let Some(shape) = tag(&items) {
        reading.shape = shape;
    } else {
        decide(&items, &mut reading);
    }
    reading
}

const NO_ORDER: &str = "no order is given";

/// A machine that only lends its name to a part is not named.
fn named(items: &[Item]) -> Vec<Mention> {
    let part = |at: usize| items.get(at + 1).is_some_and(|next| next.term == Term::Part);
    let whole = items.iter().enumerate().filter(|(at, _)| !part(*at));
    whole.filter_map(|(_, item)| item.mention.clone()).collect()
}

fn strongest(items: &[Item]) -> Term {
    const ORDER: [Term; 6] = [Term::Undo, Term::Drop, Term::No, Term::Meant, Term::Sorry, Term::Wait];
    let has = |term: &Term| items.iter().any(|item| item.term == *term);
    ORDER.into_iter().find(has).unwrap_or(Term::Wait)
}

fn is_small(term: Term) -> bool {
    matches!(term, Term::Filler | Term::Please)
}

/// Whether it asks by its words. A request ("could you") is one phrase of the lexicon and no question.
fn question(items: &[Item]) -> Option<&'static str> {
    if items.iter().any(|item| item.term == Term::Asks) {
        return Some("it asks how something is");
    }
    let start = items.iter().position(|item| !is_small(item.term))?;
    let first = &items[start];
    let next = items[start + 1..].iter().find(|item| !is_small(item.term)).map(|item| item.term);
    let inverted = match first.term {
        Term::Condition(_) if conditions::asks(items, start) => return Some("it asks when"),
        Term::Wh => return Some("it begins with a word that asks"),
        Term::Be | Term::Modal => next.is_some(),
        Term::BeNot => !first.words.starts_with("there"),
        // "do turn on the suction" orders.
        Term::Aux => !matches!(next, None | Some(Term::Order(..) | Term::Stem(_))),
        Term::Stem(_) if first.words == "have" => next == Some(Term::Subject),
        Term::Not => first.words.contains(' ') && next == Some(Term::Subject) && items.len() > start + 2,
        Term::Request => {
            // "can you see the suction": a request without an order is a question.
            let orders = |item: &Item| is_wish(item.term);
            return (next.is_some() && !items[start + 1..].iter().any(orders))
                .then_some("it asks whether somebody can, not for something to be done");
        }
        _ => false,
    };
    // "don't you dare" is no question; "don't we need suction" is one.
    let forbids = first.term == Term::Not && first.words != "do not";
    (inverted && !forbids && !is_tag(items)).then_some("verb and subject stand as in a question")
}

fn is_wish(term: Term) -> bool {
    matches!(
        term,
        Term::Order(..)
            | Term::Stem(_)
            | Term::Want
            | Term::Ensure
            | Term::Adjust
            | Term::Doing(_)
            | Term::Told
            | Term::Refrain
            | Term::MustBe
            | Term::Not
    )
}

fn is_tag(items: &[Item]) -> bool {
    let small = |item: &&Item| !is_small(item.term);
    let terms: Vec<Term> = items.iter().filter(small).map(|item| item.term).collect();
    matches!(
        terms[..],
        [Term::BeNot | Term::Be | Term::Aux | Term::Not | Term::Modal, Term::It | Term::Subject | Term::Both]
            | [Term::Aux | Term::Be | Term::Modal, Term::Not, Term::It | Term::Subject | Term::Both]
            | [Term::Aux | Term::Be | Term::Modal, Term::It | Term::Subject | Term::Both, Term::Not]
            | [Term::Tag]
    )
}

fn tag(items: &[Item]) -> Option<Shape> {
    if is_tag(items) {
        return Some(Shape::Tag);
    }
    let polite = items.iter().all(|item| is_small(item.term) || item.term == Term::Request);
    let requests = items.iter().any(|item| item.term == Term::Request);
    (polite && requests).then_some(Shape::Polite)
}

fn position(items: &[Item], wanted: fn(Term) -> bool) -> Option<usize> {
    items.iter().position(|item| wanted(item.term))
}

/// An order, something forbidden, or neither.
fn decide(items: &[Item], reading: &mut Reading) {
    if position(items, |term| term == Term::BeNot).is_some() {
        reading.shape = Shape::Remark("it says how something is not");
        return;
    }
    // "no suction"
    let denied = items.windows(2).position(|pair| pair[0].term == Term::No && pair[1].term == Term::Machine);
    let refused = position(items, |term| matches!(term, Term::Not | Term::Refrain)).or(denied);
    let enough = position(items, |term| term == Term::Enough);
    let unwanted_now = position(items, |term| term == Term::Refrain).is_some()
        && items.iter().any(|item| matches!(&*item.words, "anymore" | "any more" | "any longer"));
    if let Some(at) = enough.or_else(|| refused.filter(|_| unwanted_now)) {
        reading.negation = Some(items[at].words.clone());
        let nothing_else = !items[..at].iter().any(|item| item.term == Term::Machine);
        if !reading.named.is_empty() && nothing_else && !is_of_part(items) {
            reading.object = Object::Machines(reading.named.clone());
            reading.shape = Shape::Order(Action::Off);
            return;
        }
    }
    let order = orders::find(items);
    if let Some(at) = refused {
        forbid(items, at, order, reading);
    } else if let Some(found) = order {
        ordered(found, reading);
    } else {
        neither(items, reading);
    }
}

fn is_of_part(items: &[Item]) -> bool {
    items.iter().any(|item| item.term == Term::Part)
}

/// A negation, and what it forbids.
fn forbid(items: &[Item], at: usize, order: Option<orders::Found>, reading: &mut Reading) {
    let status = items.iter().any(|item| matches!(item.term, Term::Be));
    let done = items.iter().any(|item| matches!(item.term, Term::Done(_)));
    reading.negation = Some(items[at].words.clone());
    match order {
        // "turn the suction on, not the irrigation" comes in pieces; here the order stands before the negation.
        Some(found)
            if found.at < at
                && !matches!(found.wish, Wish::Other)
                && items[at].term == Term::Not
                && found.after =>
        {
            ordered(found, reading);
        }
        Some(found) if !matches!(found.object, Object::Else) => {
            reading.words = Some(found.words);
            reading.object = found.object;
            reading.after = found.after;
            reading.shape = match found.wish {
                Wish::Become(action) => Shape::Forbid(Some(action)),
                Wish::Stay | Wish::Open | Wish::Other => Shape::Forbid(None),
            };
        }
        _ if status || (done && reading.named.is_empty()) => {
            reading.shape = Shape::Remark("it says how something is not")
        }
        _ => {
            let just_no = items.iter().all(|item| {
                conditions::is_now(item)
                    || matches!(item.term, Term::Not | Term::Filler | Term::Please | Term::Aux | Term::It)
            });
            if !reading.named.is_empty() || just_no {
                reading.object =
                    if just_no { Object::Nothing } else { Object::Machines(reading.named.clone()) };
                reading.shape = Shape::Forbid(None);
            }
        }
    }
}

fn ordered(found: orders::Found, reading: &mut Reading) {
    reading.after = found.after;
    reading.words = Some(found.words.clone());
    reading.shape = match (&found.object, found.wish) {
        (Object::Else, _) => Shape::Remark("the order is for something that is no machine here"),
        (_, Wish::Other) => Shape::Remark("it changes how a machine works, it does not switch it"),
        (_, Wish::Become(action)) => Shape::Order(action),
        (_, Wish::Stay) => Shape::Forbid(None),
        (_, Wish::Open) => Shape::Open,
    };
    reading.object = found.object;
    if found.wish == Wish::Become(Action::Off)
        && found.words.split(' ').any(|word| matches!(word, "leave" | "keep"))
    {
        reading.negation = Some(found.words);
    }
}

/// Machines alone are an order; among other words they are a remark.
fn neither(items: &[Item], reading: &mut Reading) {
    let alone = items.iter().enumerate().all(|(at, item)| match item.term {
        Term::Machine | Term::Filler | Term::Please | Term::Time(..) | Term::Instead | Term::Both => true,
        Term::Det => items.get(at + 1).is_some_and(|next| matches!(next.term, Term::Machine | Term::Filler)),
        _ => false,
    });
    // "suctioning" is what somebody is doing.
    let doing = |mention: &Mention| mention.phrase.ends_with("ing") && mention.phrase != "monitoring";
    let small = |item: &Item| matches!(item.term, Term::Other | Term::Filler | Term::Please | Term::Det);
    let other = items.iter().find(|item| item.term == Term::Other).filter(|_| items.iter().all(small));
    reading.shape = if let Some(other) = other {
        reading.object = Object::Reference(Term::Other, other.words.clone());
        Shape::Bare
    } else if items.iter().any(|item| item.term == Term::Machine) && reading.named.is_empty() {
        Shape::Remark("it speaks of a part of a machine")
    } else if reading.named.is_empty() {
        Shape::Remark("no machine is named")
    } else if reading.named.iter().any(doing) {
        Shape::Remark("it says what somebody is doing")
    } else if alone {
        reading.object = Object::Machines(reading.named.clone());
        Shape::Bare
    } else if items.iter().any(|item| matches!(item.term, Term::Be | Term::Done(_) | Term::Doing(_))) {
        Shape::Remark("it says how something is or was")
    } else {
        Shape::Remark("a machine is named, but no order is given")
    };
}
