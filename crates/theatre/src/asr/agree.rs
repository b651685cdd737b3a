//! Two recognisers have heard an utterance, one by the surgery's grammar, one as free speech. Each errs in its own way (the one
//! makes an order of anything, the other writes down what sounds alike), so what both mean was said; where they differ,
//! nothing was.
//!
//! Two that both doubt what they heard prove nothing: one of them must believe it by itself.
//!
//! They agree where the rules read the same orders out of both. Where the rules find no machine in the free words, these may
//! still be the grammar's words misspelt ("fluorespopy"): then the order must be the same to the word, and the rest must
//! sound like the grammar's and like no other machine.

use jiff::Timestamp;
use providers::Heard;

use crate::{
    model::{Action, Context, MachineId, Understanding, Utterance},
    rules::{lexicon, tokens, understand},
    surgery::Surgery,
};

/// Least likeness of two sounds, 0 to 1.
const ALIKE: f64 = 0.6;
/// How much less alike every other machine must sound.
const MARGIN: f64 = 0.15;

/// Words that say nothing of what is switched.
const SMALL: [&str; 9] = ["the", "a", "an", "to", "and", "then", "please", "of", "it"];

/// Returns what both heard: the grammar's words, or nothing with what was heard instead.
#[must_use]
pub fn agree(surgery: &Surgery, by_grammar: &Heard, free: &Heard) -> Heard {
    let is_believed = !by_grammar.text.is_empty() || !free.text.is_empty();
    let text = words_of(by_grammar);
    let other = words_of(free);
    let (one, two) = (meaning(surgery, text), meaning(surgery, other));
    let agreed = if orders(&one).is_empty() || orders(&two).is_empty() {
        orders(&two).is_empty() && misspelt(surgery, &one, &two, text, other)
            || same_remark(&one, &two, text, other)
    } else {
        orders(&one) == orders(&two) && is_outspoken(text) && is_outspoken(other)
    };
    if !(agreed && is_believed) {
        let heard = if other.is_empty() { text } else { other };
        return Heard { rejected: (!heard.is_empty()).then(|| heard.to_owned()), ..Heard::default() };
    }
    let confidence = [by_grammar.confidence, free.confidence].into_iter().flatten().reduce(f64::max);
    Heard { text: text.to_owned(), confidence, segments: by_grammar.segments.clone(), rejected: None }
}

/// The words, were they believed or not.
fn words_of(heard: &Heard) -> &str {
    if heard.text.is_empty() { heard.rejected.as_deref().unwrap_or_default() } else { &heard.text }
}

/// What the rules read where nothing was said before.
fn meaning(surgery: &Surgery, text: &str) -> Understanding {
    let utterance = Utterance {
        theatre: String::new(),
        seq: 1,
        epoch: 1,
        surgery: surgery.name.clone(),
        phase: String::new(),
        text: text.to_owned(),
        speaker: String::new(),
        said_at: Timestamp::UNIX_EPOCH,
        session_s: 0.0,
        context: Context::default(),
    };
    understand(surgery, &utterance)
}

/// When something would be switched that is not for now: so many seconds later, or on a condition.
type Later<'a> = (Option<u64>, Option<&'a str>);

/// What would be switched, now or later.
fn orders(understood: &Understanding) -> Vec<(&MachineId, Action, Option<Later<'_>>)> {
    let now = understood.toggles.iter().map(|toggle| (&toggle.machine_id, toggle.action, None));
    let later = understood.pending.iter().map(|later| {
        let condition = later.in_seconds.is_none().then_some(later.condition.as_str());
        (&later.toggle.machine_id, later.toggle.action, Some((later.in_seconds, condition)))
    });
    let mut orders: Vec<_> = now.chain(later).collect();
    orders.sort();
    orders
}

fn names_machines(understood: &Understanding) -> bool {
    understood.clauses.iter().any(|clause| !clause.machines.is_empty())
}

/// Neither switches anything, and both are the same kind of sentence about the same machines: a question, a negation.
fn same_remark(one: &Understanding, two: &Understanding, text: &str, other: &str) -> bool {
    let kinds = |understood: &Understanding| -> Vec<_> {
        understood.clauses.iter().map(|clause| (clause.kind, clause.machines.clone())).collect()
    };
    let silent = orders(one).is_empty() && orders(two).is_empty();
    silent && !text.is_empty() && !other.is_empty() && names_machines(one) && kinds(one) == kinds(two)
}

/// Whether the free words are those of the grammar but for their spelling.
fn misspelt(surgery: &Surgery, one: &Understanding, two: &Understanding, text: &str, other: &str) -> bool {
    let [(machine, _, None)] = orders(one)[..] else { return false };
    let (said, heard) = (tokens::words(text), tokens::words(other));
    if marks(&said) != marks(&heard) || marks(&said).is_empty() {
        return false;
    }
    let named: Vec<&MachineId> = two.clauses.iter().flat_map(|clause| &clause.machines).collect();
    match named[..] {
        [] => sounds_alike(surgery, machine, &rest(&said), &rest(&heard)),
        // "Start with the suction": the machine is plain. "The suction is on" begins otherwise than an order.
        [known] => known == machine && said.first() == heard.first() && begins_an_order(&heard),
        _ => false,
    }
}

fn begins_an_order(words: &[String]) -> bool {
    words.first().is_some_and(|word| is_stem(word) || mark(word).is_some_and(|mark| mark != "not"))
}

fn is_stem(word: &str) -> bool {
    lexicon::STEMS.iter().any(|(_, stems)| stems.contains(&word))
}

fn sounds_alike(surgery: &Surgery, machine: &MachineId, said: &str, heard: &str) -> bool {
    let likeness = alike(said, heard);
    let others = surgery.machines.iter().filter(|(id, _)| *id != machine);
    let phrases = others.flat_map(|(_, machine)| machine.phrases());
    let keys = phrases.map(|(phrase, _)| rest(&tokens::words(phrase))).filter(|key| key != said);
    likeness >= ALIKE && keys.map(|key| alike(&key, heard)).all(|other| other + MARGIN <= likeness)
}

/// Whether it says what to do. "Please, the suction" is an order, too, but in noise it may have been a question.
fn is_outspoken(text: &str) -> bool {
    !marks(&tokens::words(text)).is_empty()
}

/// What the words that order something want, in their order.
fn marks(words: &[String]) -> Vec<&'static str> {
    words.iter().filter_map(|word| mark(word)).collect()
}

fn mark(word: &str) -> Option<&'static str> {
    match word {
        "not" | "never" | "no" => return Some("not"),
        "up" => return Some("up"),
        "down" => return Some("down"),
        _ => {}
    }
    let tables =
        lexicon::FIRM.iter().chain(&lexicon::LOOSE).chain(&lexicon::PARTICLES).chain(&lexicon::AFTER);
    let action = tables.into_iter().find(|(_, phrases)| phrases.contains(&word))?.0;
    Some(match action {
        Action::On => "on",
        Action::Off => "off",
        Action::Standby => "standby",
    })
}

/// How the words sound that order nothing: those that name something.
fn rest(words: &[String]) -> String {
    let naming =
        words.iter().filter(|word| mark(word).is_none() && !is_stem(word) && !SMALL.contains(&word.as_str()));
    sound(&naming.map(String::as_str).collect::<String>())
}

/// A word by its sound, roughly: what noise makes of one another is one letter, vowels are one.
fn sound(word: &str) -> String {
    let mut word = word.to_owned();
    for (letters, one) in [
        ("ph", "f"),
        ("tion", "xn"),
        ("sion", "xn"),
        ("gh", ""),
        ("ch", "x"),
        ("sh", "x"),
        ("ck", "k"),
        ("th", "t"),
        ("x", "ks"),
        ("ce", "se"),
        ("ci", "si"),
        ("cy", "sy"),
    ] {
        if letters != "x" || !word.contains("xn") {
            word = word.replace(letters, one);
        }
    }
    let mut key = String::new();
    for letter in word.chars() {
        let one = match letter {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'w' => 'a',
            'b' | 'p' => 'p',
            'd' | 't' => 't',
            'g' | 'k' | 'c' | 'q' => 'k',
            'f' | 'v' => 'f',
            's' | 'z' => 's',
            'j' | 'x' => 'x',
            'm' | 'n' => 'n',
            'h' => continue,
            other => other,
        };
        if !key.ends_with(one) {
            key.push(one);
        }
    }
    key
}

/// 1 for the same sound, 0 for nothing in common.
fn alike(one: &str, other: &str) -> f64 {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let longest = one.len().max(other.len());
    if longest == 0 {
        return 0.0;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (place, candidate) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != candidate);
            corner = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(corner + 1);
        }
    }
    1.0 - row[other.len()] as f64 / longest as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surgery::Library;

    fn believed(text: &str) -> Heard {
        Heard { text: text.to_owned(), confidence: Some(0.7), ..Heard::default() }
    }

    fn doubted(text: &str) -> Heard {
        Heard { rejected: Some(text.to_owned()), ..Heard::default() }
    }

    /// What is taken in a lobectomy; none: nothing.
    fn taken(by_grammar: &Heard, free: &Heard) -> Option<String> {
        let library = Library::built_in().expect("the surgeries that are compiled in");
        let heard = agree(library.get("Lobectomy").expect("a lobectomy"), by_grammar, free);
        (!heard.text.is_empty()).then_some(heard.text)
    }

    #[test]
    fn what_both_mean_is_taken_however_they_put_it_and_however_little_one_is_believed() {
        for (one, two) in [
            ("turn on the suction", "Turn on suction."),
            ("turn suction on", "switch on the aspirator"),
            ("start the insufflation", "start the insufflator, please"),
            ("stop the insufflator and turn on the suction", "stop insufflation and turn on suction."),
            ("turn off the lights in five minutes", "Turn off the lights in 5 minutes."),
            ("do not turn off the camera", "Do not turn off the camera!"),
            ("is the ventilator running", "Is the ventilator running?"),
        ] {
            assert_eq!(taken(&doubted(one), &believed(two)).as_deref(), Some(one), "{one} | {two}");
            assert_eq!(taken(&believed(one), &doubted(two)).as_deref(), Some(one), "{one} | {two}");
            assert_eq!(taken(&doubted(one), &doubted(two)), None, "{one} | {two}");
        }
        let library = Library::built_in().expect("the surgeries that are compiled in");
        let surgery = library.get("Lobectomy").expect("a lobectomy");
        let free = Heard { confidence: Some(0.9), ..believed("suction on") };
        assert_eq!(agree(surgery, &believed("suction on"), &free).confidence, Some(0.9));
    }

    #[test]
    fn where_they_differ_nothing_is_taken_however_sure_one_is() {
        for (one, two) in [
            ("stop the chest drain", "Start the chest drain."),
            ("lights on", "lights off"),
            ("turn on the respirator", "turn on the aspirator"),
            ("stop the insufflator and turn on the suction", "turn on the suction"),
            ("turn off the lights in two minutes", "Turn off the lights in 10 minutes."),
            ("turn off the lights", "turn off the lights in ten minutes"),
            ("turn on the camera", "do not turn on the camera"),
            ("suction on", "is the suction on?"),
            ("suction on", "the suction is on"),
            ("please the suction", "please the suction on"),
            ("keep the lights on then bovie", "she went on and on about it"),
            ("the drain stop then pause suction", "the train stopped at the station"),
            ("turn the light and the camera off", "turn the light on in the valve"),
            ("suction on", ""),
            ("", "turn on the suction"),
            ("", ""),
        ] {
            let free = believed(two);
            assert_eq!(taken(&believed(one), &free), None, "{one} | {two}");
        }
        let library = Library::built_in().expect("the surgeries that are compiled in");
        let surgery = library.get("Lobectomy").expect("a lobectomy");
        let heard = agree(surgery, &believed("lights on"), &believed("lights off"));
        assert_eq!(heard.rejected.as_deref(), Some("lights off"), "what was heard is shown");
    }

    #[test]
    fn a_misspelt_machine_is_known_by_its_sound_and_by_no_other() {
        for (one, two) in [
            ("turn on the thoracoscope", "Turn on the torah scope."),
            ("switch off the diathermy", "switch off the diet her me"),
            ("start the suction", "start with the suction"),
        ] {
            assert_eq!(taken(&doubted(one), &believed(two)).as_deref(), Some(one), "{one} | {two}");
        }
        for (one, two) in [
            ("switch off the diathermy", "switch on the diet her me"),
            ("switch off the diathermy", "do not switch off the diet her me"),
            ("switch off the monitor", "switch off the filter"),
            ("turn on the insufflator", "turn on the vent a late or"),
        ] {
            assert_eq!(taken(&believed(one), &believed(two)), None, "{one} | {two}");
        }
    }

    #[test]
    fn sounds_are_alike_from_nothing_to_all() {
        assert_eq!(alike("", ""), 0.0);
        assert_eq!(alike(&sound("fluoroscopy"), &sound("fluoroscopy")), 1.0);
        assert!(alike(&sound("fluoroscopy"), &sound("fluorespopy")) > 0.8);
        assert!(alike(&sound("suction"), &sound("ventilator")) < 0.4);
    }
}
