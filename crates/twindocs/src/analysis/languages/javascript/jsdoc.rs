//! Types that JavaScript writes into comments: `@param {Thing} name`, `@returns {Thing[]}`, `@type {Thing}`.

use crate::analysis::facts::Expr;

/// The type of a parameter.
pub(super) fn of_parameter(doc: &str, name: &str) -> Expr {
    let named = |rest: &str| {
        let word = rest.trim_start().trim_start_matches('[');
        word.split(|it: char| !(it.is_alphanumeric() || it == '_' || it == '$')).next() == Some(name)
    };
    tags(doc, &["param", "arg", "argument"]).find(|it| named(it.1)).map_or(Expr::Unknown, |it| of_text(it.0))
}

/// The type of what comes out.
pub(super) fn of_returned(doc: &str) -> Expr {
    tags(doc, &["returns", "return"]).next().map_or(Expr::Unknown, |it| of_text(it.0))
}

/// The type of what is declared below.
pub(super) fn of_declared(doc: &str) -> Expr {
    tags(doc, &["type"]).next().map_or(Expr::Unknown, |it| of_text(it.0))
}

/// What stands in the braces after each of these tags, and what follows.
fn tags<'d>(doc: &'d str, names: &'static [&'static str]) -> impl Iterator<Item = (&'d str, &'d str)> {
    doc.split('@').skip(1).filter_map(move |tag| {
        let (name, rest) = tag.split_once(char::is_whitespace)?;
        let rest = rest.trim_start().strip_prefix('{').filter(|_| names.contains(&name))?;
        let mut depth = 1;
        let end = rest.char_indices().find(|(_, char)| {
            depth += match char {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0
        })?;
        Some((&rest[..end.0], &rest[end.0 + 1..]))
    })
}

fn of_text(text: &str) -> Expr {
    let text = text.trim().trim_start_matches(['!', '?', '.']).trim_end_matches('=').trim();
    let sides = split(text, '|');
    if sides.len() > 1 {
        return Expr::any(sides.into_iter().map(of_text).collect());
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        return of_text(inner);
    }
    if let Some(inner) = text.strip_suffix("[]") {
        let inner = of_text(inner);
        return if inner.is_unknown() { inner } else { inner.held() };
    }
    if let Some((of, arguments)) = text.strip_suffix('>').and_then(|it| it.split_once('<')) {
        let last = split(arguments, ',').last().map_or(Expr::Unknown, |it| of_text(it));
        return match of.trim_end_matches('.') {
            "Promise" | "Readonly" | "Partial" => last,
            "Array" | "Set" | "Map" | "Iterable" | "Record" | "Object" if !last.is_unknown() => last.held(),
            "Array" | "Set" | "Map" | "Iterable" | "Record" | "Object" => Expr::Unknown,
            other => of_text(other),
        };
    }
    match text {
        "string" | "number" | "boolean" | "null" | "undefined" | "void" | "bigint" | "symbol" => {
            Expr::Literal
        }
        "any" | "unknown" | "object" | "Object" | "Function" | "function" | "*" => Expr::Unknown,
        "this" => Expr::Receiver,
        _ if text.starts_with(|it: char| it.is_alphabetic() || it == '_' || it == '$')
            && text.chars().all(|it| it.is_alphanumeric() || "_$.".contains(it)) =>
        {
            let mut names = text.split('.');
            let first = Expr::name(names.next().unwrap_or(""));
            names.fold(first, Expr::attr).instance()
        }
        _ => Expr::Unknown,
    }
}

/// The parts between marks that are in no brackets.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, char) in text.char_indices() {
        match char {
            '<' | '(' | '{' | '[' => depth += 1,
            '>' | ')' | '}' | ']' => depth -= 1,
            _ if char == mark && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_in_comments_are_read() {
        let doc = "Adds it.\n@param {Option | string} option - which\n@param {!Array<Map<string, Help>>} [all]\n@returns {this | null}";
        let named = |name: &str| Expr::name(name).instance();
        assert_eq!(of_parameter(doc, "option"), Expr::Any(vec![named("Option"), Expr::Literal]));
        assert_eq!(of_parameter(doc, "all"), named("Help").held().held());
        assert_eq!(of_parameter(doc, "other"), Expr::Unknown);
        assert_eq!(of_returned(doc), Expr::Any(vec![Expr::Receiver, Expr::Literal]));
        assert_eq!(of_declared("@type {(a: {b: C}) => D}"), Expr::Unknown);
        assert_eq!(
            of_declared("@type {commander.Command[]}"),
            Expr::name("commander").attr("Command").instance().held()
        );
    }
}
