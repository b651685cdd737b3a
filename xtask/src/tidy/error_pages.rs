//! Every error code has a page in docs/errors/, and every page a code.
//!
//! The codes are the variants of `enum Code` in crates/protocol, in kebab-case: `UnknownJob` is `unknown-job`, in the
//! table of that file and in docs/errors/unknown-job.md.

use std::collections::BTreeMap;

use super::{Finding, event_stories::variants};
use crate::repo::Repo;

const PAGES: &str = "docs/errors/";
const WHY: &str = "a code reaches a caller as the `type` of a problem: the page behind it says what to do";

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    let table = repo.rust_files().find(|(file, rust)| {
        file.path.starts_with("crates/protocol/src/")
            && rust.product_lines().any(|(_, code)| code.contains("enum Code {"))
    });
    let Some((file, rust)) = table else {
        if let Some(crate_root) = repo.file("crates/protocol/src/lib.rs") {
            findings.push(Finding {
                path: crate_root.path.clone(),
                line: 1,
                what: "no `enum Code` in crates/protocol".to_owned(),
                why: "a check that finds nothing to check would pass for ever",
                remedy: "declare the error codes there, or tell xtask/src/tidy/error_pages.rs where they are"
                    .to_owned(),
            });
        }
        return;
    };
    let codes: BTreeMap<String, usize> =
        variants(rust, "Code").into_iter().map(|(line, name)| (kebab_case(&name), line)).collect();
    for (code, line) in codes.iter().filter(|(code, _)| !file.text.contains(&format!("\"{code}\""))) {
        findings.push(Finding {
            path: file.path.clone(),
            line: *line,
            what: format!("the name \"{code}\" of a variant is not in its file"),
            why: "the word on the wire and the name in the code would differ",
            remedy: format!("call it \"{code}\" in the table, or rename the variant"),
        });
    }
    let page_of = |path: &str| Some(path.strip_prefix(PAGES)?.strip_suffix(".md")?.to_owned());
    let pages: Vec<String> =
        repo.files.iter().filter_map(|file| page_of(&file.path)).filter(|name| name != "README").collect();
    for (code, line) in codes.iter().filter(|(code, _)| !pages.contains(code)) {
        findings.push(Finding {
            path: file.path.clone(),
            line: *line,
            what: format!("the error code `{code}` has no page"),
            why: WHY,
            remedy: format!("write {PAGES}{code}.md: what it means, why it happens, what to do"),
        });
    }
    for page in pages.iter().filter(|page| !codes.contains_key(*page)) {
        findings.push(Finding {
            path: format!("{PAGES}{page}.md"),
            line: 1,
            what: format!("a page for `{page}`, which is no error code"),
            why: WHY,
            remedy: format!("add the code to {}, or remove the page", file.path),
        });
    }
}

fn kebab_case(variant: &str) -> String {
    let mut name = String::new();
    for character in variant.chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        let codes = "//! x\npub enum Code {\n    NotFound,\n    GoneAway,\n}\nlet a = [\"not-found\", \"gone-away\"];\n";
        let repo = Repo::of(&[
            ("crates/protocol/src/lib.rs", "//! x"),
            ("crates/protocol/src/code.rs", codes),
            ("docs/errors/not-found.md", ""),
            ("docs/errors/other-thing.md", ""),
            ("docs/errors/README.md", ""),
        ]);
        let found: Vec<(String, usize)> =
            found_in(check, &repo).into_iter().map(|found| (found.path, found.line)).collect();
        let expected =
            [("crates/protocol/src/code.rs".to_owned(), 4), ("docs/errors/other-thing.md".to_owned(), 1)];
        assert_eq!(found, expected);
    }

    #[test]
    fn this_repository_explains_every_code() {
        assert_clean_here(check);
    }
}
