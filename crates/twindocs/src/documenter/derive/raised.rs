//! Which errors a text raises, and under which condition, as far as its lines say.

use crate::{
    analysis::source::Language,
    documenter::lexical::{code_of, words},
    records::documented::RaisesDoc,
};

/// Longest condition that is quoted, in characters.
const LONGEST: usize = 120;

/// Finds the errors that a function's text raises itself. Each type once, with the first condition.
pub(in crate::documenter) fn raised(text: &str, language: Language) -> Vec<RaisesDoc> {
    let code = code_of(text, language);
    let (code, text): (Vec<&str>, Vec<&str>) = (code.lines().collect(), text.lines().collect());
    let mut found: Vec<RaisesDoc> = Vec::new();
    for (at, line) in code.iter().enumerate() {
        for kind in kinds(line, language) {
            if found.iter().all(|one| one.kind != kind) {
                found.push(RaisesDoc { kind, condition: condition(&code, &text, at) });
            }
        }
    }
    found
}

/// What a line raises.
fn kinds(line: &str, language: Language) -> Vec<String> {
    let after = |mark: &str| {
        let rest = line.split_once(mark)?.1.trim_start();
        let end = rest.find(|one: char| !(one.is_alphanumeric() || matches!(one, '_' | '.' | ':')));
        let name = rest[..end.unwrap_or(rest.len())].trim_end_matches([':', '.']);
        // What begins small is a variable: its type is not evident here.
        let begins = name.rsplit(['.', ':']).next()?.chars().next()?;
        begins.is_uppercase().then(|| name.to_owned())
    };
    let found = match language {
        Language::Python => [after("raise "), None],
        Language::Rust => {
            let panics = line.contains("panic!(").then(|| "panic".to_owned());
            [
                after("Err(").filter(|name| name.contains("::") || line.contains(&format!("Err({name} "))),
                panics,
            ]
        }
        Language::Go => {
            let makes = line.contains("errors.New(") || line.contains("fmt.Errorf(");
            let panics = words(line).any(|word| word == "panic") && line.contains("panic(");
            [makes.then(|| "error".to_owned()), panics.then(|| "panic".to_owned())]
        }
        Language::Java | Language::JavaScript | Language::TypeScript => [after("throw new "), None],
    };
    found.into_iter().flatten().collect()
}

/// The condition of the block that a line is in.
fn condition(code: &[&str], text: &[&str], at: usize) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(code[at]);
    // `if empty { return Err(…) }` in one line.
    if let Some(condition) = condition_in(code[at], text[at]) {
        return condition;
    }
    let mut outer = own;
    for before in (0..at).rev() {
        let line = code[before];
        if line.trim().is_empty() || indent(line) >= outer {
            continue;
        }
        outer = indent(line);
        if let Some(condition) = condition_in(line, text[before]) {
            return condition;
        }
        if outer == 0 {
            break;
        }
    }
    String::new()
}

/// `if x.is_empty() {` is when `x.is_empty()`.
fn condition_in(code: &str, text: &str) -> Option<String> {
    let start = code.trim_start_matches(['}', ' ', '\t']);
    let first = words(start).next()?;
    let quoted = |from: &str| {
        let rest = text.split_once(from)?.1.trim();
        let rest = rest.split(" {").next().unwrap_or(rest).trim_end_matches(['{', ':', ' ']);
        let shown: String = rest.chars().take(LONGEST).collect();
        (!shown.is_empty()).then(|| shown.trim().to_owned())
    };
    match first {
        "if" if start.starts_with("if") => {
            quoted("if ").or_else(|| quoted("if(")).map(|it| format!("when `{it}`"))
        }
        "elif" => quoted("elif ").map(|it| format!("when `{it}`")),
        "else" if start.contains("else if") => quoted("else if ").map(|it| format!("when `{it}`")),
        "else" => Some("otherwise".to_owned()),
        "except" => {
            quoted("except ").map(|it| format!("on `{it}`")).or_else(|| Some("on any error".to_owned()))
        }
        "catch" => {
            quoted("catch ").map(|it| format!("on `{it}`")).or_else(|| Some("on any error".to_owned()))
        }
        _ if code.contains(" => ") => {
            let arm = text.split_once(" => ")?.0.trim();
            Some(format!("for `{}`", arm.chars().take(LONGEST).collect::<String>()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_with_their_condition() {
        let found = |text: &str, language| {
            let all = raised(text, language).into_iter();
            all.map(|one| format!("{} {}", one.kind, one.condition)).collect::<Vec<_>>()
        };
        let python = "def f(x):\n    if not x:\n        raise ValueError('raise TypeError')\n    try:\n        g()\n    except OSError as e:\n        raise Broken(e) from e\n";
        assert_eq!(found(python, Language::Python), ["ValueError when `not x`", "Broken on `OSError as e`"]);
        let rust = "fn f(x: &str) -> Result<u8, E> {\n    if x.is_empty() {\n        return Err(E::Empty { at: 1 });\n    }\n    match x {\n        \"a\" => Err(E::A),\n        _ => panic!(\"no\"),\n    }\n}\n";
        assert_eq!(
            found(rust, Language::Rust),
            ["E::Empty when `x.is_empty()`", "E::A for `\"a\"`", "panic for `_`"]
        );
        let java = "void f() {\n    if (a) { throw new IllegalStateException(\"x\"); }\n}\n";
        assert_eq!(found(java, Language::Java), ["IllegalStateException when `(a)`"]);
    }
}
