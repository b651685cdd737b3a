//! Every Rust file opens with a module doc.

use super::Finding;
use crate::repo::Repo;

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for (file, _) in repo.rust_files() {
        let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        if !first.starts_with("//! ") {
            findings.push(Finding {
                path: file.path.clone(),
                line: 1,
                what: "the file does not open with a module doc".to_owned(),
                why: "who opens a file should learn what it is and why it is so before the first line of code",
                remedy: "begin with `//! ` and a sentence".to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_file_without_one_is_found() {
        let repo = Repo::of(&[("a.rs", "use b;\n//! Late."), ("b.rs", "\n//! What it is.\n"), ("c.md", "x")]);
        let found = found_in(check, &repo);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "a.rs");
    }

    #[test]
    fn this_repository_has_them_all() {
        assert_clean_here(check);
    }
}
