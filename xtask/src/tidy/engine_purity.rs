//! The engine is a function: no runtime, network, clock, files, environment, randomness, logging, or order that varies.
//!
//! clippy's bans (crates/engine/clippy.toml) catch calls; this catches the dependency and the import already.

use super::Finding;
use crate::repo::Repo;

const FORBIDDEN_CRATES: [&str; 18] = [
    "tokio",
    "futures",
    "axum",
    "hyper",
    "hyper-util",
    "reqwest",
    "rand",
    "getrandom",
    "tracing",
    "log",
    "dashmap",
    "parking_lot",
    "rusqlite",
    "rustix",
    "tower",
    "tower-http",
    "anyhow",
    "chrono",
];

/// Path in code, and what to do instead.
const FORBIDDEN_PATHS: [(&str, &str); 16] = [
    ("std::fs", "take the text as an argument"),
    ("std::env", "take the value as an argument"),
    ("std::net", "return an effect"),
    ("std::process", "return an effect"),
    ("std::thread", "the caller decides where it runs"),
    ("std::io", "return text; the caller writes it"),
    ("SystemTime", "take Now as an argument"),
    ("Instant", "take Now as an argument"),
    ("Timestamp::now", "take Now as an argument"),
    ("Zoned::now", "take Now as an argument"),
    ("Uuid::now_v7", "take the id as an argument"),
    ("Uuid::new_v4", "take the id as an argument"),
    ("HashMap", "use BTreeMap, or a Vec by index"),
    ("HashSet", "use BTreeSet, or a Vec by index"),
    ("async fn", "return an effect"),
    ("println!", "return a reason"),
];

const WHY: &str =
    "the same events must give the same job on every machine, in every replay, in a test of microseconds";

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    if let Some(manifest) = repo.file("crates/engine/Cargo.toml") {
        let table = manifest.text.parse::<toml::Table>().unwrap_or_default();
        let dependencies = table.get("dependencies").and_then(toml::Value::as_table);
        for name in dependencies.into_iter().flat_map(toml::Table::keys) {
            if FORBIDDEN_CRATES.contains(&name.as_str()) {
                let line = manifest.text.lines().position(|line| line.starts_with(name.as_str()));
                findings.push(Finding {
                    path: manifest.path.clone(),
                    line: line.map_or(1, |index| index + 1),
                    what: format!("the engine depends on `{name}`"),
                    why: WHY,
                    remedy: "do it in the orchestrator, as an effect, and bring the result back as a command"
                        .to_owned(),
                });
            }
        }
    }
    for (file, rust) in
        repo.rust_files().filter(|(file, _)| file.path.starts_with("crates/engine/src/") && !file.is_test())
    {
        // Where a dependency's interface asks for such a map, the file expects clippy's lint, which then judges each use.
        let excused = rust.code.iter().any(|code| code.contains("expect(clippy::disallowed_types"));
        for (line, code) in rust.product_lines() {
            for (path, remedy) in FORBIDDEN_PATHS
                .iter()
                .filter(|(path, _)| has_path(code, path) && !(excused && path.starts_with("Hash")))
            {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    what: format!("`{path}` in the engine"),
                    why: WHY,
                    remedy: (*remedy).to_owned(),
                });
            }
        }
    }
}

/// Whether `code` has `path` as whole words.
fn has_path(code: &str, path: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(path)
        .any(|(at, _)| !code[..at].ends_with(is_word) && !code[at + path.len()..].starts_with(is_word))
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_clock_a_map_without_order_and_a_runtime_are_found() {
        let repo = Repo::of(&[
            ("crates/engine/Cargo.toml", "[dependencies]\nserde = \"1\"\ntokio.workspace = true\n"),
            (
                "crates/engine/src/a.rs",
                "//! HashMap in a doc.\nuse std::collections::HashMap;\nlet now = Instant::now();\nlet x = Instantly;\n\
                 #[cfg(test)]\nmod tests {\nuse std::fs;\n}\n",
            ),
        ]);
        let places: Vec<usize> = found_in(check, &repo).iter().map(|finding| finding.line).collect();
        assert_eq!(places, [3, 2, 3]);
    }

    #[test]
    fn this_engine_is_pure() {
        assert_clean_here(check);
    }
}
