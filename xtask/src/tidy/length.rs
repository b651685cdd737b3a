//! Files stay short: the place where a domain's decisions pile up into one file is the one to prevent.

use super::Finding;
use crate::repo::{Repo, SourceFile};

/// Most lines of a hand-written file, its tests apart.
const MOST_LINES: usize = 500;
/// Most lines of a `main.rs`: it wires, it does not decide.
const MOST_MAIN_LINES: usize = 60;
/// What the median should not exceed; said, not enforced.
const ADVISED_MEDIAN: usize = 150;

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for (file, lines) in product_files(repo) {
        let is_main = file.path.ends_with("/src/main.rs");
        let most = if is_main { MOST_MAIN_LINES } else { MOST_LINES };
        if lines > most {
            findings.push(Finding {
                path: file.path.clone(),
                line: most + 1,
                what: format!("{lines} lines, tests apart; at most {most}"),
                why: "a file that grows without an end becomes the place where everything is decided",
                remedy:
                    "split it by what it talks about (one command, one concept), into a folder of its name"
                        .to_owned(),
            });
        }
    }
}

/// One line with the figures of all hand-written files.
pub(super) fn summary(repo: &Repo) -> String {
    let mut lines: Vec<usize> = product_files(repo).map(|(_, lines)| lines).collect();
    lines.sort_unstable();
    let at = |percent: usize| {
        lines.get((lines.len() * percent / 100).min(lines.len().saturating_sub(1))).copied().unwrap_or(0)
    };
    let advice = if at(50) > ADVISED_MEDIAN { " (advised: a median of at most 150)" } else { "" };
    format!(
        "files: {}, lines without tests: {}, median {}, p90 {}, largest {}{advice}",
        lines.len(),
        lines.iter().sum::<usize>(),
        at(50),
        at(90),
        lines.last().copied().unwrap_or(0),
    )
}

fn product_files(repo: &Repo) -> impl Iterator<Item = (&SourceFile, usize)> {
    repo.rust_files().filter(|(file, _)| !file.is_test()).map(|(file, rust)| (file, rust.tests_from))
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check, summary};
    use crate::repo::Repo;

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let long = "x();\n".repeat(501);
        let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{long}}}\n", "x();\n".repeat(500));
        let main = "x();\n".repeat(61);
        let repo = Repo::of(&[
            ("crates/a/src/a.rs", &long),
            ("crates/a/src/b.rs", &with_tests),
            ("crates/a/src/main.rs", &main),
            ("crates/a/tests/it/main.rs", &long),
        ]);
        let paths: Vec<String> = found_in(check, &repo).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/a/src/a.rs", "crates/a/src/main.rs"]);
        assert!(
            summary(&repo).starts_with("files: 3, lines without tests: 1062, median 500"),
            "{}",
            summary(&repo)
        );
    }

    #[test]
    fn this_repository_has_no_long_file() {
        assert_clean_here(check);
    }
}
