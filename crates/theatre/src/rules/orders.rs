//! The order in a piece: its verb, what it is said of, and whether it is one at all.

use super::{
    lexicon::{Firm, Stem, Term, Way},
    pieces::may_begin,
    scan::{Item, Mention},
};
use crate::model::Action;

/// What an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The machine is to become this.
    Become(Action),
    /// It is to stay as it is: `leave the suction alone`.
    Stay,
    /// A verb whose end is missing, as in `turn the suction | and the irrigation on`.
    Open,
    /// Something, but not that a machine is switched: `dim the lights`.
    Other,
}

/// What an order is said of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object {
    /// Machines by name.
    Machines(Vec<Mention>),
    /// `it`, `both`, `the other one`.
    Reference(Term, String),
    /// Nothing: `turn off`.
    Nothing,
    /// Something that is no machine: `stop bleeding`.
    Else,
}

/// An order that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it wants.
    pub(crate) wish: Wish,
    /// Of what.
    pub(crate) object: Object,
    /// Where its verb stands.
    pub(crate) at: usize,
    /// Whether the machine comes first: `suction on`.
    pub(crate) after: bool,
    /// The words that decided.
    pub(crate) words: String,
}

/// Finds the order of a piece. Where there are several verbs, the first that is one counts.
pub(crate) fn find(items: &[Item]) -> Option<Found> {
    (0..items.len()).find_map(|at| match items[at].term {
        Term::Order(action, firm) if is_verb(items, at) => Some(whole(items, at, action, firm)),
        Term::Stem(stem) if is_verb(items, at) => Some(parted(items, at, stem)),
        Term::Adjust if is_verb(items, at) => {
            let object = ahead(items, at + 1, Firm::No).0;
            Some(found(items, at, Wish::Other, object))
        }
        Term::Want => Some(wanted(items, at)),
        Term::Ensure => ensured(items, at),
        Term::MustBe => must_be(items, at),
        Term::Doing(action) if is_asked_for(items, at) => Some(whole(items, at, action, Firm::Yes)),
        Term::Told if is_asked_for(items, at) => Some(parted(items, at, Stem::Turn)),
        Term::Particle(action) => after_machine(items, at, action),
        _ => None,
    })
}

fn found(items: &[Item], at: usize, wish: Wish, object: Object) -> Found {
    Found { wish, object, at, after: false, words: items[at].words.clone() }
}

fn says_nothing(term: Term) -> bool {
    matches!(term, Term::Filler | Term::Please | Term::Time(..) | Term::Instead)
}

/// The item before, over words that say nothing.
fn before(items: &[Item], at: usize) -> Option<usize> {
    (0..at).rev().find(|&at| !says_nothing(items[at].term))
}

/// Whether the verb at this place orders: "we start", "to stop" and "the cut" do not.
fn is_verb(items: &[Item], at: usize) -> bool {
    let Some(last) = before(items, at) else { return true };
    let earlier = |wanted: fn(Term) -> bool| items[..last].iter().any(|item| wanted(item.term));
    match items[last].term {
        Term::Request | Term::Ensure | Term::Not | Term::Refrain => true,
        Term::Subject => earlier(|term| matches!(term, Term::Ensure | Term::Not | Term::Request)),
        Term::To => earlier(|term| matches!(term, Term::Want | Term::Request | Term::Not)),
        // "do turn on the suction"
        Term::Aux => last == 0 && items[last].words == "do",
        other => may_begin(other) && !is_told(items, last),
    }
}

/// "we usually turn": words between who does it and what he does.
fn is_told(items: &[Item], last: usize) -> bool {
    let who = items[..=last].iter().rev().find(|item| item.term != Term::Word);
    who.is_some_and(|item| item.term == Term::Subject)
}

/// "would you mind turning …": here the form that tells of it orders.
fn is_asked_for(items: &[Item], at: usize) -> bool {
    before(items, at)
        .is_some_and(|last| items[last].term == Term::Request && items[last].words.ends_with("mind"))
}

/// Machines or a pronoun from here on, and where they end.
fn ahead(items: &[Item], start: usize, firm: Firm) -> (Object, usize) {
    let mut words_left = if firm == Firm::Yes { 2 } else { 0 };
    let mut at = start;
    while let Some(item) = items.get(at) {
        let linking = item.term == Term::Prep && item.words == "of";
        match item.term {
            Term::Machine => return machines(items, at),
            Term::Both
                if items.get(at + 1).is_some_and(|next| matches!(next.term, Term::Det | Term::Machine)) => {}
            Term::Both if items.get(at + 1).is_some_and(|next| next.term == Term::Word) => {
                return (Object::Else, at);
            }
            // "stop this", "hold that": said of what somebody has in his hands.
            Term::It if firm == Firm::No && item.words.starts_with("th") => return (Object::Else, at),
            Term::It | Term::Both | Term::Other => {
                return (Object::Reference(item.term, item.words.clone()), at + 1);
            }
            Term::Word if words_left > 0 => words_left -= 1,
            Term::Det | Term::Way(_) => {}
            term if says_nothing(term) || linking => {}
            Term::Tag | Term::Until | Term::Condition(_) | Term::Subject => return (Object::Nothing, at),
            // "switch off now, doctor": a particle or the like is not an object either.
            Term::Particle(_) => return (Object::Nothing, at),
            _ => return (Object::Else, at),
        }
        at += 1;
    }
    let odd = items[start..].iter().any(|item| item.term == Term::Word);
    (if odd { Object::Else } else { Object::Nothing }, at)
}

/// Machines in a row. One that is followed by a part is not meant itself: "the suction tip".
fn machines(items: &[Item], start: usize) -> (Object, usize) {
    let (mut mentions, mut at) = (Vec::new(), start);
    while let Some(item) = items.get(at) {
        match (&item.mention, item.term) {
            (Some(mention), _) => {
                if items.get(at + 1).is_some_and(|next| next.term == Term::Part) {
                    return (Object::Else, at + 2);
                }
                mentions.push(mention.clone());
            }
            (None, Term::Det) if items.get(at + 1).is_some_and(|next| next.term == Term::Machine) => {}
            _ => break,
        }
        at += 1;
    }
    (Object::Machines(mentions), at)
}

/// The machine right before a place: "irrigation stop". Not where it already has a verb.
fn behind(items: &[Item], at: usize) -> Option<Object> {
    let last = before(items, at)?;
    let mut mentions: Vec<Mention> = Vec::new();
    for item in items[..=last].iter().rev() {
        match &item.mention {
            Some(mention) => mentions.insert(0, mention.clone()),
            None if mentions.is_empty() && item.term == Term::Both => {}
            None if mentions.is_empty() => break,
            None if matches!(item.term, Term::Det | Term::Both | Term::It) => {}
            None => break,
        }
    }
    if !mentions.is_empty() {
        return Some(Object::Machines(mentions));
    }
    match items[last].term {
        term @ (Term::It | Term::Both | Term::Other) => {
            Some(Object::Reference(term, items[last].words.clone()))
        }
        _ => None,
    }
}

fn whole(items: &[Item], at: usize, action: Action, firm: Firm) -> Found {
    let (mut object, end) = ahead(items, at + 1, firm);
    let mut after = false;
    if let Some(machine) = behind(items, at).filter(|_| object == Object::Nothing) {
        (object, after) = (machine, true);
    }
    let manual =
        matches!(&*items[at].words, "hold" | "cut" | "end") && matches!(object, Object::Reference(..));
    if manual || (!after && firm == Firm::No && goes_elsewhere(items, end)) {
        object = Object::Else;
    }
    let wish = if !after && contradicts(items, end, action) { Wish::Other } else { Wish::Become(action) };
    Found { after, ..found(items, at, wish, object) }
}

/// "turn on the lights off": a slip, or a recogniser's. Either of the two would be a guess.
fn contradicts(items: &[Item], end: usize, action: Action) -> bool {
    items.get(end).is_some_and(|item| matches!(item.term, Term::Particle(other) if other != action))
}

/// "hold the camera still", "cut the drain free": what follows makes it another verb.
fn goes_elsewhere(items: &[Item], end: usize) -> bool {
    const STEADY: [&str; 16] = [
        "still", "steady", "tight", "tighter", "closer", "like", "open", "away", "free", "short", "straight",
        "firmly", "gently", "higher", "lower", "properly",
    ];
    items.get(end).is_some_and(|item| STEADY.contains(&&*item.words) || matches!(item.term, Term::Way(_)))
}

/// `turn the suction on`: the end of the verb comes after what it is said of.
fn parted(items: &[Item], at: usize, stem: Stem) -> Found {
    let (mut object, end) = ahead(items, at + 1, Firm::Yes);
    let particle = (end.min(items.len())..items.len()).find(|&at| {
        !says_nothing(items[at].term) && !matches!(items[at].term, Term::Way(_) if stem == Stem::Keep)
    });
    let mut wish = match particle.map(|at| (at, items[at].term)) {
        Some((place, Term::Particle(action))) if is_end(items, place, true) => Wish::Become(action),
        Some((_, Term::Way(Way::Up))) if matches!(stem, Stem::Bring | Stem::Power) => {
            Wish::Become(Action::On)
        }
        Some((_, Term::Way(Way::Down))) if matches!(stem, Stem::Shut | Stem::Power) => {
            Wish::Become(Action::Off)
        }
        Some((_, Term::Done(action))) => Wish::Become(action),
        None if stem == Stem::Keep => Wish::Stay,
        // "get suction"
        None if items[at].words == "get" => Wish::Become(Action::On),
        None => Wish::Open,
        Some((place, _)) if stem == Stem::Keep && matches!(&*items[place].words, "alone" | "as" | "be") => {
            Wish::Stay
        }
        Some(_) => Wish::Other,
    };
    if let (Object::Nothing, Some(place)) = (&object, particle) {
        // "keep on the suction"
        object = ahead(items, place + 1, Firm::No).0;
    }
    let passed = items[at + 1..end.min(items.len())].iter().any(|item| matches!(item.term, Term::Way(_)));
    if passed && stem == Stem::Bring {
        wish = Wish::Become(Action::On);
    }
    let mut found = found(items, at, wish, object);
    if let Some(place) = particle.filter(|_| matches!(wish, Wish::Become(_))) {
        found.words = format!("{} {}", found.words, items[place].words);
    }
    found
}

/// `i need the suction`, `i want the lights off`, `could i have the lights turned off`.
fn wanted(items: &[Item], at: usize) -> Found {
    let (object, end) = ahead(items, at + 1, Firm::No);
    let next = (end..items.len()).find(|&at| !says_nothing(items[at].term) && items[at].term != Term::MustBe);
    let wish = match next.map(|at| (at, items[at].term)) {
        Some((place, Term::Particle(action))) if is_end(items, place, true) => Wish::Become(action),
        Some((_, Term::Done(action))) => Wish::Become(action),
        // "i want the nurse to start the suction" goes on with a verb of its own.
        _ => Wish::Become(Action::On),
    };
    found(items, at, wish, object)
}

/// `make sure the suction is on`.
fn ensured(items: &[Item], at: usize) -> Option<Found> {
    let (object, end) = ahead(items, at + 1, Firm::No);
    let place = (end..items.len()).find(|&at| !says_nothing(items[at].term) && items[at].term != Term::Be)?;
    match items[place].term {
        Term::Particle(action) | Term::Done(action) => Some(found(items, at, Wish::Become(action), object)),
        _ => None,
    }
}

/// `the lights need to be off`, `the cautery can be turned off`.
fn must_be(items: &[Item], at: usize) -> Option<Found> {
    let object = behind(items, at)?;
    let place = (at + 1..items.len()).find(|&at| !says_nothing(items[at].term))?;
    match items[place].term {
        Term::Particle(action) | Term::Done(action) => {
            let words = format!("{} {}", items[at].words, items[place].words);
            Some(Found { words, after: true, ..found(items, at, Wish::Become(action), object) })
        }
        _ => None,
    }
}

/// `suction on`, and `off` by itself.
fn after_machine(items: &[Item], at: usize, action: Action) -> Option<Found> {
    if !is_end(items, at, false) {
        return None;
    }
    let tells = |item: &Item| {
        matches!(
            item.term,
            Term::Subject
                | Term::Be
                | Term::Aux
                | Term::Modal
                | Term::Done(_)
                | Term::Doing(_)
                | Term::Told
                | Term::Prep
                | Term::To
                | Term::Wh
        )
    };
    if items[..at].iter().any(tells) {
        return None;
    }
    let object = match (behind(items, at), before(items, at)) {
        (Some(object), _) => object,
        (None, None) => Object::Nothing,
        (None, Some(_)) => return None,
    };
    Some(Found { after: true, ..found(items, at, Wish::Become(action), object) })
}

/// Whether `on` and `off` end an order here: in "camera on the stone" the word begins a place.
fn is_end(items: &[Item], at: usize, parted: bool) -> bool {
    if !matches!(&*items[at].words, "on" | "off") {
        return true;
    }
    match items.get(at + 1).map(|next| next.term) {
        Some(Term::Word) => parted,
        Some(Term::Det | Term::It | Term::Both | Term::Part | Term::To | Term::Particle(_)) => false,
        // "light on for" is an end, "suction on in" is one, too.
        _ => true,
    }
}
