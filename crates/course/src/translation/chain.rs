//! The chain: who is asked for a translation, in which order, and what a sentence came to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use providers::{CancellationToken, Corrector, Draft, LanguagePair, ProviderError, Translation, Translator};

use super::cache::Cache;
use super::corrections::Corrections;
use super::memory::Memory;
use crate::seeds::{self, Seed};
use crate::text::normal;

/// Sentences given to a translator at a time: small enough for progress that moves, large enough to be worth a call.
const GROUP: usize = 50;

/// Who a translation is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The user corrected it.
    Corrected,
    /// It came with the sentence.
    Given,
    /// The reviewed memory.
    Memory,
    /// A translator, by its name; now, or for an earlier job.
    Translator { name: Arc<str>, reused: bool },
}

impl Source {
    /// As it is named in the report. Whether it was reused is not part of it: the report says the same after a restart.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Corrected => "correction",
            Self::Given => "given",
            Self::Memory => "memory",
            Self::Translator { name, .. } => name,
        }
    }
}

/// What a sentence came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    /// A translation.
    To { text: String, source: Source },
    /// No translation that can be trusted.
    HeldBack { candidate: String, reasons: Vec<String> },
}

/// The id of the seed at an index.
pub(super) fn seed_id(at: usize) -> String {
    format!("S{:04}", at + 1)
}

/// What people have said about sentences, without asking a translator. Nothing said yet is a hold-back without a reason.
pub(super) fn known_already(wanted: &[Seed], corrections: &Corrections, memory: &Memory) -> Vec<Came> {
    let came = |(at, seed): (usize, &Seed)| {
        let corrected = corrections.get(&seed_id(at)).map(|text| (text.as_str(), Source::Corrected));
        let given = || seed.target.as_deref().map(|text| (text, Source::Given));
        let reviewed = || memory.find(&seed.known).map(|text| (text, Source::Memory));
        match corrected.or_else(given).or_else(reviewed) {
            Some((text, source)) => Came::To { text: text.to_owned(), source },
            None => Came::HeldBack { candidate: String::new(), reasons: Vec::new() },
        }
    };
    wanted.iter().enumerate().map(came).collect()
}

/// Translators in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) translators: &'a [Arc<dyn Translator>],
    pub(super) corrector: Option<&'a dyn Corrector>,
    pub(super) pair: LanguagePair,
    pub(super) folder: Option<&'a Path>,
    pub(super) cancel: &'a CancellationToken,
}

impl Chain<'_> {
    /// Asks for everything that is still open, and tells after each group how many sentences are done and who is asked.
    ///
    /// # Errors
    /// Where nobody here translates this pair though something is open, or a translator fails.
    pub(super) async fn translate(
        &self,
        wanted: &[Seed],
        came: &mut [Came],
        mut tell: impl FnMut(usize, &str),
    ) -> Result<(), ProviderError> {
        let is_open = |came: &[Came]| came.iter().any(is_held_back);
        let mut can = Vec::new();
        for translator in self.translators {
            // One that is asked for and is not installed ends the phase: that others go on in its place is not for us to say.
            if translator.supports(&self.pair)? {
                can.push(translator);
            }
        }
        if let Some(corrector) = self.corrector {
            corrector.ready()?;
        }
        if can.is_empty() && is_open(came) {
            return Err(self.nobody(wanted).await);
        }
        for translator in can {
            if is_open(came) {
                self.ask(translator.as_ref(), wanted, came, &mut tell).await?;
            }
        }
        match self.corrector {
            Some(corrector) => self.correct(corrector, wanted, came, &mut tell).await,
            None => Ok(()),
        }
    }

    /// Has the corrector mend what is still held back. Kept by sentence and draft.
    async fn correct(
        &self,
        corrector: &dyn Corrector,
        wanted: &[Seed],
        came: &mut [Came],
        tell: &mut impl FnMut(usize, &str),
    ) -> Result<(), ProviderError> {
        let name = corrector.name();
        let languages = (self.pair.known.code, self.pair.target.code);
        let cache = Cache::open(self.folder, languages, &corrector.fingerprint(&self.pair)).await;
        let mut open = Vec::new();
        for (at, seed) in wanted.iter().enumerate() {
            let Came::HeldBack { candidate, reasons } = &came[at] else { continue };
            let (known, candidate) = (seed.known.clone(), candidate.clone());
            let draft = Draft { known, candidate, reason: reasons.join("; ") };
            match cache.find(&draft_key(&draft)) {
                Some(text) => {
                    let source = Source::Translator { name: Arc::clone(&name), reused: true };
                    came[at] = Came::To { text: text.to_owned(), source };
                }
                None => open.push((at, draft)),
            }
        }
        let mut done = came.len() - open.len();
        for group in open.chunks(GROUP) {
            tell(done, &name);
            let drafts: Vec<Draft> = group.iter().map(|(_, draft)| draft.clone()).collect();
            let made = corrector.correct(&drafts, &self.pair, self.cancel).await?;
            if made.len() != drafts.len() {
                let message = format!("{} answers for {} drafts", made.len(), drafts.len());
                return Err(ProviderError::Garbled { provider: name.to_string(), message });
            }
            let mut fresh = Vec::new();
            for ((at, draft), made) in group.iter().zip(&made) {
                if settle(&mut came[*at], &draft.known, made)
                    && let Some(text) = made.text()
                {
                    fresh.push((draft_key(draft), text));
                }
            }
            let fresh: Vec<(&str, &str)> = fresh.iter().map(|(key, text)| (key.as_str(), *text)).collect();
            cache.keep(&fresh).await;
            done += group.len();
        }
        Ok(())
    }

    async fn ask(
        &self,
        translator: &dyn Translator,
        wanted: &[Seed],
        came: &mut [Came],
        tell: &mut impl FnMut(usize, &str),
    ) -> Result<(), ProviderError> {
        let name = translator.name();
        let languages = (self.pair.known.code, self.pair.target.code);
        let cache = Cache::open(self.folder, languages, &translator.fingerprint(&self.pair)).await;
        for (seed, came) in wanted.iter().zip(came.iter_mut()).filter(|(_, came)| is_held_back(came)) {
            if let Some(text) = cache.find(&seed.known) {
                let source = Source::Translator { name: Arc::clone(&name), reused: true };
                *came = Came::To { text: text.to_owned(), source };
            }
        }
        let open: Vec<usize> = (0..came.len()).filter(|at| is_held_back(&came[*at])).collect();
        let mut asked = 0;
        for group in open.chunks(GROUP) {
            tell(came.len() - (open.len() - asked), &name);
            let texts: Vec<String> = group.iter().map(|at| wanted[*at].known.clone()).collect();
            let made = self.group(translator, &texts).await?;
            let mut fresh = Vec::new();
            for ((at, known), made) in group.iter().zip(&texts).zip(&made) {
                if settle(&mut came[*at], known, made)
                    && let Some(text) = made.text()
                {
                    fresh.push((known.as_str(), text));
                }
            }
            cache.keep(&fresh).await;
            asked += group.len();
        }
        tell(came.len(), &name);
        Ok(())
    }

    /// One answer for each text. Where a translator refuses a text, the others of its group are still asked for.
    async fn group(
        &self,
        translator: &dyn Translator,
        texts: &[String],
    ) -> Result<Vec<Translation>, ProviderError> {
        match translator.translate(texts, &self.pair, self.cancel).await {
            Ok(made) if made.len() == texts.len() => return Ok(made),
            Ok(made) => {
                let message = format!("{} answers for {} texts", made.len(), texts.len());
                return Err(ProviderError::Garbled { provider: translator.name().to_string(), message });
            }
            Err(error) if !error.is_about_this_text() => return Err(error),
            Err(_) => {}
        }
        let mut all = Vec::with_capacity(texts.len());
        for text in texts {
            match translator.translate(std::slice::from_ref(text), &self.pair, self.cancel).await {
                Ok(made) => all.extend(made.into_iter().take(1)),
                Err(error) if error.is_about_this_text() => all.push(Translation::Untranslated {
                    candidate: String::new(),
                    reason: error.to_string(),
                    by: translator.name(),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The reason why nobody can: what the first translator says of this pair, as it knows what would help.
    async fn nobody(&self, wanted: &[Seed]) -> ProviderError {
        let text: Vec<String> = wanted.iter().take(1).map(|seed| seed.known.clone()).collect();
        let hint = "give translations with the sentences, or name a translator in services.toml";
        let unsupported = || ProviderError::UnsupportedPair {
            provider: "translation".to_owned(),
            pair: self.pair.to_string(),
            supported: Vec::new(),
            hint: hint.to_owned(),
        };
        let Some(first) = self.translators.first() else { return unsupported() };
        first.translate(&text, &self.pair, self.cancel).await.err().unwrap_or_else(unsupported)
    }
}

/// A sentence has no tab, so a draft's key is no other draft's.
fn draft_key(draft: &Draft) -> String {
    format!("{}\t{}", draft.known, draft.candidate)
}

fn is_held_back(came: &Came) -> bool {
    matches!(came, Came::HeldBack { .. })
}

/// Puts a translator's answer in the place of a sentence that is open. Returns whether it is a translation.
fn settle(came: &mut Came, known: &str, made: &Translation) -> bool {
    let (candidate, reason) = match made {
        Translation::Done { text, by } => match doubt(known, text) {
            None => {
                let source = Source::Translator { name: Arc::clone(by), reused: false };
                *came = Came::To { text: text.trim().to_owned(), source };
                return true;
            }
            Some(reason) => (text, reason),
        },
        Translation::Untranslated { candidate, reason, .. } => (candidate, reason.clone()),
    };
    if let Came::HeldBack { candidate: best, reasons } = came {
        if best.is_empty() {
            best.clone_from(candidate);
        }
        reasons.push(format!("{}: {reason}", made.by()));
    }
    false
}

/// What speaks against a text that a translator calls a translation, whoever it is.
fn doubt(known: &str, text: &str) -> Option<String> {
    if let Err(error) = seeds::sentence(text, "") {
        return Some(error.message);
    }
    if text.contains(['*', '@', '#', '\u{fffd}']) {
        return Some("it has the marks of words that were not translated".to_owned());
    }
    // Single words can be the same in both languages ("No.", "Radio."), whole sentences are not.
    if normal(text) == normal(known) && known.split_whitespace().count() > 1 {
        return Some("it came back as it was".to_owned());
    }
    None
}

/// How many sentences came from where, for the stats.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) corrected: usize,
    pub(super) given: usize,
    pub(super) memory: usize,
    pub(super) reused: usize,
    pub(super) by_translator: BTreeMap<String, usize>,
    pub(super) held_back: usize,
}

impl Counts {
    pub(super) fn of(all: &[Came]) -> Self {
        let mut counts = Self::default();
        for came in all {
            match came {
                Came::HeldBack { .. } => counts.held_back += 1,
                Came::To { source, .. } => match source {
                    Source::Corrected => counts.corrected += 1,
                    Source::Given => counts.given += 1,
                    Source::Memory => counts.memory += 1,
                    Source::Translator { name, reused } => {
                        counts.reused += usize::from(*reused);
                        *counts.by_translator.entry(name.to_string()).or_default() += 1;
                    }
                },
            }
        }
        counts
    }

    /// Translated by a translator for this attempt.
    pub(super) fn translated(&self) -> usize {
        self.by_translator.values().sum::<usize>() - self.reused
    }
}
