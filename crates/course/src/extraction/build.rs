//! From blocks to LEGOs: first come, first served; one known text to one target text over the whole course.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    align::{Aligner, Numbers, Vocabulary},
    cut::{Cutter, Sentence},
    segment::Block,
    weak::Weak,
};
use crate::{
    model::{FORMAT_VERSION, Lego, LegoKind, LegoPairs, Pair, SeedLegos, SeedPairs},
    text::{join, normal, words},
};

/// What extraction made.
#[derive(Debug)]
pub struct Extraction {
    /// The file.
    pub legos: LegoPairs,
    /// Seeds that were cut as in the course before.
    pub reused: usize,
}

/// Takes all sentences apart. Of `before`, the course as it was, seeds whose sentences are the same keep their cuts where
/// these still hold, so that a few changed sentences do not change the others.
#[must_use]
pub fn extract(pairs: &SeedPairs, before: Option<&LegoPairs>) -> Extraction {
    let (mut known_words, mut target_words) = (Vocabulary::default(), Vocabulary::default());
    let proper = proper_words(pairs);
    let sentences: Vec<Sentence<'_>> = pairs
        .translations
        .iter()
        .map(|(id, pair)| {
            let known = inner_case(words(&pair.known), &proper.0);
            let target = inner_case(words(&pair.target), &proper.1);
            let number = |vocabulary: &mut Vocabulary, words: &[String]| {
                words.iter().map(|word| vocabulary.number(&normal(word))).collect::<Numbers>()
            };
            let numbers = (number(&mut known_words, &known), number(&mut target_words, &target));
            Sentence { id, pair, known, target, numbers }
        })
        .collect();
    let training: Vec<(Numbers, Numbers)> =
        sentences.iter().map(|sentence| sentence.numbers.clone()).collect();
    let aligner = Aligner::train(&training, &known_words, &target_words);
    let weak = (Weak::of(&pairs.known_language), Weak::of(&pairs.target_language));
    let cutter = Cutter::new(&sentences, &aligner, &weak);
    // A sentence means what it means as a whole, whatever its words mean elsewhere.
    let whole = |sentence: &Sentence<'_>| (normal(&join(&sentence.known)), normal(&join(&sentence.target)));
    let mut builder = Builder {
        aligner,
        known_words,
        owned: sentences.iter().rev().map(whole).collect(),
        first: HashMap::new(),
    };
    let earlier: BTreeMap<&str, &SeedLegos> =
        before.iter().flat_map(|before| &before.seeds).map(|seed| (seed.seed_id.as_str(), seed)).collect();
    let mut reused = 0;
    let mut seeds = Vec::with_capacity(sentences.len());
    for (at, sentence) in sentences.iter().enumerate() {
        let kept = earlier
            .get(sentence.id)
            .filter(|seed| seed.seed_pair == *sentence.pair)
            .and_then(|seed| builder.kept_blocks(sentence, seed));
        reused += usize::from(kept.is_some());
        let blocks = kept.unwrap_or_else(|| cutter.cut(at, |known| builder.owned.get(known).cloned()));
        seeds.push(builder.seed(sentence, &blocks));
    }
    let legos = LegoPairs { version: FORMAT_VERSION.to_owned(), course: pairs.course.clone(), seeds };
    Extraction { legos, reused }
}

/// Words that are written with a capital inside sentences: names, and the English I.
fn proper_words(pairs: &SeedPairs) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = (BTreeSet::new(), BTreeSet::new());
    for pair in pairs.translations.values() {
        for (text, proper) in [(&pair.known, &mut found.0), (&pair.target, &mut found.1)] {
            let inner = words(text).into_iter().skip(1);
            proper
                .extend(inner.filter(|word| word.starts_with(char::is_uppercase)).map(|word| normal(&word)));
        }
    }
    // A sentence may begin with one that stands nowhere else.
    found.0.extend(["i", "i'm", "i'd", "i'll", "i've", "i’m", "i’d", "i’ll", "i’ve"].map(str::to_owned));
    found
}

/// A sentence's first word loses the capital that it has only for being the first.
fn inner_case(mut words: Vec<String>, proper: &BTreeSet<String>) -> Vec<String> {
    if let Some(first) = words.first_mut()
        && !proper.contains(&normal(first))
    {
        *first = first.to_lowercase();
    }
    words
}

struct Builder {
    aligner: Aligner,
    known_words: Vocabulary,
    /// Known text to the target text that it means.
    owned: HashMap<String, String>,
    /// Known and target text to the id under which they were first taught.
    first: HashMap<(String, String), String>,
}

impl Builder {
    /// The cuts of the course before, where they still fit.
    fn kept_blocks(&self, sentence: &Sentence<'_>, seed: &SeedLegos) -> Option<Vec<Block>> {
        let by_id: BTreeMap<&str, &Lego> = seed.legos.iter().map(|lego| (lego.id.as_str(), lego)).collect();
        let mut taken = vec![false; sentence.known.len()];
        let mut blocks = Vec::new();
        let mut at = 0;
        for id in &seed.tiling {
            let lego = by_id.get(id.as_str())?;
            let (known, target) = (words(&lego.lego.known), words(&lego.lego.target));
            let end = at + target.len();
            if sentence.target.get(at..end)? != target.as_slice() {
                return None;
            }
            let start = (0..=sentence.known.len().checked_sub(known.len())?).find(|&start| {
                sentence.known[start..start + known.len()] == known[..]
                    && !taken[start..start + known.len()].contains(&true)
            })?;
            taken[start..start + known.len()].fill(true);
            blocks.push(Block { known: start..start + known.len(), target: at..end });
            at = end;
        }
        let whole = at == sentence.target.len() && !taken.contains(&false);
        (whole && self.contradiction(sentence, &blocks).is_none()).then_some(blocks)
    }

    /// A block whose known text means something else already, in the course or in the sentence itself.
    fn contradiction(&self, sentence: &Sentence<'_>, blocks: &[Block]) -> Option<usize> {
        let mut here: HashMap<String, String> = HashMap::new();
        (0..blocks.len()).filter(|_| blocks.len() > 1).find(|&at| {
            let pair = sentence.texts(&blocks[at]);
            let (known, target) = (normal(&pair.known), normal(&pair.target));
            let means = self.owned.get(&known).or_else(|| here.get(&known));
            let contradicts = means.is_some_and(|means| *means != target);
            here.insert(known, target);
            contradicts
        })
    }

    /// The LEGOs of a sentence that is cut; what is new in it is taught from here on.
    fn seed(&mut self, sentence: &Sentence<'_>, blocks: &[Block]) -> SeedLegos {
        let mut legos: Vec<(usize, Lego)> = Vec::new();
        let mut tiles = Vec::new();
        for block in blocks {
            let pair = sentence.texts(block);
            let same = |lego: &Lego| {
                normal(&lego.lego.known) == normal(&pair.known)
                    && normal(&lego.lego.target) == normal(&pair.target)
            };
            let place = legos.iter().position(|(_, lego)| same(lego)).unwrap_or_else(|| {
                let place = legos.len();
                legos.push((place, self.lego(sentence, block, pair)));
                place
            });
            tiles.push(place);
        }
        // What is one unit comes before what is made of several, so that a molecular LEGO is made of known parts.
        legos.sort_by_key(|(place, lego)| (lego.kind, *place));
        let mut ids = vec![String::new(); legos.len()];
        for (number, (place, lego)) in legos.iter_mut().enumerate() {
            lego.id = format!("{}L{:02}", sentence.id, number + 1);
            ids[*place].clone_from(&lego.id);
            let key = (normal(&lego.lego.known), normal(&lego.lego.target));
            self.owned.entry(key.0.clone()).or_insert_with(|| key.1.clone());
            match self.first.get(&key) {
                Some(first) => {
                    lego.new = false;
                    lego.first_taught = Some(first.clone());
                }
                None => {
                    self.first.insert(key, lego.id.clone());
                }
            }
        }
        SeedLegos {
            seed_id: sentence.id.to_owned(),
            seed_pair: sentence.pair.clone(),
            legos: legos.into_iter().map(|(_, lego)| lego).collect(),
            tiling: tiles.into_iter().map(|place| ids[place].clone()).collect(),
        }
    }

    fn lego(&self, sentence: &Sentence<'_>, block: &Block, lego: Pair) -> Lego {
        let molecular = block.target.len() > 1;
        let components = if molecular { self.components(sentence, block) } else { Vec::new() };
        let kind = if molecular { LegoKind::Molecular } else { LegoKind::Atomic };
        Lego { id: String::new(), kind, new: true, first_taught: None, lego, components }
    }

    /// Every target word with what it means literally: its counterparts inside the block, else the likeliest word there is.
    fn components(&self, sentence: &Sentence<'_>, block: &Block) -> Vec<Pair> {
        let known = &sentence.numbers.0[block.known.clone()];
        let target = &sentence.numbers.1[block.target.clone()];
        let links = self.aligner.strengths(known, target).links();
        let meaning = |place: usize| {
            let linked: Vec<String> = links
                .iter()
                .filter(|link| link.1 == place)
                .map(|link| sentence.known[block.known.start + link.0].clone())
                .collect();
            if !linked.is_empty() {
                return join(&linked);
            }
            let likely = self.aligner.glosses(target[place]);
            let inside = likely.iter().find(|gloss| known.contains(gloss)).or_else(|| likely.first());
            inside.map_or_else(
                || join(&sentence.known[block.known.clone()]),
                |gloss| self.known_words.words[*gloss].clone(),
            )
        };
        (0..target.len())
            .map(|place| Pair {
                known: meaning(place),
                target: sentence.target[block.target.start + place].clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normal_words;

    fn course(pairs: &[(&str, &str)]) -> SeedPairs {
        let seeds = pairs.iter().enumerate().map(|(n, (known, target))| {
            let pair = Pair { known: (*known).to_owned(), target: (*target).to_owned() };
            (format!("S{:04}", n + 1), pair)
        });
        SeedPairs {
            version: FORMAT_VERSION.to_owned(),
            course: "spa_for_eng".to_owned(),
            target_language: "spa".to_owned(),
            known_language: "eng".to_owned(),
            total_seeds: pairs.len(),
            translations: seeds.collect(),
            held_back: BTreeMap::new(),
        }
    }

    fn memory() -> SeedPairs {
        let lines = include_str!("../../seeds/memory/eng-spa.tsv").lines();
        course(&lines.filter_map(|line| line.split_once('\t')).collect::<Vec<_>>())
    }

    fn check(legos: &LegoPairs) {
        let mut meanings: HashMap<String, String> = HashMap::new();
        for seed in &legos.seeds {
            let tiles = seed.tiling.iter().map(|id| seed.legos.iter().find(|lego| lego.id == *id).unwrap());
            let tiled: Vec<String> = tiles.flat_map(|lego| normal_words(&lego.lego.target)).collect();
            assert_eq!(tiled, normal_words(&seed.seed_pair.target), "{}", seed.seed_id);
            assert!(seed.legos.is_sorted_by_key(|lego| lego.kind), "{}: A before M", seed.seed_id);
            for lego in &seed.legos {
                let (known, target) = (normal(&lego.lego.known), normal(&lego.lego.target));
                assert_eq!(*meanings.entry(known).or_insert_with(|| target.clone()), target, "{}", lego.id);
                assert!(lego.components.iter().all(|part| !part.known.is_empty()));
                assert_eq!(lego.new, lego.first_taught.is_none());
            }
        }
    }

    #[test]
    fn every_seed_tiles_exactly_and_nothing_collides() {
        let made = extract(&memory(), None);
        check(&made.legos);
        let new: Vec<&Lego> =
            made.legos.seeds.iter().flat_map(|seed| &seed.legos).filter(|lego| lego.new).collect();
        let atomic = new.iter().filter(|lego| lego.kind == LegoKind::Atomic).count();
        assert!(100 * atomic >= 36 * new.len(), "{atomic} of {} are one unit", new.len());
        // What was cut wrong before links were learned over all sentences.
        for (known, target) in [
            ("I'm going to", "voy a"),
            ("I'm trying to", "estoy tratando de"),
            ("with you", "contigo"),
            ("learn", "aprender"),
            ("as soon as I can", "en cuanto pueda"),
        ] {
            let found = new.iter().find(|lego| lego.lego.known == known).map(|lego| &*lego.lego.target);
            assert_eq!(found, Some(target), "{known}");
        }
    }

    #[test]
    fn any_script_is_taken_apart() {
        check(
            &extract(&course(&[("I want tea.", "我想喝茶。"), ("I want water.", "我想喝水。")]), None).legos,
        );
        check(
            &extract(&course(&[("I speak.", "أنا أتكلم"), ("I speak Arabic.", "أنا أتكلم العربية")]), None)
                .legos,
        );
        check(&extract(&course(&[("Desire is on me.", "C'hoant am eus."), ("Me.", "Me.")]), None).legos);
    }

    #[test]
    fn three_changed_sentences_leave_the_cuts_of_the_others_alone() {
        let mut pairs = memory();
        let before = extract(&pairs, None).legos;
        for (id, known, target) in [
            ("S0010", "I can learn Spanish now.", "Puedo aprender español ahora."),
            ("S0040", "I'd like to drink water with you.", "Me gustaría tomar agua contigo."),
            ("S0100", "We can sleep tomorrow.", "Podemos dormir mañana."),
        ] {
            pairs
                .translations
                .insert(id.to_owned(), Pair { known: known.to_owned(), target: target.to_owned() });
        }
        let after = extract(&pairs, Some(&before));
        check(&after.legos);
        assert!(
            after.reused + 10 >= pairs.translations.len(),
            "{} of {}",
            after.reused,
            pairs.translations.len()
        );
    }
}
