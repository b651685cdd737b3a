//! Sums up what was remembered by choosing sentences of it, and says so: nothing is written anew.
//!
//! The sentences whose words are frequent in all of it are chosen; a word that a chosen sentence has counts less from then on,
//! so that the second does not say what the first did. The items are read some at a time, and between two of these it lets go
//! of its slot: the checkpoint is where it is and what it has counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};

use crate::{memory::Memory, search::words};

/// Items that are read in one go.
const BATCH: usize = 200;
/// Sentences of a summary, where nothing is said, and at most.
const USUAL: usize = 5;
const MOST: usize = 50;
/// Sentences that are kept to choose from, and words that are counted: what a checkpoint has room for.
const CANDIDATES: usize = 500;
const COUNTED: usize = 10_000;
/// A longer one is no sentence.
const LONGEST: usize = 400;

/// What of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wanted {
    /// Sentences, up to 50; 5 where nothing is said.
    #[serde(default)]
    pub sentences: Option<usize>,
}

/// A summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How it was made: `extractive`.
    pub method: String,
    /// The same for people.
    pub note: String,
    /// The sentences, in the order in which they were remembered.
    pub sentences: Vec<Sentence>,
    /// Out of so many items.
    pub items: usize,
}

/// One sentence of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sentence {
    /// The item.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// How far it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Reading {
    /// The last item that was read.
    after: Option<String>,
    items: usize,
    counted: BTreeMap<String, u32>,
    candidates: Vec<Sentence>,
}

/// Sums up.
#[derive(Debug)]
pub struct Summarise(pub Arc<Memory>);

impl Phase for Summarise {
    const NAME: &'static str = "summarise";
    type Input = Wanted;
    type Output = Summary;

    async fn run(&self, ctx: Context, wanted: Wanted) -> Result<Success<Summary>, PhaseError> {
        let mut reading: Reading = ctx.checkpoint()?.unwrap_or_default();
        loop {
            ctx.go_on()?;
            if ctx.pause_requested() {
                return Err(PhaseError::paused(&reading));
            }
            let after = reading.after.clone();
            let batch = self.0.with(move |store| {
                let rest = store.items().filter(|item| after.as_ref().is_none_or(|after| item.id > *after));
                let batch: Vec<(String, String)> =
                    rest.take(BATCH).map(|item| (item.id.clone(), item.text.clone())).collect();
                Ok((batch, store.len()))
            });
            let (batch, all) = batch.await?;
            if batch.is_empty() {
                let sentences = wanted.sentences.unwrap_or(USUAL).min(MOST);
                return Ok(Success::new(reading.choose(sentences)));
            }
            batch.into_iter().for_each(|(id, text)| reading.read(id, &text));
            ctx.progress(reading.items as u64, all as u64, "items", "reads what was remembered");
        }
    }
}

impl Reading {
    fn read(&mut self, id: String, text: &str) {
        self.items += 1;
        for word in words(text).filter(|word| word.chars().count() > 3) {
            *self.counted.entry(word).or_default() += 1;
        }
        if self.counted.len() > COUNTED {
            self.counted.retain(|_, times| *times > 1);
        }
        for sentence in sentences(text) {
            self.candidates.push(Sentence { id: id.clone(), text: sentence.to_owned() });
        }
        if self.candidates.len() > 2 * CANDIDATES {
            self.keep_the_best();
        }
        self.after = Some(id);
    }

    fn worth(&self, sentence: &Sentence, said: &BTreeSet<String>) -> f64 {
        let own: BTreeSet<String> = words(&sentence.text).collect();
        let counts = |word: &&String| !said.contains(*word);
        let sum: u32 = own.iter().filter(counts).filter_map(|word| self.counted.get(word)).sum();
        f64::from(sum) / f64::from(u32::try_from(own.len()).unwrap_or(u32::MAX)).max(1.0).sqrt()
    }

    fn keep_the_best(&mut self) {
        let nothing = BTreeSet::new();
        let mut ranked: Vec<(f64, Sentence)> =
            self.candidates.iter().map(|one| (self.worth(one, &nothing), one.clone())).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(CANDIDATES);
        self.candidates = ranked.into_iter().map(|(_, sentence)| sentence).collect();
    }

    fn choose(mut self, most: usize) -> Summary {
        let mut said = BTreeSet::new();
        let mut chosen = Vec::new();
        while chosen.len() < most {
            let worth = |(_, sentence): &(usize, &Sentence)| self.worth(sentence, &said);
            let best = self.candidates.iter().enumerate().max_by(|a, b| worth(a).total_cmp(&worth(b)));
            // Where every word is said already the rest says nothing more.
            let Some((at, _)) = best.filter(|best| worth(best) > 0.0) else { break };
            let sentence = self.candidates.swap_remove(at);
            said.extend(words(&sentence.text));
            chosen.push(sentence);
        }
        chosen.sort();
        Summary {
            method: "extractive".to_owned(),
            note: "sentences chosen from what was remembered; no model has written anything".to_owned(),
            sentences: chosen,
            items: self.items,
        }
    }
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n'])
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty() && sentence.len() <= LONGEST)
}
