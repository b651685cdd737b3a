//! The beginning of a text read letter by letter: the comment, the parameters, the type of what comes out.

use crate::{
    analysis::source::Language,
    documenter::{assignment::Assignment, lexical::code_of},
};

/// A parameter as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: Option<String>,
    pub(super) default: Option<String>,
}

/// What the beginning says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heading {
    /// The comment above, or the first string of a Python body.
    pub(super) comment: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) returns: Option<String>,
}

/// Reads it.
pub(super) fn read(task: &Assignment) -> Heading {
    let (text, language) = (&task.source, task.facts.language);
    let mut heading = Heading { comment: comment(text, language), ..Heading::default() };
    if !task.facts.kind.is_callable() {
        return heading;
    }
    let code = code_of(text, language);
    let Some((before, list, after)) = around_list(&code, task.facts.last_name()) else { return heading };
    heading.parameters = pieces(list).into_iter().filter_map(|piece| parameter(piece, language)).collect();
    heading.returns = returns(before, after, language);
    heading
}

/// Comments at the top without their marks; else a string right after the heading.
fn comment(text: &str, language: Language) -> String {
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_comment = ["//", "/*", "*", "# "].iter().any(|mark| line.starts_with(mark));
        if is_comment {
            let bare = line.trim_start_matches(['/', '*', '#', '!']).trim_end_matches("*/").trim();
            lines.push(bare);
        } else if !line.starts_with(['#', '@']) {
            break;
        }
    }
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(0);
    let above = lines[first..].join("\n");
    if !above.is_empty() || language != Language::Python {
        return above;
    }
    let Some((before, rest)) = text.split_once("\"\"\"") else { return String::new() };
    let is_first = before.trim_end().is_empty() || before.trim_end().ends_with(':');
    match rest.split_once("\"\"\"") {
        Some((said, _)) if is_first => said.trim().to_owned(),
        _ => String::new(),
    }
}

/// What is before the name, the list of parameters, and what is after it.
fn around_list<'c>(code: &'c str, name: &str) -> Option<(&'c str, &'c str, &'c str)> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let is_whole = |(at, _): &(usize, &str)| {
        !code[..*at].ends_with(is_part) && !code[at + name.len()..].starts_with(is_part)
    };
    let (at, _) = code.match_indices(name).find(is_whole)?;
    let rest = &code[at + name.len()..];
    // Generic parameters may hold parentheses of their own: the list begins where no angle is open.
    let (mut angles, mut depth, mut from) = (0_i32, 0_i32, None);
    let mut before = ' ';
    for (index, letter) in rest.char_indices() {
        match (letter, from) {
            ('<', None) => angles += 1,
            ('>', None) if before != '-' => angles -= 1,
            ('(', None) if angles <= 0 => from = Some(index + 1),
            ('{' | ';', None) => return None,
            ('(' | '[' | '{', Some(_)) => depth += 1,
            (')', Some(from)) if depth == 0 => {
                return Some((&code[..at], &rest[from..index], &rest[index + 1..]));
            }
            (')' | ']' | '}', Some(_)) => depth -= 1,
            _ => {}
        }
        before = letter;
    }
    None
}

/// Cut at commas outside of brackets.
fn pieces(list: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from, mut before) = (Vec::new(), 0_i32, 0, ' ');
    for (at, letter) in list.char_indices() {
        match letter {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if matches!(before, '-' | '=') => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        before = letter;
    }
    found.push(&list[from..]);
    found.into_iter().map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

fn parameter(piece: &str, language: Language) -> Option<Parameter> {
    let (declared, default) = match piece.split_once('=') {
        Some((declared, default)) if !default.starts_with('>') => {
            (declared.trim(), Some(default.trim().to_owned()))
        }
        _ => (piece, None),
    };
    let (name, kind) = match language {
        Language::Java => match declared.rsplit_once(' ') {
            Some((kind, name)) => (name, Some(kind.trim().trim_start_matches("final ").to_owned())),
            None => (declared, None),
        },
        Language::Go => match declared.split_once(' ') {
            Some((name, kind)) => (name, Some(kind.trim().to_owned())),
            None => (declared, None),
        },
        _ => match declared.split_once(':') {
            Some((name, kind)) => (name.trim(), Some(kind.trim().to_owned())),
            None => (declared, None),
        },
    };
    let name = name.trim().trim_start_matches("mut ").trim_end_matches('?').trim();
    let is_receiver =
        matches!(name.trim_start_matches('&').trim_start_matches("mut "), "self" | "cls" | "this");
    let is_mark = matches!(name, "*" | "/" | "");
    let is_lifetime = name.starts_with("&'") && name.ends_with("self");
    if is_receiver || is_mark || is_lifetime {
        return None;
    }
    Some(Parameter { name: name.to_owned(), kind: kind.filter(|kind| !kind.is_empty()), default })
}

fn returns(before: &str, after: &str, language: Language) -> Option<String> {
    let until_body = |text: &str| {
        let text = text.split(" where").next().unwrap_or(text);
        let end = text.find(['{', ';']).unwrap_or(text.len());
        text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let kind = match language {
        Language::Python => after.trim_start().strip_prefix("->")?.split(':').next()?.trim().to_owned(),
        Language::Rust => until_body(after.trim_start().strip_prefix("->")?),
        Language::TypeScript => until_body(after.trim_start().strip_prefix(':')?),
        Language::Go => until_body(after),
        Language::Java => {
            let kind = before.split_whitespace().next_back()?;
            kind.to_owned()
        }
        Language::JavaScript => return None,
    };
    let is_nothing =
        crate::documenter::derive::is_nothing(&kind) || matches!(&*kind, "public" | "private" | "protected");
    (!is_nothing).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_results_are_read_in_every_language() {
        let cases = [
            ("def f(self, a, b: int = 1, *rest) -> str:", Language::Python, "a b:int *rest", "str"),
            (
                "pub fn f<F: Fn(u8)>(&mut self, a: &str, b: Map<u8, F>) -> Result<(), E> {",
                Language::Rust,
                "a:&str b:Map<u8, F>",
                "Result<(), E>",
            ),
            ("function f(a, { b, c }, d = 2) {", Language::JavaScript, "a { b, c } d", ""),
            (
                "f(a?: string, b: (x: number) => void): Promise<A> {",
                Language::TypeScript,
                "a:string b:(x: number) => void",
                "Promise<A>",
            ),
            (
                "func (s *T) f(a int, b []string) (int, error) {",
                Language::Go,
                "a:int b:[]string",
                "(int, error)",
            ),
            (
                "public static List<T> f(final int a, Map<K, V> b) {",
                Language::Java,
                "a:int b:Map<K, V>",
                "List<T>",
            ),
        ];
        for (code, language, parameters, wanted) in cases {
            let (before, list, after) = around_list(code, "f").expect(code);
            let all: Vec<String> = pieces(list)
                .into_iter()
                .filter_map(|piece| parameter(piece, language))
                .map(|one| one.kind.map_or_else(|| one.name.clone(), |kind| format!("{}:{kind}", one.name)))
                .collect();
            assert_eq!(all.join(" "), parameters, "{code}");
            assert_eq!(returns(before, after, language).unwrap_or_default(), wanted, "{code}");
        }
    }
}
