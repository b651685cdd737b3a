//! What the seeds show: which LEGO follows which, in both languages in the same order, and which LEGOs are of one kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    model::{LegoPairs, Pair, SeedLegos},
    text::{normal, normal_words},
};

/// A LEGO of the course, by its place in the order of teaching.
pub type Place = usize;

/// A LEGO as it is used in phrases.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The id under which it is first taught.
    pub id: String,
    /// Its texts.
    pub pair: Pair,
    /// The number of the seed that teaches it.
    pub seed: usize,
    /// What kind of piece it is, as far as its form shows.
    pub kind: String,
}

/// A seed as a row of pieces.
#[derive(Debug, Clone)]
pub struct Row {
    /// In the order of the target text.
    pub pieces: Vec<Place>,
    /// Whether a piece is followed by the next one in the known text too.
    pub follows: Vec<bool>,
    /// Whether the known text begins with the first piece, and ends with the last.
    pub begins: bool,
    /// Whether the known text ends with the last piece.
    pub ends: bool,
    /// Whether the order is the same in both languages from end to end.
    pub whole: bool,
}

/// All pieces and what the seeds show of them.
#[derive(Debug)]
pub struct Evidence {
    /// In the order of teaching.
    pub pieces: Vec<Piece>,
    /// One for each seed.
    pub rows: Vec<Row>,
}

/// What is known at one moment of the course: from the seeds up to then, among the pieces up to then.
#[derive(Debug, Default)]
pub struct Known {
    /// What follows a piece.
    pub after: BTreeMap<Place, BTreeSet<Place>>,
    /// What goes before a piece.
    pub before: BTreeMap<Place, BTreeSet<Place>>,
    /// How often a kind is followed by another.
    kinds: HashMap<(String, String), usize>,
    /// Three in a row that a seed has.
    triples: BTreeSet<(Place, Place, Place)>,
    /// Pieces that begin a sentence.
    pub first: BTreeSet<Place>,
    /// Pieces that end one.
    pub last: BTreeSet<Place>,
    by_kind: HashMap<String, Vec<Place>>,
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
                let (pair, kind) = (lego.lego.clone(), kind(&lego.lego));
                pieces.push(Piece { id: lego.id.clone(), pair, seed: number, kind });
            }
        }
        let rows = legos.seeds.iter().map(|seed| row(seed, &places)).collect();
        Self { pieces, rows }
    }

    /// What is known after the first so many seeds, among the pieces before a place.
    #[must_use]
    pub fn known(&self, seeds: usize, pieces: Place) -> Known {
        let mut known = Known::default();
        for row in &self.rows[..seeds.min(self.rows.len())] {
            known.add(row, &self.pieces, pieces);
        }
        for (place, piece) in self.pieces[..pieces].iter().enumerate() {
            known.by_kind.entry(piece.kind.clone()).or_default().push(place);
        }
        known
    }
}

impl Known {
    fn add(&mut self, row: &Row, pieces: &[Piece], upto: Place) {
        for (at, pair) in row.pieces.windows(2).enumerate() {
            let (a, b) = (pair[0], pair[1]);
            if !row.follows[at] {
                continue;
            }
            *self.kinds.entry((pieces[a].kind.clone(), pieces[b].kind.clone())).or_default() += 1;
            if a < upto && b < upto {
                self.after.entry(a).or_default().insert(b);
                self.before.entry(b).or_default().insert(a);
            }
        }
        for (at, three) in row.pieces.windows(3).enumerate() {
            if row.follows[at] && row.follows[at + 1] {
                self.triples.insert((three[0], three[1], three[2]));
            }
        }
        if let (Some(first), Some(last)) = (row.pieces.first(), row.pieces.last()) {
            if row.begins {
                self.first.insert(*first);
            }
            if row.ends {
                self.last.insert(*last);
            }
        }
    }

    /// Whether a seed has these three in a row.
    #[must_use]
    pub fn has_triple(&self, a: Place, b: Place, c: Place) -> bool {
        self.triples.contains(&(a, b, c))
    }

    /// What may follow a piece: what a seed shows, and pieces of the kinds of those.
    #[must_use]
    pub fn may_follow(&self, pieces: &[Piece], piece: Place) -> Vec<(Place, bool)> {
        self.spread(pieces, self.after.get(&piece), |kind| (pieces[piece].kind.clone(), kind))
    }

    /// What may go before a piece.
    #[must_use]
    pub fn may_precede(&self, pieces: &[Piece], piece: Place) -> Vec<(Place, bool)> {
        self.spread(pieces, self.before.get(&piece), |kind| (kind, pieces[piece].kind.clone()))
    }

    /// Seen ones first; then, where kinds have met at least twice, others of a kind that is more than "some words".
    fn spread(
        &self,
        pieces: &[Piece],
        seen: Option<&BTreeSet<Place>>,
        order: impl Fn(String) -> (String, String),
    ) -> Vec<(Place, bool)> {
        let mut found: Vec<(Place, bool)> = seen.into_iter().flatten().map(|place| (*place, true)).collect();
        let kinds: BTreeSet<&String> = self.by_kind.keys().collect();
        for kind in kinds {
            let often = self.kinds.get(&order(kind.clone())).copied().unwrap_or(0);
            if often < 2 || kind.starts_with('?') {
                continue;
            }
            // The latest of a kind are those that need practice.
            for place in self.by_kind[kind].iter().rev().take(12) {
                if !found.iter().any(|(known, _)| known == place) && !pieces[*place].pair.target.is_empty() {
                    found.push((*place, false));
                }
            }
        }
        found
    }
}

/// The form of a piece: its function words, and how its last word ends in the target language. Pieces whose form says little
/// begin with a question mark and are only used where a seed shows them.
fn kind(pair: &Pair) -> String {
    let known = normal_words(&pair.known);
    let target = normal_words(&pair.target);
    let last = target.last().map(String::as_str).unwrap_or_default();
    let infinitive = ["ar", "er", "ir"].iter().any(|ending| last.ends_with(ending)) && target.len() == 1;
    let starts = known.first().map(String::as_str).unwrap_or_default();
    match starts {
        "to" if known.len() > 1 && infinitive => "to do".to_owned(),
        "with" | "in" | "at" | "for" | "on" if target.len() > 1 || known.len() > 1 => format!("{starts} …"),
        "today" | "tomorrow" | "now" | "later" | "yesterday" | "tonight" => "when".to_owned(),
        _ => format!("?{}", known.join(" ")),
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
        whole: follows.iter().all(|follows| *follows),
        pieces: tiles.iter().map(|(place, _)| *place).collect(),
        follows,
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
