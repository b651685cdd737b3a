//! Text as words and marks, each with its place in the text. Hyphens part words (`C-arm` is two), and contractions are
//! written out (`don't` is `do not`), so that the rest of the parser knows one spelling only.

use std::ops::Range;

/// A word or a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Lower case.
    pub(crate) text: String,
    /// Its place in the text, in bytes.
    pub(crate) span: Range<usize>,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters and digits.
    Word,
    /// Comma, colon, semicolon, dash: a part of a sentence ends.
    Comma,
    /// A sentence ends.
    Stop,
    /// A sentence ends, and it asks.
    Question,
}

/// What contractions stand for. A word that ends so is parted there.
const ENDINGS: [(&str, &str); 5] =
    [("n't", "not"), ("'re", "are"), ("'ll", "will"), ("'ve", "have"), ("'m", "am")];

/// Contractions with a stem of their own, also as recognisers and typists write them.
const WHOLE: [(&str, &[&str]); 18] = [
    ("can't", &["can", "not"]),
    ("won't", &["will", "not"]),
    ("cannot", &["can", "not"]),
    ("let's", &["let", "us"]),
    ("i'd", &["i", "would"]),
    ("we'd", &["we", "would"]),
    ("you'd", &["you", "would"]),
    ("dont", &["do", "not"]),
    ("doesnt", &["does", "not"]),
    ("isnt", &["is", "not"]),
    ("cant", &["can", "not"]),
    ("lets", &["let", "us"]),
    ("gonna", &["going", "to"]),
    ("wanna", &["want", "to"]),
    ("gotta", &["have", "to"]),
    ("lemme", &["let", "me"]),
    ("standby", &["stand", "by"]),
    ("alright", &["all", "right"]),
];

/// Words after which `'s` is the verb.
const IS_AFTER: [&str; 12] =
    ["it", "that", "this", "what", "where", "who", "there", "here", "he", "she", "how", "everything"];

/// The words of a phrase: how phrases of machines and of the lexicon are compared.
#[must_use]
pub(crate) fn words(text: &str) -> Vec<String> {
    tokens(text).into_iter().filter(|token| token.kind == Kind::Word).map(|token| token.text).collect()
}

/// Takes a text apart.
#[must_use]
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if first.is_alphanumeric() {
            let mut end = start + first.len_utf8();
            while let Some(&(at, next)) = chars.peek() {
                if !goes_on(text, at, next) {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
            push_words(&text[start..end], start..end, &mut tokens);
        } else if let Some(kind) = mark(first) {
            push_mark(kind, start..start + first.len_utf8(), &mut tokens);
        } else if first == '-' && text[..start].ends_with(' ') {
            push_mark(Kind::Comma, start..start + 1, &mut tokens);
        }
    }
    tokens
}

fn mark(char: char) -> Option<Kind> {
    match char {
        ',' | ':' | '—' | '–' | '…' | '(' | ')' => Some(Kind::Comma),
        '.' | '!' | ';' | '\n' => Some(Kind::Stop),
        '?' => Some(Kind::Question),
        _ => None,
    }
}

/// Marks in a row are one: `...` and `, —` part nothing twice, and `?!` asks.
fn push_mark(kind: Kind, span: Range<usize>, tokens: &mut Vec<Token>) {
    match tokens.last_mut() {
        Some(last) if last.kind == Kind::Word => tokens.push(Token { text: String::new(), span, kind }),
        Some(last) => {
            if last.kind == Kind::Comma || kind == Kind::Question {
                last.kind = kind;
            }
            last.span.end = span.end;
        }
        None => {}
    }
}

/// Whether a word goes on with this character: an apostrophe inside, a point inside a number.
fn goes_on(text: &str, at: usize, char: char) -> bool {
    if char.is_alphanumeric() {
        return true;
    }
    let after = text[at + char.len_utf8()..].chars().next();
    let before = text[..at].chars().next_back();
    match char {
        '\'' | '’' => after.is_some_and(char::is_alphanumeric),
        '.' => [before, after].iter().all(|side| side.is_some_and(|side| side.is_ascii_digit())),
        _ => false,
    }
}

fn push_words(word: &str, span: Range<usize>, tokens: &mut Vec<Token>) {
    let word = word.to_lowercase().replace('’', "'");
    let mut push = |text: &str| {
        tokens.push(Token { text: text.to_owned(), span: span.clone(), kind: Kind::Word });
    };
    if let Some((_, parts)) = WHOLE.iter().find(|(whole, _)| *whole == word) {
        parts.iter().for_each(|part| push(part));
        return;
    }
    for (ending, meaning) in ENDINGS {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
            push(stem);
            push(meaning);
            return;
        }
    }
    // "it's on" is a verb, "the patient's" is none; of "suction's on" only the parser can tell.
    match word.strip_suffix("'s") {
        Some(stem) if IS_AFTER.contains(&stem) => {
            push(stem);
            push("is");
        }
        Some(stem) if !stem.is_empty() => {
            push(stem);
            push("'s");
        }
        _ => push(&word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |token: Token| match token.kind {
            Kind::Word => token.text,
            Kind::Comma => ",".to_owned(),
            Kind::Stop => ".".to_owned(),
            Kind::Question => "?".to_owned(),
        };
        tokens(text).into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_text_is_words_and_marks() {
        for (text, expected) in [
            ("Don’t turn-on the C-arm!", "do not turn on the c arm ."),
            ("It's 2.5 mm... suction's on?!", "it is 2.5 mm . suction 's on ?"),
            ("no — the other one", "no , the other one"),
            ("no - stop it; can't", "no , stop it . can not"),
            ("...", ""),
            ("", ""),
            ("Stand-by, standby", "stand by , stand by"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn spans_are_places_in_the_text() {
        let text = "İşık don’t «é» off";
        for token in tokens(text) {
            assert!(text.get(token.span.clone()).is_some(), "{token:?}");
        }
    }
}
