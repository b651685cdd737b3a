//! The phase `grammar`: the parts of the baskets in, `lego_baskets.json` without the bad phrases and the report out. What
//! people decided about single phrases goes before the rules.

use std::collections::BTreeMap;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    analyse::{Word, analyse, dictionary},
    decisions::{self, Decision, Decisions, Verdict},
    rules::judge,
};
use crate::{
    baskets::phase::Output as BasketsOutput,
    model::{Basket, Deletion, FORMAT_VERSION, GrammarReport, LegoBaskets, Pair, UnusedDecision},
};

/// The rule of what a person removed.
const BY_PERSON: &str = "by-person";

/// The phase.
#[derive(Debug)]
pub struct GrammarPhase;

/// What the phase gives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Baskets in the file.
    pub baskets: usize,
    /// Phrases that are left.
    pub phrases: usize,
}

impl Phase for GrammarPhase {
    const NAME: &'static str = "grammar";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, _input: Value) -> Result<Success<Output>, PhaseError> {
        let parts: Vec<Option<BasketsOutput>> = ctx.upstream("baskets")?;
        let mut all: BTreeMap<String, Basket> = BTreeMap::new();
        for part in parts.iter().flatten() {
            let file: LegoBaskets = ctx.artifacts().get_json(&part.artifact).await?;
            all.extend(file.baskets);
        }
        let texts: Vec<String> = all
            .values()
            .flat_map(|basket| &basket.practice_phrases)
            .map(|phrase| phrase.target.clone())
            .collect();
        let checked = texts.len();
        ctx.progress(0, checked as u64, "phrases", "looking up every word");
        let language = ctx.key().split_once("_for_").map_or("", |(target, _)| target).to_owned();
        let (checker, words) = match dictionary(&language) {
            Some((file, package)) => {
                let words = analyse(file, package, &texts).await;
                let words =
                    words.map_err(|error| PhaseError::permanent("analyser-missing", error.to_string()))?;
                (format!("lt-proc with {package}, and rules for agreement"), words)
            }
            None => (format!("no checker for {language}: nothing was looked at"), Vec::new()),
        };
        let mut decisions = decisions::read(&ctx).await?;
        ctx.go_on()?;
        let found = clean(&mut all, &words, &mut decisions);
        let checked = words.len();
        ctx.progress(checked as u64, checked as u64, "phrases", "checked");
        let course = ctx.key().to_owned();
        let kept: usize = all.values().map(|basket| basket.phrase_count).sum();
        let deleted = found.deletions.len();
        let by_people = found.deletions.iter().filter(|deletion| deletion.by.is_some()).count();
        // What people removed says nothing about how the baskets were made, and the gate is about that.
        let rate = if checked == 0 { 0.0 } else { (deleted - by_people) as f64 / checked as f64 };
        let stats = json!({ "checked": checked, "kept": kept, "deleted": deleted, "deletedByPeople": by_people,
            "restored": found.restored.len(), "deletionRate": rate });
        let report = GrammarReport {
            version: FORMAT_VERSION.to_owned(),
            course: course.clone(),
            checker,
            checked,
            deletions: found.deletions,
            restored: found.restored,
            unused: decisions.unused().map(unused).collect(),
        };
        ctx.artifacts().put_json("grammar_report.json", &report).await?;
        let output = Output { baskets: all.len(), phrases: kept };
        let file = LegoBaskets { version: FORMAT_VERSION.to_owned(), course, baskets: all };
        ctx.artifacts().put_json("lego_baskets.json", &file).await?;
        Ok(Success::new(output).stats(stats))
    }
}

fn unused(decision: &Decision) -> UnusedDecision {
    let Decision { lego_id, phrase, by, .. } = decision;
    UnusedDecision { lego_id: lego_id.clone(), phrase: phrase.clone(), by: by.clone() }
}

/// What was removed, and what was kept against a rule.
#[derive(Debug, Default)]
struct Found {
    deletions: Vec<Deletion>,
    restored: Vec<Deletion>,
}

/// Removes what is wrong. A LEGO itself and a whole sentence stay: they are the seed's own words, and what is wrong there is
/// for translation to mend. What a person decided goes before the rules. `words` are those of all phrases, or of none where
/// there is no checker.
fn clean(baskets: &mut BTreeMap<String, Basket>, words: &[Vec<Word>], decisions: &mut Decisions) -> Found {
    let mut words = words.iter();
    let mut found = Found::default();
    for (id, basket) in baskets.iter_mut() {
        let own: Pair = basket.lego.clone();
        basket.practice_phrases.retain(|phrase| {
            let fault = words.next().and_then(|words| judge(words));
            let is_own = phrase.target == own.target;
            let is_sentence = phrase.target.ends_with(['.', '?', '!', '。', '？', '！']);
            if is_own || is_sentence {
                return true;
            }
            let pair = Pair { known: phrase.known.clone(), target: phrase.target.clone() };
            let (kind, rule) = match &fault {
                Some(fault) => (Verdict::Keep, fault.rule),
                None => (Verdict::Delete, BY_PERSON),
            };
            let decision = decisions.take(id, &pair, kind);
            if fault.is_none() && decision.is_none() {
                return true;
            }
            let by = decision.map(|decision| decision.by.clone());
            let at = decision.map(|decision| decision.at.to_string());
            let given = decision.map(|decision| decision.reason.clone()).filter(|given| !given.is_empty());
            let reason = fault.map_or_else(
                || given.unwrap_or_else(|| "a person removed it and gave no reason".to_owned()),
                |fault| fault.reason,
            );
            let stays = kind == Verdict::Keep && by.is_some();
            let told = Deletion { lego_id: id.clone(), phrase: pair, rule: rule.to_owned(), reason, by, at };
            if stays { &mut found.restored } else { &mut found.deletions }.push(told);
            stays
        });
        note_loss(basket, id, &found.deletions);
    }
    found
}

/// Says in a basket that it lost phrases, and to whom.
fn note_loss(basket: &mut Basket, id: &str, deletions: &[Deletion]) {
    if basket.phrase_count == basket.practice_phrases.len() {
        return;
    }
    basket.phrase_count = basket.practice_phrases.len();
    let here = || deletions.iter().rev().take_while(|deletion| deletion.lego_id == id);
    let lost = match (here().any(|one| one.by.is_none()), here().any(|one| one.by.is_some())) {
        (true, true) => "some phrases were removed by the grammar check and by people",
        (false, true) => "some phrases were removed by people",
        _ => "some phrases were removed by the grammar check",
    };
    basket.note = Some(match basket.note.take() {
        Some(note) => format!("{note}; {lost}"),
        None => lost.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rules(text: &str) -> Option<&'static str> {
        let (file, package) = dictionary("spa").expect("apt-get install apertium-spa-cat");
        let words = analyse(file, package, &[text.to_owned()]).await.expect("apt-get install lttoolbox");
        judge(&words[0]).map(|fault| fault.rule)
    }

    #[tokio::test]
    async fn planted_errors_are_found_by_their_rule() {
        for (text, rule) in [
            ("la niño", "article-agreement"),
            ("las niños", "article-agreement"),
            ("ella quieren", "verb-agreement"),
            ("nosotros quiere", "verb-agreement"),
            ("voy a el hotel", "contraction"),
            ("quiero hablo", "modal-infinitive"),
            ("quiero quiero", "word-twice"),
            ("quiero hablar con", "dangling-end"),
            ("quiero hablarx", "unknown-word"),
        ] {
            assert_eq!(rules(text).await, Some(rule), "{text}");
        }
    }

    #[tokio::test]
    async fn every_sentence_of_the_memory_passes() {
        let lines = include_str!("../../seeds/memory/eng-spa.tsv").lines();
        let texts: Vec<String> = lines.filter_map(|line| Some(line.split_once('\t')?.1.to_owned())).collect();
        let (file, package) = dictionary("spa").expect("apt-get install apertium-spa-cat");
        let words = analyse(file, package, &texts).await.expect("apt-get install lttoolbox");
        let wrong: Vec<String> = texts
            .iter()
            .zip(&words)
            .filter_map(|(text, words)| Some(format!("{text}: {}", judge(words)?.reason)))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
