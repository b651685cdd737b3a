//! Times as they are said: `in five minutes`, `after 30 seconds`, `give it two and a half minutes`.

use super::{lexicon::Term, tokens::Token};
use crate::model::Temporal;

/// Words of small numbers; tens take a number after them.
const NUMBERS: [(&str, u64); 31] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("a", 1),
    ("an", 1),
    ("another", 1),
    ("couple", 2),
];

const UNITS: [(&str, u64); 10] = [
    ("second", 1),
    ("seconds", 1),
    ("sec", 1),
    ("secs", 1),
    ("minute", 60),
    ("minutes", 60),
    ("min", 60),
    ("mins", 60),
    ("hour", 3600),
    ("hours", 3600),
];

/// What begins a time, with the words that may stand between it and the number.
const BEGINNINGS: [&[&str]; 6] =
    [&["in"], &["after"], &["give", "it"], &["give", "me"], &["wait"], &["within"]];

const ROUGHLY: [&str; 8] =
    ["about", "around", "roughly", "approximately", "maybe", "say", "another", "exactly"];

/// The longest time, in seconds, that is one: what is farther away is a slip of the tongue or of the recogniser.
const MOST: u64 = 24 * 3600;

/// A time at the beginning of these tokens, with the number of its words.
pub(super) fn at(tokens: &[Token]) -> Option<(usize, Term)> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let begins = |words: &[&str]| words.iter().enumerate().all(|(at, expected)| word(at) == *expected);
    let later = |seconds| Term::Time(Temporal::InTime, Some(seconds));
    for beginning in BEGINNINGS {
        if begins(beginning) {
            let mut at = beginning.len();
            while ROUGHLY.contains(&word(at)) {
                at += 1;
            }
            if let Some((length, seconds)) = duration(&word, at) {
                return Some((at + length, later(seconds)));
            }
        }
    }
    let (length, seconds) = duration(&word, 0)?;
    let ends = [["from", "now"], ["from", "here"]];
    let ended = ends.iter().any(|end| [word(length), word(length + 1)] == *end);
    ended.then(|| (length + 2, later(seconds)))
}

/// A number and a unit: words used, and seconds.
fn duration<'a>(word: &impl Fn(usize) -> &'a str, start: usize) -> Option<(usize, u64)> {
    let (mut at, mut halves) = if word(start) == "half" {
        (start + 1 + usize::from(matches!(word(start + 1), "a" | "an")), 1)
    } else {
        let (length, number) = number(word, start)?;
        (start + length, number * 2)
    };
    if word(at) == "of" {
        at += 1;
    }
    let and_a_half =
        |at: usize| ["and", "a", "half"].iter().enumerate().all(|(i, part)| word(at + i) == *part);
    if and_a_half(at) {
        (at, halves) = (at + 3, halves + 1);
    }
    let more = word(at) == "more";
    at += usize::from(more);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == word(at))?;
    at += 1;
    if and_a_half(at) {
        (at, halves) = (at + 3, halves + 1);
    }
    let seconds = halves.checked_mul(*unit)? / 2;
    (seconds <= MOST).then_some((at - start, seconds))
}

fn number<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> Option<(usize, u64)> {
    if let Ok(number) = word(at).parse::<u32>() {
        return Some((1, number.into()));
    }
    let named = |at: usize| NUMBERS.iter().find(|(name, _)| *name == word(at)).map(|(_, number)| *number);
    let first = named(at)?;
    match named(at + 1) {
        // "twenty five", and "a couple".
        Some(ones) if first >= 20 && ones < 10 => Some((2, first + ones)),
        Some(2) if word(at) == "a" => Some((2, 2)),
        _ => Some((1, first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tokens::tokens;

    #[test]
    fn times_are_read_in_digits_and_words() {
        for (text, expected) in [
            ("in 5 minutes", Some((3, 300))),
            ("in about twenty-five seconds please", Some((5, 25))),
            ("in half a minute", Some((4, 30))),
            ("in a minute", Some((3, 60))),
            ("in two and a half minutes", Some((6, 150))),
            ("in a minute and a half", Some((6, 90))),
            ("in a couple of minutes", Some((5, 120))),
            ("after thirty seconds", Some((3, 30))),
            ("give it another two minutes", Some((5, 120))),
            ("ten minutes from now", Some((4, 600))),
            ("ten minutes", None),
            ("in the kidney", None),
            ("in five", None),
            ("in 4000000000 hours", None),
            ("in 99999999999999999999 minutes", None),
        ] {
            let found = at(&tokens(text)).map(|(length, term)| match term {
                Term::Time(Temporal::InTime, Some(seconds)) => (length, seconds),
                other => panic!("{other:?}"),
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
