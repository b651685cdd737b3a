//! An exception to a lint says why, and is an `expect`: it disappears when its cause does.

use super::Finding;
use crate::{repo::Repo, rust_text::RustText};

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for (file, rust) in repo.rust_files() {
        for (line, attribute) in attributes(rust) {
            let finding = |what: &str, remedy: &str| Finding {
                path: file.path.clone(),
                line,
                what: what.to_owned(),
                why: "an exception without a reason is a rule that nobody keeps; an allow outlives its cause",
                remedy: remedy.to_owned(),
            };
            if attribute.contains("allow(") {
                findings.push(finding("a lint is allowed", "use #[expect(…, reason = \"…\")]"));
            } else if !attribute.contains("reason =") {
                findings.push(finding("an expect without a reason", "add reason = \"…\""));
            }
        }
    }
}

/// Every long function that is excused: `path:line: attribute`.
pub(super) fn list(repo: &Repo) -> Vec<String> {
    let mut list = Vec::new();
    for (file, rust) in repo.rust_files() {
        for (line, attribute) in attributes(rust) {
            if attribute.contains("too_many_lines") {
                list.push(format!("{}:{line}: {}", file.path, attribute.trim()));
            }
        }
    }
    list
}

/// Line and text of every `#[allow(…)]` and `#[expect(…)]`, joined where it goes over lines.
fn attributes(rust: &RustText) -> Vec<(usize, String)> {
    let mut attributes = Vec::new();
    for (index, code) in rust.code.iter().enumerate() {
        let start = code.trim_start();
        if !["#[allow(", "#![allow(", "#[expect(", "#![expect("]
            .iter()
            .any(|opening| start.starts_with(opening))
        {
            continue;
        }
        let mut text = String::new();
        for (code, string) in rust.code[index..].iter().zip(&rust.strings[index..]).take(8) {
            text.push_str(&code.trim().replacen("\"\"", &format!("\"{string}\""), 1));
            if code.contains(")]") {
                break;
            }
        }
        attributes.push((index + 1, text));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check, list};
    use crate::repo::Repo;

    #[test]
    fn an_allow_and_an_expect_without_a_reason_are_found() {
        let text = "#[allow(dead_code)]\nfn a() {}\n#[expect(dead_code)]\nfn b() {}\n\
                    #[expect(\n    clippy::too_many_lines,\n    reason = \"a table\"\n)]\nfn c() {}\n";
        let repo = Repo::of(&[("a.rs", text)]);
        let lines: Vec<usize> = found_in(check, &repo).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 3]);
        assert_eq!(list(&repo).len(), 1);
        assert!(list(&repo)[0].contains("a table"), "{:?}", list(&repo));
    }

    #[test]
    fn this_repository_says_why() {
        assert_clean_here(check);
    }
}
