//! Finds items by their words: those that are rare among all items count more, those of long texts less (BM25).
//!
//! Among few items every word is rare; short words, which in most languages are those that mean little, count less.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::Item;

/// How soon a word that occurs again stops to count.
const SATURATION: f64 = 1.2;
/// From this many letters on a word counts in full.
const FULL: usize = 6;
/// How much the length of a text counts against it.
const LENGTH: f64 = 0.75;

/// An item with how well it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit<'a> {
    /// The item.
    pub item: &'a Item,
    /// Above 0; larger is better. Comparable within one search only.
    pub score: f64,
}

/// The words of a text, in its order: letters and digits, lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn words_of(item: &Item) -> Vec<String> {
    words(&item.text).chain(item.tags.iter().flat_map(|tag| words(tag))).collect()
}

/// The items that have a word of the query, the best first; of equals the newest.
pub fn search<'a>(items: impl Iterator<Item = &'a Item>, query: &str, most: usize) -> Vec<Hit<'a>> {
    let wanted: BTreeSet<String> = words(query).collect();
    let items: Vec<(&Item, Vec<String>)> = items.map(|item| (item, words_of(item))).collect();
    let mut with_word: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, words) in &items {
        for word in words.iter().collect::<BTreeSet<_>>() {
            if wanted.contains(word) {
                *with_word.entry(word).or_default() += 1;
            }
        }
    }
    let all = count(items.len());
    let mean = count(items.iter().map(|(_, words)| words.len()).sum()) / all.max(1.0);
    let mut hits: Vec<Hit<'_>> = Vec::new();
    for (item, words) in &items {
        let long = 1.0 - LENGTH + LENGTH * count(words.len()) / mean.max(1.0);
        let score = with_word.iter().map(|(word, &having)| {
            let times = count(words.iter().filter(|one| one == word).count());
            let rare = ((all - count(having) + 0.5) / (count(having) + 0.5)).ln_1p();
            let means = count(word.chars().count().min(FULL)) / count(FULL);
            means * rare * times * (SATURATION + 1.0) / (times + SATURATION * long)
        });
        let score: f64 = score.sum();
        if score > 0.0 {
            hits.push(Hit { item, score });
        }
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.item.at.cmp(&a.item.at)));
    hits.truncate(most);
    hits
}

#[expect(clippy::cast_precision_loss, reason = "nobody remembers 2^52 things")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn item(id: &str, text: &str) -> Item {
        Item { id: id.to_owned(), at: Timestamp::UNIX_EPOCH, text: text.to_owned(), tags: Vec::new() }
    }

    #[test]
    fn rare_words_count_more_and_what_has_none_is_not_found() {
        let mut items = vec![
            item("keys", "The keys of the bicycle are in the drawer"),
            item("milk", "The milk is in the fridge"),
            item("tea", "The tea is in the cupboard"),
        ];
        let found = |items: &[Item], query: &str| -> Vec<String> {
            search(items.iter(), query, 10).iter().map(|hit| hit.item.id.clone()).collect()
        };
        assert_eq!(found(&items, "Where is the BICYCLE?")[0], "keys");
        assert_eq!(found(&items, "piano"), Vec::<String>::new());
        items[1].tags.push("Piano".to_owned());
        assert_eq!(found(&items, "piano"), ["milk"], "tags are words too");
        assert_eq!(search(items.iter(), "the", 2).len(), 2);
        assert_eq!(found(&[], "anything"), Vec::<String>::new());
    }
}
