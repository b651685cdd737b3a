//! Code read letter by letter, without a grammar: what is text and what is code, words, calls, and what is around a call.
//!
//! It is made to be independent of the analysis, not to be as good: two readers that share their eyes would share their faults.

use crate::{analysis::source::Language, records::documented::CallKind};

/// Words that stand before a parenthesis and call nothing.
const KEYWORDS: [&str; 42] = [
    "if", "for", "while", "match", "switch", "return", "catch", "with", "in", "and", "or", "not", "fn",
    "func", "function", "def", "class", "async", "await", "move", "let", "const", "var", "else", "elif",
    "except", "impl", "pub", "yield", "assert", "del", "lambda", "typeof", "sizeof", "super", "self", "this",
    "print", "where", "go", "defer", "throw",
];
/// Words after which a name is defined and not called.
const DEFINES: [&str; 7] = ["def", "fn", "func", "function", "class", "struct", "enum"];

/// The words of a text that could be names.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(move |letter| !is_part(letter))
        .filter(|word| word.len() > 1 && !word.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether a word stands in a text, as a whole.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    words(text).any(|one| one == word)
}

/// The text with blanks for comments and for what is quoted; every line stays where it is.
pub(super) fn code_of(text: &str, language: Language) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        match end_of_quiet(&letters, at, language) {
            Some(end) => {
                code.extend(letters[at..end].iter().map(|one| if *one == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                code.push(letters[at]);
                at += 1;
            }
        }
    }
    code
}

/// Where a comment or a quotation that begins here ends.
fn end_of_quiet(letters: &[char], at: usize, language: Language) -> Option<usize> {
    let starts = |mark: &str| mark.chars().enumerate().all(|(by, one)| letters.get(at + by) == Some(&one));
    let find = |from: usize, mark: &str| {
        let mark: Vec<char> = mark.chars().collect();
        let found = (from..letters.len()).find(|at| letters[*at..].starts_with(&mark));
        found.map_or(letters.len(), |at| at + mark.len())
    };
    let line_end = || (at..letters.len()).find(|at| letters[*at] == '\n').unwrap_or(letters.len());
    if language == Language::Python {
        return match letters[at] {
            '#' => Some(line_end()),
            '"' if starts("\"\"\"") => Some(find(at + 3, "\"\"\"")),
            '\'' if starts("'''") => Some(find(at + 3, "'''")),
            quote @ ('"' | '\'') => Some(end_of_quotation(letters, at, quote, false)),
            _ => None,
        };
    }
    match letters[at] {
        '/' if starts("//") => Some(line_end()),
        '/' if starts("/*") => Some(find(at + 2, "*/")),
        '"' => Some(end_of_quotation(letters, at, '"', language == Language::Rust)),
        // An attribute calls nothing.
        '#' if language == Language::Rust && (starts("#[") || starts("#![")) => Some(find(at, "]")),
        '`' if language == Language::Go => Some(find(at + 1, "`")),
        '`' if language != Language::Rust => Some(end_of_quotation(letters, at, '`', true)),
        'r' if language == Language::Rust && starts("r#\"") => Some(find(at + 3, "\"#")),
        // A lifetime is no quotation.
        '\'' if language == Language::Rust => match letters.get(at + 1) {
            Some('\\') => Some(end_of_quotation(letters, at, '\'', false)),
            Some(_) if letters.get(at + 2) == Some(&'\'') => Some(at + 3),
            _ => None,
        },
        '\'' => Some(end_of_quotation(letters, at, '\'', false)),
        _ => None,
    }
}

fn end_of_quotation(letters: &[char], at: usize, quote: char, over_lines: bool) -> usize {
    let mut next = at + 1;
    while next < letters.len() {
        match letters[next] {
            '\\' => next += 1,
            '\n' if !over_lines => return next,
            one if one == quote => return next + 1,
            _ => {}
        }
        next += 1;
    }
    letters.len()
}

/// A call as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// The name before the parenthesis.
    pub(super) name: String,
    /// The word before the name, with a dot or colons between: none where there is none; empty where it is no word.
    pub(super) on: Option<String>,
    /// Line, from 1.
    pub(super) line: u32,
    /// By what is around it.
    pub(super) kind: CallKind,
}

/// The calls in code from which [`code_of`] has taken what is no code.
pub(super) fn calls(code: &str, language: Language) -> Vec<Written> {
    let letters: Vec<char> = code.chars().collect();
    let around = Around::new(&letters, language);
    let is_part = |at: usize| letters.get(at).is_some_and(|one| one.is_alphanumeric() || *one == '_');
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < letters.len() {
        if letters[at] == '\n' {
            line += 1;
        }
        if !is_part(at) || at > 0 && is_part(at - 1) {
            at += 1;
            continue;
        }
        let end = (at..).find(|next| !is_part(*next)).unwrap_or(letters.len());
        let name: String = letters[at..end].iter().collect();
        let is_call = letters.get(after_generics(&letters, end)) == Some(&'(');
        let before = word_before(&letters, at);
        let is_defined = before.as_ref().is_some_and(|(word, on)| !on && DEFINES.contains(&word.as_str()));
        let is_name = !name.starts_with(|first: char| first.is_ascii_digit());
        if is_call && is_name && !KEYWORDS.contains(&name.as_str()) && !is_defined {
            let on = before.filter(|(_, on)| *on).map(|(word, _)| word);
            found.push(Written { name, on, line, kind: around.kind_at(at) });
        }
        at = end;
    }
    found
}

/// Behind `::<T>`, where there is one; a bare `<` is a comparison as often as not.
fn after_generics(letters: &[char], end: usize) -> usize {
    if !letters[end..].starts_with(&[':', ':', '<']) {
        return end;
    }
    let mut depth = 0;
    for (at, letter) in letters.iter().enumerate().skip(end + 2).take(200) {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    end
}

/// The word before, and whether only a dot or colons are between.
fn word_before(letters: &[char], at: usize) -> Option<(String, bool)> {
    let before = &letters[..at];
    let (mut end, joined) = match before {
        [rest @ .., ':', ':'] => (rest.len(), true),
        [rest @ .., '.'] => (rest.len(), true),
        _ => (at, false),
    };
    // The receiver of a chain may stand a line above.
    while end > 0 && (letters[end - 1] == ' ' || joined && matches!(letters[end - 1], '\n' | '\t' | '?')) {
        end -= 1;
    }
    let is_part = |one: &char| one.is_alphanumeric() || *one == '_';
    let start = letters[..end].iter().rposition(|one| !is_part(one)).map_or(0, |at| at + 1);
    if start == end && !joined {
        return None;
    }
    Some((letters[start..end].iter().collect(), joined))
}

/// Which block each place is in.
struct Around {
    /// Where a block begins, and the kind of the innermost from there on; sorted.
    changes: Vec<(usize, CallKind)>,
}

impl Around {
    fn new(letters: &[char], language: Language) -> Self {
        let changes = match language {
            Language::Python => by_indent(letters),
            _ => by_braces(letters),
        };
        Self { changes }
    }

    fn kind_at(&self, at: usize) -> CallKind {
        let before = self.changes.partition_point(|(from, _)| *from <= at);
        before.checked_sub(1).map_or(CallKind::Direct, |index| self.changes[index].1)
    }
}

/// What a block is by the text before it.
fn kind_of(header: &str, outer: CallKind) -> CallKind {
    let has = |any: &[&str]| words(header).any(|word| any.contains(&word));
    if has(&["catch", "except"]) {
        CallKind::Exception
    } else if has(&["for", "while", "loop"]) && !has(&["impl"]) {
        CallKind::Loop
    } else if has(&["if", "else", "elif", "match", "switch", "case"]) {
        CallKind::Conditional
    } else {
        outer
    }
}

fn by_braces(letters: &[char]) -> Vec<(usize, CallKind)> {
    let mut changes = Vec::new();
    let mut open: Vec<(CallKind, usize)> = Vec::new();
    let (mut now, mut parens, mut header) = (CallKind::Direct, 0_usize, 0);
    for (at, letter) in letters.iter().enumerate() {
        match letter {
            '(' => parens += 1,
            ')' => parens = parens.saturating_sub(1),
            ';' if parens == 0 => header = at + 1,
            '{' => {
                open.push((now, parens));
                let text: String = letters[header..at].iter().collect();
                now = kind_of(&text, now);
                (parens, header) = (0, at + 1);
                changes.push((at, now));
            }
            '}' => {
                (now, parens) = open.pop().unwrap_or((CallKind::Direct, 0));
                header = at + 1;
                changes.push((at, now));
            }
            _ => {}
        }
    }
    changes
}

fn by_indent(letters: &[char]) -> Vec<(usize, CallKind)> {
    let mut changes = Vec::new();
    let mut open: Vec<(usize, CallKind)> = Vec::new();
    let mut start = 0;
    for line in letters.split(|letter| *letter == '\n') {
        let indent = line.iter().take_while(|one| one.is_whitespace()).count();
        if indent < line.len() {
            while open.last().is_some_and(|(outer, _)| *outer >= indent) {
                open.pop();
            }
            let now = open.last().map_or(CallKind::Direct, |(_, kind)| *kind);
            changes.push((start, now));
            let text: String = line[indent..].iter().collect();
            if text.trim_end().ends_with(':') {
                let first = words(&text).next().unwrap_or_default();
                open.push((indent, kind_of(first, now)));
            }
        }
        start += line.len() + 1;
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, language: Language) -> Vec<(String, Option<String>, u32, CallKind)> {
        let code = code_of(text, language);
        let all = calls(&code, language).into_iter();
        all.map(|one| (one.name, one.on, one.line, one.kind)).collect()
    }

    #[test]
    fn calls_are_found_in_code_and_not_in_what_is_quoted() {
        let text = "def f(x):\n    # no(1)\n    a(\"b(2)\")\n    for y in x:\n        self.c(y)\n    try:\n        pass\n    except E:\n        d.e(x)\n";
        let own = |word: &str| Some(word.to_owned());
        assert_eq!(
            found(text, Language::Python),
            [
                ("a".to_owned(), None, 3, CallKind::Direct),
                ("c".to_owned(), own("self"), 5, CallKind::Loop),
                ("e".to_owned(), own("d"), 9, CallKind::Exception),
            ]
        );
        let text = "fn f<'a>(x: &'a str) {\n    let c = '(';\n    if g(x) {\n        h::<u8>(r#\"i(1)\"#);\n    }\n    T::j(x).k();\n}\n";
        assert_eq!(
            found(text, Language::Rust),
            [
                ("g".to_owned(), None, 3, CallKind::Direct),
                ("h".to_owned(), None, 4, CallKind::Conditional),
                ("j".to_owned(), own("T"), 6, CallKind::Direct),
                ("k".to_owned(), own(""), 6, CallKind::Direct),
            ]
        );
        assert!(found("for (let i = 0; i < n(); i++) { m(); }", Language::JavaScript).len() == 2);
    }
}
