//! Baskets: only what is taught, each with its LEGO, nothing twice, the sentence at the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Report, folded, tokens};
use crate::model::{Basket, Lego, SeedLegos};

/// Phrases that a basket should have.
const WANTED: usize = 10;

pub(super) fn check(files: &Files, report: &mut Report) {
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut meanings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut expected: BTreeSet<&str> = BTreeSet::new();
    for seed in &files.legos.seeds {
        let last = seed.legos.iter().rev().find(|lego| lego.new).map(|lego| &lego.id);
        for lego in seed.legos.iter().filter(|lego| lego.new) {
            words.extend(tokens(&lego.lego.target));
            expected.insert(&lego.id);
            match files.baskets.baskets.get(&lego.id) {
                Some(basket) => one(lego, basket, &words, &mut meanings, report),
                None => report.find("basket-missing", &lego.id, lego.lego.known.clone()),
            }
        }
        if let Some(basket) = last.and_then(|last| files.baskets.baskets.get(last)) {
            sentence(seed, basket, report);
        }
    }
    for id in files.baskets.baskets.keys().filter(|id| !expected.contains(id.as_str())) {
        report.find("basket-orphaned", id, "no new LEGO has this id");
    }
    for (known, targets) in meanings.into_iter().filter(|(_, targets)| targets.len() > 1) {
        report.find("phrase-collision", known, targets.into_iter().collect::<Vec<_>>().join(" | "));
    }
}

fn one(
    lego: &Lego,
    basket: &Basket,
    words: &BTreeSet<String>,
    meanings: &mut BTreeMap<String, BTreeSet<String>>,
    report: &mut Report,
) {
    report.baskets += 1;
    report.phrases += basket.practice_phrases.len();
    if basket.practice_phrases.is_empty() {
        report.empty_baskets += 1;
        report.find("basket-empty", &lego.id, basket.note.clone().unwrap_or_default());
    }
    if basket.practice_phrases.len() < WANTED {
        report.short_baskets += 1;
        if basket.note.is_none() {
            report.find("basket-short", &lego.id, "fewer than ten phrases, and no reason");
        }
    }
    if basket.phrase_count != basket.practice_phrases.len() {
        report.find("phrase-count", &lego.id, "the count is wrong");
    }
    let mut texts = BTreeSet::new();
    let own = tokens(&lego.lego.target);
    for phrase in &basket.practice_phrases {
        let said = tokens(&phrase.target);
        if let Some(word) = said.iter().find(|word| !words.contains(*word)) {
            report.gate_breaks += 1;
            report.find("gate", &lego.id, format!("'{word}' in '{}'", phrase.target));
        }
        if !said.windows(own.len().max(1)).any(|window| window == own) {
            report.find("phrase-without-lego", &lego.id, phrase.target.clone());
        }
        if !texts.insert(folded(&phrase.known)) {
            report.find("phrase-twice", &lego.id, phrase.known.clone());
        }
        meanings.entry(tokens(&phrase.known).join(" ")).or_default().insert(said.join(" "));
    }
}

fn sentence(seed: &SeedLegos, basket: &Basket, report: &mut Report) {
    let whole = |text: &str| tokens(text);
    let there =
        basket.practice_phrases.iter().any(|phrase| whole(&phrase.target) == whole(&seed.seed_pair.target));
    if !there {
        report.find("sentence-missing", &seed.seed_id, "its last basket lacks the whole sentence");
    }
}
