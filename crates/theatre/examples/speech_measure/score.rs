//! What was heard against what was said: words, sentences, commands.

use jiff::Timestamp;
use theatre::{
    model::{Action, Context, Utterance},
    rules::understand,
    surgery::Surgery,
};

/// A sentence of the list.
pub(crate) struct Case {
    pub(crate) surgery: String,
    pub(crate) sentence: String,
    /// What it switches, sorted; none: it is outside the grammar.
    pub(crate) wanted: Option<Vec<String>>,
}

/// Reads the list.
pub(crate) fn cases(text: &str) -> Result<Vec<Case>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let mut parts = line.split('\t').map(str::trim);
            let mut part = || parts.next().map(str::to_owned).ok_or_else(|| format!("too short: {line}"));
            let (surgery, sentence, wanted) = (part()?, part()?, part()?);
            let list = || sorted(wanted.split(',').map(|one| one.trim().to_owned()).filter(|one| one != "-"));
            let wanted = (wanted != "outside").then(list);
            Ok(Case { surgery, sentence, wanted })
        })
        .collect()
}

fn sorted(list: impl Iterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = list.collect();
    list.sort();
    list
}

/// What was counted.
#[derive(Default)]
pub(crate) struct Tally {
    words: usize,
    wrong_words: usize,
    sentences: usize,
    exact: usize,
    right: usize,
    /// Switched something that was not said: worse than switching nothing.
    harmful: usize,
    outside: usize,
    rejected: usize,
    outside_harmful: usize,
    pub(crate) took: Vec<f64>,
}

impl Tally {
    pub(crate) const HEAD: &'static str = "| voice | noise | WER | exact | commands right | wrong machine or action | \
        outside rejected | outside that switched | recogniser p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    /// Counts a sentence; returns whether it went as it should.
    pub(crate) fn count(&mut self, case: &Case, surgery: &Surgery, heard: &[String]) -> bool {
        let text = heard.join(" ");
        let done = sorted(heard.iter().flat_map(|text| commands(surgery, text)));
        let Some(wanted) = &case.wanted else {
            self.outside += 1;
            self.rejected += usize::from(text.is_empty());
            self.outside_harmful += usize::from(!done.is_empty());
            return done.is_empty();
        };
        self.sentences += 1;
        let said: Vec<&str> = case.sentence.split_whitespace().collect();
        // Free speech comes with capitals and marks.
        let plain = text.to_lowercase().replace(|one: char| !one.is_alphanumeric() && one != '\'', " ");
        let heard: Vec<&str> = plain.split_whitespace().collect();
        self.words += said.len();
        self.wrong_words += distance(&said, &heard);
        self.exact += usize::from(said == heard);
        self.right += usize::from(done == *wanted);
        self.harmful += usize::from(done.iter().any(|one| !wanted.contains(one)));
        done == *wanted
    }

    pub(crate) fn row(&mut self, voice: &str, noise: &str) -> String {
        self.took.sort_by(f64::total_cmp);
        let percentile = |share: f64| {
            let at = (self.took.len() as f64 * share).ceil() as usize;
            self.took.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        format!(
            "| {voice} | {noise} | {:.1} % | {}/{} | {}/{} | {} | {}/{} | {} | {:.0} ms | {:.0} ms |",
            100.0 * self.wrong_words as f64 / self.words.max(1) as f64,
            self.exact,
            self.sentences,
            self.right,
            self.sentences,
            self.harmful,
            self.rejected,
            self.outside,
            self.outside_harmful,
            percentile(0.5),
            percentile(0.99),
        )
    }
}

/// What the rules would switch, where everything is off.
fn commands(surgery: &Surgery, text: &str) -> Vec<String> {
    let utterance = Utterance {
        theatre: "main".to_owned(),
        seq: 1,
        epoch: 1,
        surgery: surgery.name.clone(),
        phase: "Phase3".to_owned(),
        text: text.to_owned(),
        speaker: "surgeon".to_owned(),
        said_at: Timestamp::UNIX_EPOCH,
        session_s: 0.0,
        context: Context::default(),
    };
    let action = |action| match action {
        Action::On => "ON",
        Action::Off => "OFF",
        Action::Standby => "STANDBY",
    };
    let toggles = understand(surgery, &utterance).toggles;
    toggles.iter().map(|toggle| format!("{} {}", toggle.machine_id, action(toggle.action))).collect()
}

/// Words that must be added, left out or replaced.
fn distance(said: &[&str], heard: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (at, word) in said.iter().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (other, candidate) in heard.iter().enumerate() {
            let replaced = corner + usize::from(word != candidate);
            corner = row[other + 1];
            row[other + 1] = replaced.min(row[other] + 1).min(corner + 1);
        }
    }
    row[heard.len()]
}
