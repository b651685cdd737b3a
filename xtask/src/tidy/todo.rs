//! A note about something unfinished names the issue in which it will be finished.

use super::Finding;
use crate::repo::Repo;

const MARKS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for file in &repo.files {
        let lines: Vec<&str> = match &file.rust {
            Some(rust) => rust.comments.iter().map(String::as_str).collect(),
            None => file.text.lines().collect(),
        };
        if file.path.contains("/test_data/") || file.path == "Cargo.lock" {
            continue;
        }
        for (index, line) in lines.iter().enumerate() {
            if MARKS.iter().any(|mark| has_open_mark(line, mark)) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line: index + 1,
                    what: "an unfinished place without an issue".to_owned(),
                    why: "a thousand such notes are found in old code; nobody reads them again",
                    remedy: format!("write {}(#12), or do it now", MARKS[0]),
                });
            }
        }
    }
}

/// Whether `line` has the mark as a word, not followed by `(#number)`.
fn has_open_mark(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let word_before =
            line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '`');
        let after = &line[at + mark.len()..];
        let word_after = after.starts_with(|next: char| next.is_alphanumeric() || next == '`');
        let numbered =
            after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
        !word_before && !word_after && !numbered
    })
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_mark_without_a_number_is_found() {
        let mark = super::MARKS[0];
        let text =
            format!("// {mark}: later\n// {mark}(#7): later\n// `{mark}` as a word\nlet a = \"{mark}\";\n");
        let lines: Vec<usize> =
            found_in(check, &Repo::of(&[("a.rs", &text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1]);
    }

    #[test]
    fn this_repository_has_none() {
        assert_clean_here(check);
    }
}
