//! Every kind of event appears in a story of the engine: what can happen has been told once, and is replayed with a crash
//! after each event.

use super::Finding;
use crate::{repo::Repo, rust_text::RustText};

const EVENTS: &str = "crates/engine/src/event.rs";
const STORIES: &str = "crates/engine/test_data/stories/";

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    let Some(file) = repo.file(EVENTS) else { return };
    let variants = file.rust.as_ref().map(|rust| variants(rust, "EventKind")).unwrap_or_default();
    if variants.is_empty() {
        findings.push(Finding {
            path: EVENTS.to_owned(),
            line: 1,
            what: "no variants of `enum EventKind` found".to_owned(),
            why: "a check that finds nothing to check would pass for ever",
            remedy: "tell xtask/src/tidy/event_stories.rs where the events are now".to_owned(),
        });
    }
    let stories: Vec<&str> = repo
        .files
        .iter()
        .filter(|file| file.path.starts_with(STORIES))
        .map(|file| file.text.as_str())
        .collect();
    for (line, variant) in variants {
        if !stories.iter().any(|story| tells(story, &variant)) {
            findings.push(Finding {
                path: EVENTS.to_owned(),
                line,
                what: format!("no story has the event `{variant}`"),
                why: "an event in no story is replayed by no test: neither live nor after a crash",
                remedy: format!("add one to {STORIES}"),
            });
        }
    }
}

/// Lines (from 1) and names of the variants of an enum.
pub(super) fn variants(rust: &RustText, name: &str) -> Vec<(usize, String)> {
    let opening = format!("enum {name} {{");
    let mut lines = rust.product_lines().skip_while(|(_, code)| !code.contains(&opening)).skip(1);
    let mut variants = Vec::new();
    let mut depth = 1_i32;
    for (line, code) in lines.by_ref() {
        let trimmed = code.trim();
        if depth == 1 && trimmed.starts_with(|first: char| first.is_ascii_uppercase()) {
            let end = trimmed.find(|next: char| !next.is_alphanumeric()).unwrap_or(trimmed.len());
            variants.push((line, trimmed[..end].to_owned()));
        }
        for character in trimmed.chars() {
            depth += match character {
                '{' | '(' | '[' => 1,
                '}' | ')' | ']' => -1,
                _ => 0,
            };
        }
        if depth <= 0 {
            break;
        }
    }
    variants
}

/// Whether a story names the event, as `AttemptStarted`, `attemptStarted` or `attempt started`.
fn tells(story: &str, variant: &str) -> bool {
    let mut spoken = String::new();
    for character in variant.chars() {
        if character.is_uppercase() && !spoken.is_empty() {
            spoken.push(' ');
        }
        spoken.push(character.to_ascii_lowercase());
    }
    let camel = variant[..1].to_lowercase() + &variant[1..];
    [variant, &camel, &spoken].iter().any(|name| has_word(story, name))
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + word.len()..].starts_with(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn an_event_that_no_story_tells_is_found() {
        let events = "//! x\npub enum EventKind {\n    /// a\n    JobStarted {\n        /// b\n        Job: u8,\n    },\n    \
                      #[serde(default)]\n    RunReady(u8),\n    Ended,\n}\nenum Other {\n    Not,\n}\n";
        let repo = Repo::of(&[
            (super::EVENTS, events),
            ("crates/engine/test_data/stories/a.txt", "job started\nEndedLate\n"),
        ]);
        let found: Vec<String> = found_in(check, &repo).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, ["no story has the event `RunReady`", "no story has the event `Ended`"]);
    }

    #[test]
    fn this_engine_tells_every_event() {
        assert_clean_here(check);
    }
}
