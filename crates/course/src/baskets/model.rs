//! What the seeds show: which LEGO follows which, in both languages in the same order, and which LEGOs stand where others do.
//!
//! All of it is yes or no, never a share of all seeds: a changed sentence then changes only phrases that rest on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    bits::Bits,
    runs::{Runs, ending},
};
use crate::{
    model::{LegoPairs, Pair, SeedLegos},
    text::{normal, normal_words},
};

/// A LEGO of the course, by its place in the order of teaching.
pub type Place = usize;

/// Before the first and behind the last piece of a sentence.
pub const EDGE: Place = Place::MAX;
/// What a context says that so many pieces have is little.
const COMMON: usize = 25;

/// A LEGO as it is used in phrases.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The id under which it is first taught.
    pub id: String,
    /// Its texts.
    pub pair: Pair,
    /// The number of the seed that teaches it.
    pub seed: usize,
    /// Its known words as they are compared.
    pub known: Vec<String>,
    /// Its target words as they are compared.
    pub target: Vec<String>,
}

/// A seed as a row of pieces.
#[derive(Debug, Clone)]
pub struct Row {
    /// In the order of the target text.
    pub pieces: Vec<Place>,
    /// Whether a piece is followed by the next one in the known text too.
    pub follows: Vec<bool>,
    /// Whether the known text begins with the first piece.
    pub begins: bool,
    /// Whether the known text ends with the last piece.
    pub ends: bool,
    /// Whether it asks something.
    pub asks: bool,
}

/// How well it is borne out that one piece follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meeting {
    /// A piece that stands where this one does follows, or is followed.
    Alike,
    /// One of the two joins sentences, and the other begins or ends one.
    Joined,
    /// In both languages sentences have the two words that meet here.
    Words,
    /// A sentence has these two pieces.
    Seen,
}

/// All pieces and what the seeds show of them.
#[derive(Debug)]
pub struct Evidence {
    /// In the order of teaching.
    pub pieces: Vec<Piece>,
    /// One for each seed.
    pub rows: Vec<Row>,
    /// What may follow each piece, and how well that is borne out.
    pub after: Vec<BTreeMap<Place, Meeting>>,
    /// What may go before each piece.
    pub before: Vec<BTreeMap<Place, Meeting>>,
    triples: Triples,
    /// What stands somewhere behind each piece in a clause, and what before it.
    orders: (Vec<Bits>, Vec<Bits>),
    begins: Vec<bool>,
    ends: Vec<bool>,
    /// Pieces that begin what is no question.
    states: Vec<bool>,
    connects: Vec<bool>,
    /// Pieces that mostly come before what could be a sentence: "I think that".
    leads: Vec<bool>,
    /// Pieces that are enough for a clause.
    clauses: Vec<bool>,
    /// Pieces that stand where each one does, by what is on their left and on their right.
    alike: (Vec<Bits>, Vec<Bits>),
}

/// Three in a row that sentences have: by two of them, which the third are.
#[derive(Debug, Default)]
struct Triples {
    first: HashMap<(Place, Place), Bits>,
    middle: HashMap<(Place, Place), Bits>,
    last: HashMap<(Place, Place), Bits>,
}

impl Triples {
    fn insert(&mut self, a: Place, b: Place, c: Place) {
        self.first.entry((b, c)).or_default().insert(a);
        self.middle.entry((a, c)).or_default().insert(b);
        self.last.entry((a, b)).or_default().insert(c);
    }
}

impl Evidence {
    /// Reads it out of a course's LEGOs.
    #[must_use]
    pub fn of(legos: &LegoPairs) -> Self {
        let mut pieces = Vec::new();
        let mut places: HashMap<String, Place> = HashMap::new();
        for (number, seed) in legos.seeds.iter().enumerate() {
            for lego in seed.legos.iter().filter(|lego| lego.new) {
                places.insert(lego.id.clone(), pieces.len());
                let (known, target) = (normal_words(&lego.lego.known), normal_words(&lego.lego.target));
                pieces.push(Piece {
                    id: lego.id.clone(),
                    pair: lego.lego.clone(),
                    seed: number,
                    known,
                    target,
                });
            }
        }
        let rows: Vec<Row> = legos.seeds.iter().map(|seed| row(seed, &places)).collect();
        let mut evidence = Self {
            after: vec![BTreeMap::new(); pieces.len()],
            before: vec![BTreeMap::new(); pieces.len()],
            triples: Triples::default(),
            begins: vec![false; pieces.len()],
            ends: vec![false; pieces.len()],
            connects: vec![false; pieces.len()],
            leads: vec![false; pieces.len()],
            clauses: vec![false; pieces.len()],
            states: vec![false; pieces.len()],
            orders: (vec![Bits::default(); pieces.len()], vec![Bits::default(); pieces.len()]),
            alike: (Vec::new(), Vec::new()),
            pieces,
            rows,
        };
        evidence.read_rows();
        evidence.find_connections();
        evidence.find_ends();
        evidence.read_orders();
        evidence.alike = evidence.find_alike();
        evidence.add_alike();
        evidence.add_words(legos);
        evidence.add_joined();
        evidence
    }

    fn read_rows(&mut self) {
        for row in &self.rows {
            for (pair, _) in row.pieces.windows(2).zip(&row.follows).filter(|(_, follows)| **follows) {
                self.after[pair[0]].insert(pair[1], Meeting::Seen);
                self.before[pair[1]].insert(pair[0], Meeting::Seen);
            }
            for (three, follows) in row.pieces.windows(3).zip(row.follows.windows(2)) {
                if follows[0] && follows[1] {
                    self.triples.insert(three[0], three[1], three[2]);
                }
            }
            if let (Some(&first), Some(&last)) = (row.pieces.first(), row.pieces.last()) {
                self.begins[first] |= row.begins;
                self.states[first] |= row.begins && !row.asks;
                self.ends[last] |= row.ends;
            }
            if let (&[first, second, ..], true) = (&row.pieces[..], row.begins) {
                self.triples.insert(self.pieces.len(), first, second);
            }
            if let (&[.., second, last], true) = (&row.pieces[..], row.ends) {
                self.triples.insert(second, last, self.pieces.len());
            }
        }
    }

    /// What goes on after the end of a sentence, mostly with what begins one: "because", "but".
    fn find_connections(&mut self) {
        self.connects = (0..self.pieces.len())
            .map(|piece| {
                let after = self.after[piece].keys();
                let begin = after.clone().filter(|next| self.begins[**next]).count();
                let before = self.before[piece].keys().filter(|previous| self.ends[**previous]).count();
                !self.ends[piece] && begin >= 2 && before >= 2 && 3 * begin >= after.count()
            })
            .collect();
    }

    /// A piece that is followed by what else follows ends of sentences could end one too.
    fn find_ends(&mut self) {
        let loose: Vec<bool> = self
            .before
            .iter()
            .map(|before| {
                let ends = before.keys().filter(|previous| self.ends[**previous]).count();
                ends >= 2 && 10 * ends >= 6 * before.len()
            })
            .collect();
        for (place, ends) in self.ends.iter_mut().enumerate() {
            *ends |= self.after[place].keys().any(|next| loose[*next] || self.connects[*next]);
        }
        self.find_leads();
        for row in &self.rows {
            for clause in row.pieces.split(|piece| self.connects[*piece] || self.leads[*piece]) {
                let enough = clause.len() == 1 || clause.get(1).is_some_and(|second| loose[*second]);
                if let Some(&first) = clause.first() {
                    self.clauses[first] |= enough;
                }
            }
        }
    }

    fn find_leads(&mut self) {
        self.leads = (0..self.pieces.len())
            .map(|place| {
                let states = self.after[place].keys().filter(|next| self.states[**next]).count();
                self.states[place] && states >= 2 && 2 * states >= self.after[place].len()
            })
            .collect();
    }

    fn read_orders(&mut self) {
        for row in &self.rows {
            for clause in row.pieces.split(|piece| self.connects[*piece] || self.leads[*piece]) {
                for (at, &first) in clause.iter().enumerate() {
                    for &second in &clause[at + 1..] {
                        self.orders.0[first].insert(second);
                        self.orders.1[second].insert(first);
                    }
                }
            }
        }
    }

    /// Pieces that share contexts: on the left, and on the right.
    fn find_alike(&self) -> (Vec<Bits>, Vec<Bits>) {
        // The words of a piece that meet it are contexts too; their numbers come after those of the pieces.
        let mut numbers: BTreeMap<(u8, &str), Place> = BTreeMap::new();
        let mut contexts = |meetings: &[BTreeMap<Place, Meeting>], left: bool| -> Vec<BTreeSet<Place>> {
            let mut all = Vec::with_capacity(meetings.len());
            for meetings in meetings {
                let mut here: BTreeSet<Place> = meetings.keys().copied().collect();
                for other in meetings.keys() {
                    let other = &self.pieces[*other];
                    for (side, words) in [(0, &other.known), (1, &other.target)] {
                        let word = if left { words.last() } else { words.first() };
                        let next = self.pieces.len() + numbers.len();
                        here.extend(word.map(|word| *numbers.entry((side, word.as_str())).or_insert(next)));
                    }
                }
                all.push(here);
            }
            all
        };
        let (before, after) = (contexts(&self.before, true), contexts(&self.after, false));
        (self.sharing(&before), self.sharing(&after))
    }

    fn sharing(&self, contexts: &[BTreeSet<Place>]) -> Vec<Bits> {
        let mut having: BTreeMap<Place, Vec<Place>> = BTreeMap::new();
        for (piece, contexts) in contexts.iter().enumerate() {
            for &context in contexts {
                having.entry(context).or_default().push(piece);
            }
        }
        let mut found = vec![Bits::default(); contexts.len()];
        let mut counts: Vec<(usize, usize)> = vec![(0, 0); contexts.len()];
        for a in 0..contexts.len() {
            counts.fill((0, 0));
            for pieces in contexts[a].iter().filter_map(|context| having.get(context)) {
                let rare = usize::from(pieces.len() < COMMON);
                for &b in pieces {
                    counts[b].0 += 1;
                    counts[b].1 += rare;
                }
            }
            for (b, &(all, telling)) in counts.iter().enumerate().filter(|(b, (all, _))| *b != a && *all > 0)
            {
                let fewest = contexts[a].len().min(contexts[b].len());
                let much = all >= 2 && telling >= 1 && 5 * all >= 2 * fewest;
                if much || (3 * all >= fewest && self.same_form(a, b)) {
                    found[a].insert(b);
                }
            }
        }
        found
    }

    /// Whether two pieces look as if they were of one kind: as many words on both sides, and the same ending.
    fn same_form(&self, a: Place, b: Place) -> bool {
        let (a, b) = (&self.pieces[a], &self.pieces[b]);
        a.known.len() == b.known.len()
            && a.target.len() == b.target.len()
            && a.target.last().map(|word| ending(word)) == b.target.last().map(|word| ending(word))
            && (a.known.len() == 1 || a.known.first() == b.known.first())
    }

    /// What follows a piece may follow one that stands where it does; and so on the other side.
    fn add_alike(&mut self) {
        let mut support: HashMap<(Place, Place), usize> = HashMap::new();
        for (a, nexts) in self.after.iter().enumerate() {
            for &b in nexts.keys() {
                let firsts = self.alike.1[a].iter().map(|other| (other, b, self.same_form(a, other)));
                let seconds = self.alike.0[b].iter().map(|other| (a, other, self.same_form(b, other)));
                for (first, second, same) in firsts.chain(seconds) {
                    *support.entry((first, second)).or_default() += if same { 2 } else { 1 };
                }
            }
        }
        for ((first, second), _) in support.into_iter().filter(|(_, support)| *support >= 2) {
            self.may_follow(first, second, Meeting::Alike);
        }
    }

    /// Where both languages have the two words that meet, the pieces may meet.
    fn add_words(&mut self, legos: &LegoPairs) {
        let known = Runs::of(legos.seeds.iter().map(|seed| &seed.seed_pair.known));
        let target = Runs::of(legos.seeds.iter().map(|seed| &seed.seed_pair.target));
        let mut starting: HashMap<&str, Vec<Place>> = HashMap::new();
        let mut ending: HashMap<&str, Vec<Place>> = HashMap::new();
        for (place, piece) in self.pieces.iter().enumerate() {
            if let (Some(first), Some(last)) = (piece.known.first(), piece.known.last()) {
                starting.entry(first).or_default().push(place);
                ending.entry(last).or_default().push(place);
            }
        }
        let mut found = Vec::new();
        for (first, second) in &known.pairs {
            let ends = ending.get(first.as_str()).into_iter().flatten();
            for &a in ends {
                for &b in starting.get(second.as_str()).into_iter().flatten() {
                    let (first, second) = (&self.pieces[a], &self.pieces[b]);
                    if known.meet(&first.known, &second.known) && target.meet(&first.target, &second.target) {
                        found.push((a, b));
                    }
                }
            }
        }
        for (a, b) in found {
            self.may_follow(a, b, Meeting::Words);
        }
    }

    /// What joins sentences may stand between any end and any beginning of what is no question.
    fn add_joined(&mut self) {
        let joins = |piece: &Place| self.connects[*piece] || self.leads[*piece];
        for joint in (0..self.pieces.len()).filter(joins).collect::<Vec<_>>() {
            for place in 0..self.pieces.len() {
                if self.states[place] && !self.leads[place] {
                    self.may_follow(joint, place, Meeting::Joined);
                }
                if self.ends[place] && self.connects[joint] {
                    self.may_follow(place, joint, Meeting::Joined);
                }
            }
        }
    }

    fn may_follow(&mut self, first: Place, second: Place, meeting: Meeting) {
        if first == second {
            return;
        }
        for (meetings, other) in [(&mut self.after[first], second), (&mut self.before[second], first)] {
            let known = meetings.entry(other).or_insert(meeting);
            *known = (*known).max(meeting);
        }
    }

    /// Whether a sentence has these three in a row; then whether at least one of them can be replaced by a piece that stands
    /// where it does, so that a sentence has them. [`EDGE`] stands for the edge of a sentence.
    #[must_use]
    pub fn has_triple(&self, a: Place, b: Place, c: Place) -> (bool, bool) {
        let edge = self.pieces.len();
        let (a, c) = (a.min(edge), c.min(edge));
        let triples = &self.triples;
        let seen = triples.last.get(&(a, b)).is_some_and(|lasts| lasts.contains(c));
        let meets =
            |set: Option<&Bits>, alike: Option<&Bits>| set.zip(alike).is_some_and(|(a, b)| a.meets(b));
        let nearly = || {
            meets(triples.first.get(&(b, c)), self.alike.1.get(a))
                || meets(triples.last.get(&(a, b)), self.alike.0.get(c))
                || triples
                    .middle
                    .get(&(a, c))
                    .is_some_and(|set| set.meets_both(&self.alike.0[b], &self.alike.1[b]))
        };
        (seen, seen || nearly())
    }

    /// Whether one piece goes before another in some clause; then whether at least those do that stand where they do.
    #[must_use]
    pub fn has_order(&self, first: Place, second: Place) -> (bool, bool) {
        let seen = self.orders.0[first].contains(second);
        let nearly = || {
            self.orders.1[second].meets(&self.alike.1[first])
                || self.orders.0[first].meets(&self.alike.0[second])
        };
        (seen, seen || nearly())
    }

    /// Whether something begins with the piece that is no question.
    #[must_use]
    pub fn states(&self, piece: Place) -> bool {
        self.states[piece]
    }

    /// Whether the piece joins what could be two sentences.
    #[must_use]
    pub fn connects(&self, piece: Place) -> bool {
        self.connects[piece]
    }

    /// Whether the piece comes before what could be a sentence.
    #[must_use]
    pub fn leads(&self, piece: Place) -> bool {
        self.leads[piece]
    }

    /// Whether the piece can be all that stands between what joins sentences.
    #[must_use]
    pub fn is_clause(&self, piece: Place) -> bool {
        self.clauses[piece]
    }

    /// Whether two pieces answer the same question, as "today" and "tomorrow" do: a phrase has one of them.
    #[must_use]
    pub fn are_alike(&self, a: Place, b: Place) -> bool {
        self.alike.0[a].contains(b)
    }

    /// Whether a sentence begins with the piece.
    #[must_use]
    pub fn begins(&self, piece: Place) -> bool {
        self.begins[piece]
    }

    /// Whether a sentence ends with the piece.
    #[must_use]
    pub fn ends(&self, piece: Place) -> bool {
        self.ends[piece]
    }
}

fn row(seed: &SeedLegos, places: &HashMap<String, Place>) -> Row {
    let first_taught = |id: &String| {
        let lego = seed.legos.iter().find(|lego| lego.id == *id)?;
        let place = *places.get(lego.first_taught.as_ref().unwrap_or(&lego.id))?;
        Some((place, &lego.lego))
    };
    let tiles: Vec<(Place, &Pair)> = seed.tiling.iter().filter_map(first_taught).collect();
    let sentence = normal_words(&seed.seed_pair.known);
    let spans = spans(&sentence, &tiles);
    let follows = |at: usize| match (&spans[at], &spans[at + 1]) {
        (Some(a), Some(b)) => a.1 == b.0,
        _ => false,
    };
    let follows: Vec<bool> = (0..tiles.len().saturating_sub(1)).map(follows).collect();
    Row {
        begins: spans.first().is_some_and(|span| span.is_some_and(|span| span.0 == 0)),
        ends: spans.last().is_some_and(|span| span.is_some_and(|span| span.1 == sentence.len())),
        pieces: tiles.iter().map(|(place, _)| *place).collect(),
        follows,
        asks: seed.seed_pair.target.trim_end().ends_with(['?', '？', '؟']),
    }
}

/// Where each tile's known words stand in the known sentence.
fn spans(sentence: &[String], tiles: &[(Place, &Pair)]) -> Vec<Option<(usize, usize)>> {
    let mut taken = vec![false; sentence.len()];
    tiles
        .iter()
        .map(|(_, pair)| {
            let words = normal_words(&normal(&pair.known));
            let last = sentence.len().checked_sub(words.len())?;
            let start = (0..=last).find(|&start| {
                sentence[start..start + words.len()] == words[..]
                    && !taken[start..start + words.len()].contains(&true)
            })?;
            taken[start..start + words.len()].fill(true);
            Some((start, start + words.len()))
        })
        .collect()
}
