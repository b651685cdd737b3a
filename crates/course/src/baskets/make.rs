//! Puts phrases together and picks those worth saying: two of one or two LEGOs, two of three, two of four, four of five and
//! more, as far as what is known allows. The LEGO itself is always one; a seed's last LEGO also gets the whole sentence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::{Evidence, Known, Place};
use crate::{
    model::{Basket, LegoPairs, Pair, Phrase},
    text::{is_unspaced, normal},
};

/// How many phrases of which length: longest number of LEGOs, and how many.
const WANTED: [(usize, usize); 4] = [(2, 2), (3, 2), (4, 2), (7, 4)];
/// Phrases wanted in all.
const ALL: usize = 10;
/// Rows looked at for one LEGO.
const TRIED: usize = 4_000;
/// Pieces tried on each side of a row.
const WIDTH: usize = 14;

/// A row of pieces on its way to being a phrase.
#[derive(Debug, Clone)]
struct Candidate {
    pieces: Vec<Place>,
    /// Steps that no seed shows.
    guessed: usize,
    score: f64,
}

/// Makes the baskets of some seeds.
#[derive(Debug)]
pub struct Maker<'a> {
    legos: &'a LegoPairs,
    evidence: Evidence,
    /// What each known text means, so that no phrase contradicts another.
    meanings: HashMap<String, String>,
}

impl<'a> Maker<'a> {
    /// Reads a course.
    #[must_use]
    pub fn new(legos: &'a LegoPairs) -> Self {
        let mut meanings = HashMap::new();
        for seed in &legos.seeds {
            meanings.insert(normal_text(&seed.seed_pair.known), normal_text(&seed.seed_pair.target));
            for lego in &seed.legos {
                meanings.insert(normal_text(&lego.lego.known), normal_text(&lego.lego.target));
            }
        }
        Self { legos, evidence: Evidence::of(legos), meanings }
    }

    /// The baskets of the seeds from one number up to another, by LEGO id.
    #[must_use]
    pub fn baskets(&self, seeds: std::ops::Range<usize>) -> BTreeMap<String, Basket> {
        let mut baskets = BTreeMap::new();
        for number in seeds {
            let taught: Vec<Place> = (0..self.evidence.pieces.len())
                .filter(|place| self.evidence.pieces[*place].seed == number)
                .collect();
            for (nth, &place) in taught.iter().enumerate() {
                let last = nth + 1 == taught.len();
                baskets.insert(self.evidence.pieces[place].id.clone(), self.basket(number, place, last));
            }
        }
        baskets
    }

    fn basket(&self, seed: usize, place: Place, last: bool) -> Basket {
        let piece = &self.evidence.pieces[place];
        let known = self.evidence.known(seed + 1, place + 1);
        let mut phrases = vec![self.phrase(&[place])];
        let mut texts = BTreeSet::from([normal_text(&piece.pair.known)]);
        let candidates = self.candidates(&known, place);
        let first_of_all = place == 0;
        for (longest, wanted) in WANTED.into_iter().filter(|_| !first_of_all) {
            let shortest =
                WANTED.iter().rev().find(|(other, _)| *other < longest).map_or(1, |(other, _)| other + 1);
            let mut have =
                phrases.iter().filter(|phrase| (shortest..=longest).contains(&phrase.legos.len())).count();
            for candidate in candidates.iter().filter(|c| (shortest..=longest).contains(&c.pieces.len())) {
                if have >= wanted {
                    break;
                }
                let phrase = self.phrase(&candidate.pieces);
                if self.contradicts(&phrase) || !texts.insert(normal_text(&phrase.known)) {
                    continue;
                }
                have += 1;
                phrases.push(phrase);
            }
        }
        if last {
            self.add_sentence(seed, &mut phrases);
        }
        let note = (phrases.len() < ALL).then(|| self.note(place, &known, phrases.len()));
        phrases.sort_by_key(|phrase| phrase.legos.len());
        Basket {
            lego: piece.pair.clone(),
            is_final_lego: last,
            phrase_count: phrases.len(),
            practice_phrases: phrases,
            note,
        }
    }

    fn note(&self, place: Place, known: &Known, have: usize) -> String {
        if place == 0 {
            return "the first LEGO of a course can only be said by itself".to_owned();
        }
        let neighbours = known.may_follow(&self.evidence.pieces, place).len()
            + known.may_precede(&self.evidence.pieces, place).len();
        match neighbours {
            0 => format!(
                "{have} of {ALL}: no LEGO taught so far goes before or after it in any sentence so far"
            ),
            _ => format!(
                "{have} of {ALL}: the LEGOs taught so far allow no more phrases that a sentence bears out"
            ),
        }
    }

    /// The whole sentence, at the seed's last LEGO.
    fn add_sentence(&self, seed: usize, phrases: &mut Vec<Phrase>) {
        let pair = &self.legos.seeds[seed].seed_pair;
        phrases.retain(|phrase| normal_text(&phrase.known) != normal_text(&pair.known));
        let row = &self.evidence.rows[seed];
        let legos = row.pieces.iter().map(|piece| self.evidence.pieces[*piece].id.clone()).collect();
        phrases.push(Phrase { known: pair.known.clone(), target: pair.target.clone(), legos });
    }

    fn contradicts(&self, phrase: &Phrase) -> bool {
        let means = self.meanings.get(&normal_text(&phrase.known));
        means.is_some_and(|means| *means != normal_text(&phrase.target))
    }

    fn phrase(&self, pieces: &[Place]) -> Phrase {
        let text = |side: fn(&Pair) -> &String| {
            let parts: Vec<&str> =
                pieces.iter().map(|piece| side(&self.evidence.pieces[*piece].pair).as_str()).collect();
            if parts.iter().any(|part| is_unspaced(part)) { parts.concat() } else { parts.join(" ") }
        };
        Phrase {
            known: text(|pair| &pair.known),
            target: text(|pair| &pair.target),
            legos: pieces.iter().map(|piece| self.evidence.pieces[*piece].id.clone()).collect(),
        }
    }

    /// Rows with the piece in them, the best first.
    fn candidates(&self, known: &Known, place: Place) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let mut open = vec![Candidate { pieces: vec![place], guessed: 0, score: 0.0 }];
        let mut seen = BTreeSet::new();
        while let Some(row) = open.pop() {
            if row.pieces.len() >= WANTED[3].0 || found.len() + open.len() > TRIED {
                continue;
            }
            for longer in self.grow(known, &row) {
                if seen.insert(longer.pieces.clone()) {
                    open.insert(0, longer.clone());
                    found.push(longer);
                }
            }
        }
        for candidate in &mut found {
            candidate.score = self.score(known, candidate);
        }
        found.retain(|candidate| candidate.score > 0.0);
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.pieces.cmp(&b.pieces)));
        spread(found)
    }

    /// The row with one more piece, behind or in front.
    fn grow(&self, known: &Known, row: &Candidate) -> Vec<Candidate> {
        let pieces = &self.evidence.pieces;
        let (first, last) = (row.pieces[0], row.pieces[row.pieces.len() - 1]);
        let mut grown = Vec::new();
        let mut add = |place: Place, seen: bool, behind: bool| {
            let guessed = row.guessed + usize::from(!seen);
            if row.pieces.contains(&place) || guessed > 1 {
                return;
            }
            let mut longer = row.pieces.clone();
            if behind {
                longer.push(place)
            } else {
                longer.insert(0, place)
            }
            grown.push(Candidate { pieces: longer, guessed, score: 0.0 });
        };
        if !known.last.contains(&last) || row.pieces.len() == 1 || known.after.contains_key(&last) {
            for (place, seen) in known.may_follow(pieces, last).into_iter().take(WIDTH) {
                add(place, seen, true);
            }
        }
        if !known.first.contains(&first) || row.pieces.len() == 1 {
            for (place, seen) in known.may_precede(pieces, first).into_iter().take(WIDTH) {
                add(place, seen, false);
            }
        }
        grown
    }

    /// How much a row is worth: borne out by seeds, a whole sentence where it is long, of recent LEGOs.
    fn score(&self, known: &Known, row: &Candidate) -> f64 {
        let pieces = &row.pieces;
        let triples = pieces.windows(3).filter(|t| known.has_triple(t[0], t[1], t[2])).count();
        let unseen = pieces.len().saturating_sub(2) - triples;
        let begins = known.first.contains(&pieces[0]);
        let ends = known.last.contains(&pieces[pieces.len() - 1]);
        if pieces.len() >= 3 && !(begins && ends) {
            return 0.0;
        }
        let newest = pieces.iter().map(|piece| self.evidence.pieces[*piece].seed).max().unwrap_or(0);
        let recent = pieces.iter().filter(|piece| self.evidence.pieces[**piece].seed + 10 >= newest).count();
        let whole = f64::from(u8::from(begins)) + f64::from(u8::from(ends));
        10.0 + 2.0 * whole + triples as f64 + 0.3 * recent as f64
            - 1.5 * unseen as f64
            - 2.0 * row.guessed as f64
    }
}

/// Puts rows that repeat what better ones have said behind others.
fn spread(sorted: Vec<Candidate>) -> Vec<Candidate> {
    let mut uses: HashMap<Place, usize> = HashMap::new();
    let mut with_rank: Vec<(f64, usize, Candidate)> = sorted
        .into_iter()
        .enumerate()
        .map(|(rank, candidate)| {
            let repeated: usize =
                candidate.pieces.iter().map(|piece| uses.get(piece).copied().unwrap_or(0).min(6)).sum();
            for piece in &candidate.pieces {
                *uses.entry(*piece).or_default() += 1;
            }
            (candidate.score - 0.25 * repeated as f64 / candidate.pieces.len() as f64, rank, candidate)
        })
        .collect();
    with_rank.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    with_rank.into_iter().map(|(.., candidate)| candidate).collect()
}

/// A text without its punctuation, as it is compared.
fn normal_text(text: &str) -> String {
    normal(&crate::text::normal_words(text).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{extraction::extract, model::SeedPairs, text::normal_words};

    fn legos() -> LegoPairs {
        let lines = include_str!("../../seeds/memory/eng-spa.tsv").lines().take(150);
        let translations =
            lines.filter_map(|line| line.split_once('\t')).enumerate().map(|(n, (known, target))| {
                (format!("S{:04}", n + 1), Pair { known: known.to_owned(), target: target.to_owned() })
            });
        let pairs = SeedPairs {
            version: crate::model::FORMAT_VERSION.to_owned(),
            course: "spa_for_eng".to_owned(),
            target_language: "spa".to_owned(),
            known_language: "eng".to_owned(),
            total_seeds: 150,
            translations: translations.collect(),
            held_back: BTreeMap::new(),
        };
        extract(&pairs, None).legos
    }

    #[test]
    fn phrases_use_only_what_was_taught_and_hold_their_lego() {
        let legos = legos();
        let baskets = Maker::new(&legos).baskets(0..legos.seeds.len());
        let mut taught: BTreeSet<String> = BTreeSet::new();
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for seed in &legos.seeds {
            for lego in seed.legos.iter().filter(|lego| lego.new) {
                taught.extend(normal_words(&lego.lego.target));
                ids.insert(lego.id.clone());
                let basket = &baskets[&lego.id];
                assert!(basket.phrase_count > 0 && basket.phrase_count == basket.practice_phrases.len());
                assert!(basket.phrase_count >= ALL || basket.note.is_some());
                let texts: BTreeSet<String> =
                    basket.practice_phrases.iter().map(|phrase| normal_text(&phrase.known)).collect();
                assert_eq!(texts.len(), basket.phrase_count, "{}: a phrase twice", lego.id);
                for phrase in &basket.practice_phrases {
                    assert!(phrase.legos.contains(&lego.id), "{} in {phrase:?}", lego.id);
                    assert!(phrase.legos.iter().all(|id| ids.contains(id)), "{phrase:?}");
                    assert!(
                        normal_words(&phrase.target).iter().all(|word| taught.contains(word)),
                        "{phrase:?}"
                    );
                }
                let sentence =
                    basket.practice_phrases.iter().any(|phrase| phrase.known == seed.seed_pair.known);
                assert!(!basket.is_final_lego || sentence, "{}", lego.id);
            }
        }
        assert_eq!(baskets.len(), ids.len());
        if std::env::var_os("SHOW").is_some() {
            let all: usize = baskets.values().map(|b| b.phrase_count).sum();
            println!("SHOW {} baskets {all} phrases", baskets.len());
            for (id, basket) in baskets.iter().filter(|(id, _)| id.ends_with("3L01") || id.ends_with("7L01"))
            {
                for phrase in &basket.practice_phrases {
                    println!("SHOW {id} {} = {}", phrase.known, phrase.target);
                }
            }
        }
    }
}
