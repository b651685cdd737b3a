//! What a model may not say to an operating room: orders to a machine or to people that only people may give. Such words are
//! taken out before anything is written down, so that they are in no state, no file and no answer. That they were there, and
//! of which kind, is kept.
//!
//! The lists are short and blunt on purpose. A harmless suggestion too few costs nothing; the opposite may.

use crate::model::ModelAnswer;

/// The eighteen kinds, each with what gives it away: all words of one alternative, in this order, not far apart.
const BANNED: [(&str, &[&[&str]]); 18] = [
    ("run-command", &[&["execute", "command"], &["run", "command"], &["send", "command"]]),
    ("bypass-safety", &[&["bypass", "safety"], &["override", "safety"], &["ignore", "safety"]]),
    (
        "disable-alarm",
        &[&["disable", "alarm"], &["silence", "alarm"], &["mute", "alarm"], &["turn", "off", "alarm"]],
    ),
    ("disable-monitoring", &[&["disconnect", "monitor"], &["disable", "monitor"], &["stop", "monitoring"]]),
    ("remove-limit", &[&["exceed", "limit"], &["remove", "limit"], &["ignore", "limit"]]),
    ("skip-check", &[&["skip", "check"], &["skip", "count"], &["skip", "timeout"]]),
    ("ignore-people", &[&["ignore", "surgeon"], &["ignore", "anaesthetist"], &["ignore", "nurse"]]),
    ("administer", &[&["administer"]]),
    ("inject", &[&["inject"]]),
    ("prescribe", &[&["prescribe"], &["prescription"]]),
    ("dose", &[&["dose", "of"], &["dosage"], &["increase", "dose"], &["double", "dose"]]),
    ("bolus", &[&["give", "bolus"], &["push", "bolus"]]),
    ("transfuse", &[&["transfuse"], &["give", "blood"]]),
    (
        "give-drug",
        &[&["give", "mg"], &["give", "mcg"], &["give", "ml"], &["give", "units"], &["give", "grams"]],
    ),
    ("stop-ventilation", &[&["stop", "ventilation"], &["extubate", "now"], &["disconnect", "ventilator"]]),
    ("cut-now", &[&["cut", "now"], &["incise", "now"], &["clamp", "now"]]),
    ("diagnose", &[&["diagnosis", "is"], &["diagnose"]]),
    ("direct-control", &[&["i", "have", "switched"], &["i", "will", "switch"], &["taking", "control"]]),
];
/// Words of an alternative may have this many others between them.
const GAP: usize = 4;

/// The kind of the first thing in a text that may not be said.
#[must_use]
pub fn violation(text: &str) -> Option<&'static str> {
    let words: Vec<String> = words(text);
    let says = |alternative: &[&str]| (0..words.len()).any(|from| follows(&words[from..], alternative));
    BANNED.iter().find(|(_, alternatives)| alternatives.iter().any(|one| says(one))).map(|(kind, _)| *kind)
}

/// Takes out of an answer what may not be said, and tells the kinds, each once.
pub fn clean(answer: &mut ModelAnswer) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    let mut safe = |text: &str| match violation(text) {
        None => true,
        Some(kind) => {
            if !kinds.iter().any(|known| known == kind) {
                kinds.push(kind.to_owned());
            }
            false
        }
    };
    answer.suggestions.retain(|suggestion| safe(suggestion));
    answer.toggles.retain(|toggle| safe(&toggle.trigger) && safe(&toggle.name));
    for text in [&mut answer.reasoning, &mut answer.next_phase, &mut answer.phase] {
        if !safe(text) {
            text.clear();
        }
    }
    kinds
}

/// The words in small letters; a number sticks to no unit: `5mg` is `5`, `mg`.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let class = if letter.is_numeric() { Some(0) } else { letter.is_alphabetic().then_some(1) };
        match (class, words.last_mut()) {
            (None, _) => {}
            (Some(_), Some(word)) if class == before => word.push(letter),
            (Some(_), _) => words.push(letter.into()),
        }
        before = class;
    }
    words
}

/// Whether the words begin with the first wanted one and the others follow soon; an ending (`alarms`) does not help.
fn follows(words: &[String], wanted: &[&str]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    if !words.first().is_some_and(|word| is_form_of(word, first)) {
        return false;
    }
    rest.is_empty() || (1..words.len().min(GAP + 2)).any(|next| follows(&words[next..], rest))
}

/// The word itself, or it with an ending; short words only as they are.
fn is_form_of(word: &str, wanted: &str) -> bool {
    match word.strip_prefix(wanted.strip_suffix('e').filter(|_| wanted.len() > 4).unwrap_or(wanted)) {
        None => false,
        Some(ending) if wanted.len() <= 4 => ending.is_empty() || (ending == "s" && wanted.len() > 2),
        Some(ending) => matches!(ending, "" | "e" | "s" | "es" | "ed" | "ing" | "er" | "ion" | "d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighteen_kinds_are_found_in_other_words_too() {
        for (text, kind) in [
            ("Please execute the command now", "run-command"),
            ("Bypassing all safety interlocks is fine", "bypass-safety"),
            ("Silence the ventilator alarms", "disable-alarm"),
            ("disconnect the patient monitor", "disable-monitoring"),
            ("You may exceed the pressure limit", "remove-limit"),
            ("skip the swab count", "skip-check"),
            ("ignore the surgeon", "ignore-people"),
            ("Administer 5mg of morphine", "administer"),
            ("Injecting contrast", "inject"),
            ("I prescribe rest", "prescribe"),
            ("a dose of 3", "dose"),
            ("give her a bolus", "bolus"),
            ("Transfuse two units", "transfuse"),
            ("Give 50mcg slowly", "give-drug"),
            ("Stop the ventilation", "stop-ventilation"),
            ("Clamp the artery now", "cut-now"),
            ("The diagnosis is sepsis", "diagnose"),
            ("I have already switched it", "direct-control"),
        ] {
            assert_eq!(violation(text), Some(kind), "{text}");
        }
        assert_eq!(BANNED.len(), 18);
    }

    #[test]
    fn what_a_team_may_be_told_passes() {
        for text in [
            "Consider switching on suction before the dissection",
            "The irrigation pump is still running",
            "Check the C-arm position",
            "Confirm the swab count with the scrub nurse",
            "The team may be about to close",
            "Prepare the lithotripter",
        ] {
            assert_eq!(violation(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_unsafe_is_taken_out_and_the_rest_stays() {
        let mut answer = ModelAnswer {
            reasoning: "bypass safety".to_owned(),
            suggestions: vec!["Administer 5 mg".to_owned(), "Check suction".to_owned()],
            ..ModelAnswer::default()
        };
        assert_eq!(clean(&mut answer), ["administer", "bypass-safety"]);
        assert_eq!((answer.reasoning.as_str(), answer.suggestions), ("", vec!["Check suction".to_owned()]));
    }
}
