//! One word for one thing: pipeline, job, phase, run, attempt, service (docs/GLOSSARY.md). Other products' words for them
//! are not used as synonyms in documents, API paths, configuration and the names of our own items.

use super::Finding;
use crate::repo::{Repo, SourceFile};

/// Word, and what it would be here.
const SYNONYMS: [(&str, &str); 4] = [
    ("workflow", "pipeline"),
    ("task", "job, phase, run or attempt"),
    ("worker", "service"),
    ("step", "phase"),
];

/// Where one of them is the right word: another thing's own name, or plain English.
const ALLOWED_PHRASES: [&str; 22] = [
    "tokio task",
    "async task",
    "background task",
    "blocking task",
    "tokio::task",
    "task::spawn",
    "spawned task",
    "xtask",
    "step by step",
    "step-by-step",
    "in step",
    "one step",
    "first step",
    "next step",
    "last step",
    "time step",
    "stepladder",
    "web worker",
    "worker thread",
    "worker_threads",
    "service worker",
    "multitasking",
];

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for file in &repo.files {
        if file.path.ends_with(".md") {
            check_document(file, findings);
        } else if file.path.ends_with(".toml") && !file.path.ends_with("Cargo.toml") {
            for (index, line) in file.text.lines().enumerate() {
                report(file, index + 1, line, findings);
            }
        } else if let Some(rust) = &file.rust {
            for (index, (code, text)) in rust.code.iter().zip(&rust.strings).enumerate() {
                if let Some(name) = declared_name(code) {
                    report(file, index + 1, &words_of_name(name), findings);
                }
                if text.starts_with("/api/") {
                    report(file, index + 1, &text.replace('/', " "), findings);
                }
            }
        }
    }
}

/// Code blocks and `code` are mentions of other things; so is a word in quotation marks.
fn check_document(file: &SourceFile, findings: &mut Vec<Finding>) {
    let mut in_block = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            report(file, index + 1, &without_quotations(line), findings);
        }
    }
}

fn report(file: &SourceFile, line: usize, text: &str, findings: &mut Vec<Finding>) {
    let mut text = text.to_lowercase();
    for phrase in ALLOWED_PHRASES {
        text = text.replace(phrase, "");
    }
    for (word, ours) in SYNONYMS {
        let used = text
            .split(|character: char| !character.is_alphanumeric())
            .any(|found| found == word || found.strip_suffix('s') == Some(word));
        if used {
            findings.push(Finding {
                path: file.path.clone(),
                line,
                what: format!("`{word}` as a word of ours"),
                why: "two words for one thing make a reader look for the difference",
                remedy: format!("say {ours}; if another thing is meant, see the allowed phrases in xtask/src/tidy/words.rs"),
            });
        }
    }
}

fn without_quotations(line: &str) -> String {
    let mut kept = String::new();
    let mut closing = None;
    for character in line.chars() {
        match closing {
            Some(end) if character == end => closing = None,
            Some(_) => {}
            None => match character {
                '`' | '"' => closing = Some(character),
                '“' => closing = Some('”'),
                _ => kept.push(character),
            },
        }
    }
    kept
}

/// The name that a line declares: a type, trait, function or module.
fn declared_name(code: &str) -> Option<&str> {
    let mut words = code
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub") || matches!(*word, "async" | "const"));
    let keyword = words.next()?;
    if !matches!(keyword, "struct" | "enum" | "trait" | "fn" | "mod" | "type") {
        return None;
    }
    words.next()?.split(|character: char| !character.is_alphanumeric() && character != '_').next()
}

/// `WorkerPool` and `worker_pool` as `worker pool`.
fn words_of_name(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() {
            words.push(' ');
        }
        words.push(if character == '_' { ' ' } else { character.to_ascii_lowercase() });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn synonyms_are_found_in_documents_paths_and_names() {
        let repo = Repo::of(&[
            (
                "a.md",
                "Each task runs.\nA tokio task, `task`, \"task\".\n```\nworker\n```\nStepping stones.\n",
            ),
            (
                "crates/a/src/lib.rs",
                "//! task\npub struct WorkerPool;\nlet a = \"/api/tasks/{id}\";\nfn stepwise() {}\n",
            ),
        ]);
        let places: Vec<(String, usize)> =
            found_in(check, &repo).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let rust = "crates/a/src/lib.rs".to_owned();
        assert_eq!(places, [("a.md".to_owned(), 1), (rust.clone(), 2), (rust, 3)]);
    }

    #[test]
    fn this_repository_keeps_to_its_words() {
        assert_clean_here(check);
    }
}
