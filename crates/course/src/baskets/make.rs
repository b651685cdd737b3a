//! Puts phrases together and picks those worth saying: two of one or two LEGOs, two of three, two of four, four of five and
//! more, as far as what is known allows. The LEGO itself is always one; a seed's last LEGO also gets the whole sentence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    grow::{Grower, Phrasing},
    kept::Kept,
    model::{Evidence, Place},
};
use crate::{
    model::{Basket, LegoPairs, Pair, Phrase},
    text::{is_unspaced, normal},
};

/// How many phrases of which length: fewest and most LEGOs, and how many.
const WANTED: [(usize, usize, usize); 4] = [(1, 2, 2), (3, 3, 2), (4, 4, 2), (5, usize::MAX, 4)];
/// Phrases wanted in all.
const ALL: usize = 10;
/// What a phrase loses for each LEGO that a phrase chosen before has too, as a share of its LEGOs.
const REPEATED: f64 = 2.0;

/// Makes the baskets of some seeds.
#[derive(Debug)]
pub struct Maker<'a> {
    legos: &'a LegoPairs,
    evidence: Evidence,
    /// What each known text means, so that no phrase contradicts another.
    meanings: HashMap<String, String>,
    /// Where each LEGO is taught.
    places: HashMap<Pair, Place>,
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
        let evidence = Evidence::of(legos);
        let places =
            evidence.pieces.iter().enumerate().map(|(place, piece)| (piece.pair.clone(), place)).collect();
        Self { legos, evidence, meanings, places }
    }

    /// The baskets of the seeds from one number up to another, by LEGO id. Phrases that were kept stay where they still stand.
    #[must_use]
    pub fn baskets(&self, seeds: std::ops::Range<usize>, kept: &Kept) -> BTreeMap<String, Basket> {
        let mut baskets = BTreeMap::new();
        for number in seeds {
            let taught: Vec<Place> = (0..self.evidence.pieces.len())
                .filter(|place| self.evidence.pieces[*place].seed == number)
                .collect();
            for (nth, &place) in taught.iter().enumerate() {
                let last = nth + 1 == taught.len();
                baskets
                    .insert(self.evidence.pieces[place].id.clone(), self.basket(number, place, last, kept));
            }
        }
        baskets
    }

    fn basket(&self, seed: usize, place: Place, last: bool, kept: &Kept) -> Basket {
        let mut chosen = Chosen::default();
        if last {
            let pair = &self.legos.seeds[seed].seed_pair;
            let row = &self.evidence.rows[seed].pieces;
            let legos = row.iter().map(|piece| self.evidence.pieces[*piece].id.clone()).collect();
            let phrase = Phrase { known: pair.known.clone(), target: pair.target.clone(), legos };
            chosen.add(row, phrase);
        }
        chosen.add(&[place], self.phrase(&[place]));
        for pieces in kept.phrases(&self.evidence.pieces[place].pair) {
            if let Some(row) = self.still_stands(&pieces, place).filter(|_| chosen.phrases.len() < ALL) {
                chosen.add(&row, self.phrase(&row));
            }
        }
        let phrasings = if place == 0 || chosen.phrases.len() >= ALL {
            Vec::new()
        } else {
            Grower { evidence: &self.evidence, lego: place }.phrasings()
        };
        let mut left: Vec<(Phrasing, Phrase)> = phrasings
            .into_iter()
            .filter(|phrasing| !self.contradicts(&phrasing.pieces))
            .map(|phrasing| {
                let phrase = self.phrase(&phrasing.pieces);
                (phrasing, phrase)
            })
            .collect();
        for (fewest, most, wanted) in WANTED {
            let fits = |pieces: usize| (fewest..=most).contains(&pieces);
            while chosen.phrases.len() < ALL
                && chosen.phrases.iter().filter(|phrase| fits(phrase.legos.len())).count() < wanted
                && chosen.take_best(&mut left, fits)
            {}
        }
        // What one length lacks, others make up for, but not the shortest: they say least.
        for (fewest, most, _) in WANTED.into_iter().skip(1).rev() {
            while chosen.phrases.len() < ALL && chosen.take_best(&mut left, |n| (fewest..=most).contains(&n))
            {
            }
        }
        let mut phrases = chosen.phrases;
        let note = (phrases.len() < ALL).then(|| self.note(place, phrases.len()));
        phrases.sort_by_key(|phrase| phrase.legos.len());
        Basket {
            lego: self.evidence.pieces[place].pair.clone(),
            is_final_lego: last,
            phrase_count: phrases.len(),
            practice_phrases: phrases,
            note,
        }
    }

    /// The places of a kept phrase's LEGOs, where all of them are taught by then, in a phrase that practises the LEGO.
    fn still_stands(&self, pieces: &[Pair], lego: Place) -> Option<Vec<Place>> {
        let row: Vec<Place> =
            pieces.iter().map(|pair| self.places.get(pair).copied()).collect::<Option<_>>()?;
        let stands = row.contains(&lego) && row.iter().all(|place| *place <= lego) && !self.contradicts(&row);
        stands.then_some(row)
    }

    fn note(&self, place: Place, have: usize) -> String {
        if place == 0 {
            return "the first LEGO of a course can only be said by itself".to_owned();
        }
        let taught = |meetings: &BTreeMap<Place, super::model::Meeting>| meetings.range(..place).count();
        match taught(&self.evidence.after[place]) + taught(&self.evidence.before[place]) {
            0 => format!("{have} of {ALL}: no LEGO taught so far goes before or after it in any sentence"),
            _ => format!(
                "{have} of {ALL}: the LEGOs taught so far allow no more phrases that sentences bear out"
            ),
        }
    }

    /// Whether the known text of some of the pieces in a row means something else than they do: as a LEGO or a whole sentence.
    fn contradicts(&self, pieces: &[Place]) -> bool {
        (0..pieces.len()).any(|from| {
            let (mut known, mut target) = (String::new(), String::new());
            pieces[from..].iter().any(|piece| {
                let piece = &self.evidence.pieces[*piece];
                for (text, words) in [(&mut known, &piece.known), (&mut target, &piece.target)] {
                    for word in words {
                        text.extend((!text.is_empty()).then_some(' '));
                        text.push_str(word);
                    }
                }
                self.meanings.get(&known).is_some_and(|means| *means != target)
            })
        })
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
}

/// The phrases of a basket so far.
#[derive(Debug, Default)]
struct Chosen {
    phrases: Vec<Phrase>,
    texts: BTreeSet<String>,
    uses: BTreeMap<Place, usize>,
}

impl Chosen {
    /// Whether the phrase is there now and was not before.
    fn add(&mut self, pieces: &[Place], phrase: Phrase) -> bool {
        if !self.texts.insert(normal_text(&phrase.known)) {
            return false;
        }
        for piece in pieces {
            *self.uses.entry(*piece).or_default() += 1;
        }
        self.phrases.push(phrase);
        true
    }

    /// Takes the best of the phrases of a length, that which repeats little of the others; whether there was one.
    fn take_best(&mut self, left: &mut Vec<(Phrasing, Phrase)>, fits: impl Fn(usize) -> bool) -> bool {
        loop {
            let worth = |phrasing: &Phrasing| {
                let uses = |piece: &Place| self.uses.get(piece).copied().unwrap_or(0);
                let repeated: usize = phrasing.pieces.iter().map(uses).sum();
                phrasing.score - REPEATED * repeated as f64 / phrasing.pieces.len() as f64
            };
            let best = left
                .iter()
                .enumerate()
                .filter(|(_, (phrasing, _))| fits(phrasing.pieces.len()))
                .map(|(at, (phrasing, _))| (worth(phrasing), at))
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let Some((_, at)) = best else { return false };
            let (phrasing, phrase) = left.swap_remove(at);
            if self.add(&phrasing.pieces, phrase) {
                return true;
            }
        }
    }
}

/// A text without its punctuation, as it is compared.
fn normal_text(text: &str) -> String {
    normal(&crate::text::normal_words(text).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{extraction::extract, model::SeedPairs, text::normal_words};

    fn nothing() -> Kept {
        Kept::of(None, "spa_for_eng")
    }

    fn legos() -> LegoPairs {
        extract(&pairs(150), None).legos
    }

    fn pairs(count: usize) -> SeedPairs {
        let lines = include_str!("../../seeds/memory/eng-spa.tsv").lines().take(count);
        let translations =
            lines.filter_map(|line| line.split_once('\t')).enumerate().map(|(n, (known, target))| {
                (format!("S{:04}", n + 1), Pair { known: known.to_owned(), target: target.to_owned() })
            });
        SeedPairs {
            version: crate::model::FORMAT_VERSION.to_owned(),
            course: "spa_for_eng".to_owned(),
            target_language: "spa".to_owned(),
            known_language: "eng".to_owned(),
            total_seeds: count,
            translations: translations.collect(),
            held_back: BTreeMap::new(),
        }
    }

    #[test]
    fn phrases_use_only_what_was_taught_and_hold_their_lego() {
        let legos = legos();
        let baskets = Maker::new(&legos).baskets(0..legos.seeds.len(), &nothing());
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
    }

    #[test]
    fn most_baskets_are_full_and_every_run_makes_the_same() {
        let legos = legos();
        let maker = Maker::new(&legos);
        let baskets = maker.baskets(0..legos.seeds.len(), &nothing());
        let phrases: Vec<&Phrase> = baskets.values().flat_map(|basket| &basket.practice_phrases).collect();
        let full = baskets.values().filter(|basket| basket.phrase_count >= ALL).count();
        assert!(2 * full >= baskets.len(), "{full} of {} baskets have ten phrases", baskets.len());
        assert!(phrases.len() >= 6 * baskets.len(), "{} phrases in {}", phrases.len(), baskets.len());
        let long = phrases.iter().filter(|phrase| phrase.legos.len() >= 4).count();
        assert!(3 * long >= phrases.len(), "{long} of {} phrases have four LEGOs and more", phrases.len());
        // Nothing means two things, in whatever basket it stands.
        let mut meanings: HashMap<String, String> = HashMap::new();
        for phrase in phrases {
            let target = normal_text(&phrase.target);
            let means = meanings.entry(normal_text(&phrase.known)).or_insert_with(|| target.clone());
            assert_eq!(*means, target, "{}", phrase.known);
        }
        // Seed by seed, as batches do it, by another maker.
        let again = Maker::new(&legos);
        for seed in [3, 70, 149] {
            assert!(
                again.baskets(seed..seed + 1, &nothing()).iter().all(|(id, basket)| baskets[id] == *basket)
            );
        }
    }

    #[test]
    fn three_changed_sentences_of_forty_leave_the_phrases_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(Some(folder.path()), "spa_for_eng");
        let before = pairs(40);
        let first = extract(&before, None).legos;
        let baskets = Maker::new(&first).baskets(0..40, &kept);
        let ids = first.seeds.iter().flat_map(|seed| &seed.legos).filter(|lego| lego.new);
        let ids = ids.map(|lego| (lego.id.as_str(), &lego.lego)).collect();
        baskets.values().for_each(|basket| kept.keep(basket, &ids).unwrap());
        // Kept phrases make the same baskets, to the byte.
        assert_eq!(Maker::new(&first).baskets(0..40, &kept), baskets);

        let mut after = before;
        for (id, known, target) in [
            ("S0012", "The window is open.", "La ventana está abierta."),
            ("S0023", "My brother sings badly.", "Mi hermano canta mal."),
            ("S0035", "We saw seven birds.", "Vimos siete pájaros."),
        ] {
            let pair = Pair { known: known.to_owned(), target: target.to_owned() };
            assert!(after.translations.insert(id.to_owned(), pair).is_some(), "{id}");
        }
        let second = extract(&after, Some(&first)).legos;
        let texts = |baskets: &BTreeMap<String, Basket>| -> BTreeSet<(String, String)> {
            let phrases = baskets.values().flat_map(|basket| &basket.practice_phrases);
            phrases.map(|phrase| (phrase.known.clone(), phrase.target.clone())).collect()
        };
        let (old, new) = (texts(&baskets), texts(&Maker::new(&second).baskets(0..40, &kept)));
        let anew = texts(&Maker::new(&second).baskets(0..40, &nothing()));
        let same = |with: &BTreeSet<(String, String)>| with.intersection(&old).count();
        assert!(same(&new) > same(&anew), "{} kept, {} without keeping", same(&new), same(&anew));
        let made = new.len() - same(&new);
        assert!(10 * made <= 3 * new.len(), "{made} of {} phrases are new", new.len());
        println!("{made} of {} phrases new; {} without keeping", new.len(), anew.len() - same(&anew));
    }
}
