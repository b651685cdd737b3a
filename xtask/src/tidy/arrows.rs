//! Which of our crates may depend on which. The table here is the architecture; ARCHITECTURE.md explains it.

use std::collections::BTreeMap;

use super::Finding;
use crate::repo::Repo;

/// Crate, and what of ours it may depend on. A crate that is not here may not exist.
const ALLOWED: [(&str, &[&str]); 17] = [
    ("engine", &[]),
    ("protocol", &[]),
    ("providers", &[]),
    ("journal", &["engine"]),
    ("journal-embedded", &["engine", "journal"]),
    ("journal-postgres", &["engine", "journal"]),
    ("dashboard", &[]),
    ("orchestrator", &["dashboard", "engine", "journal", "protocol"]),
    ("phase-kit", &["protocol"]),
    ("course", &["phase-kit", "protocol", "providers"]),
    ("theatre", &["phase-kit", "protocol", "providers"]),
    ("twindocs", &["phase-kit", "protocol", "providers"]),
    ("autofix", &["phase-kit", "protocol", "providers"]),
    ("assistant", &["phase-kit", "protocol", "providers"]),
    (
        "segue",
        &[
            "engine",
            "journal",
            "journal-embedded",
            "journal-postgres",
            "orchestrator",
            "protocol",
            "phase-kit",
            "providers",
            "course",
            "theatre",
            "twindocs",
            "autofix",
            "assistant",
        ],
    ),
    ("simulator", &["engine", "journal", "journal-embedded", "orchestrator", "protocol", "phase-kit"]),
    ("xtask", &[]),
];

/// What the tests of a crate may use beside that.
const ALLOWED_IN_TESTS: [(&str, &[&str]); 1] = [("orchestrator", &["journal-embedded", "phase-kit"])];

/// Most crates of ours in a row: each link of the chain waits for the one before it to build.
const LONGEST_CHAIN: usize = 5;

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    let crates = read(repo, findings);
    for (name, manifest) in &crates {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            findings.push(Finding {
                path: manifest.path.clone(),
                line: 1,
                what: format!("the crate `{name}` is not in the table of arrows"),
                why: "each crate is a boundary of the architecture, and a boundary needs a reason other than size",
                remedy: "put the code into an existing crate, or add a line to ARCHITECTURE.md and to xtask/src/tidy/arrows.rs"
                    .to_owned(),
            });
            continue;
        };
        let in_tests =
            ALLOWED_IN_TESTS.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, names)| *names);
        for (dependency, only_tests) in &manifest.dependencies {
            // A crate's tests may ask itself for one of its features.
            let ok = (*only_tests && dependency == name)
                || allowed.contains(&dependency.as_str())
                || (*only_tests && in_tests.contains(&dependency.as_str()));
            if crates.contains_key(dependency) && !ok {
                findings.push(Finding {
                    path: manifest.path.clone(),
                    line: manifest.line_of(dependency),
                    what: format!("`{name}` may not depend on `{dependency}`"),
                    why: "the arrows keep the core pure and the phases ignorant of the orchestrator",
                    remedy: format!(
                        "move what you need, or pass it in from `segue`; allowed for `{name}`: {allowed:?}"
                    ),
                });
            }
        }
        let chain = longest_chain(name, &crates, 0);
        if chain > LONGEST_CHAIN {
            findings.push(Finding {
                path: manifest.path.clone(),
                line: 1,
                what: format!("{chain} crates of ours in a row, ending in `{name}`; at most {LONGEST_CHAIN}"),
                why: "a chain builds on one core, link after link",
                remedy: "cut an arrow: let `segue` wire the two".to_owned(),
            });
        }
    }
}

struct Manifest {
    path: String,
    text: String,
    /// Name, and whether only tests use it.
    dependencies: Vec<(String, bool)>,
}

impl Manifest {
    fn line_of(&self, dependency: &str) -> usize {
        self.text.lines().position(|line| line.starts_with(dependency)).map_or(1, |index| index + 1)
    }
}

fn read(repo: &Repo, findings: &mut Vec<Finding>) -> BTreeMap<String, Manifest> {
    let mut crates = BTreeMap::new();
    for file in repo.files.iter().filter(|file| is_manifest(&file.path)) {
        match file.text.parse::<toml::Table>() {
            Ok(table) => {
                let name = table
                    .get("package")
                    .and_then(|package| package.get("name"))
                    .and_then(toml::Value::as_str);
                let dependencies = dependencies(&table);
                let manifest = Manifest { path: file.path.clone(), text: file.text.clone(), dependencies };
                crates.insert(name.unwrap_or(&file.path).to_owned(), manifest);
            }
            Err(error) => findings.push(Finding {
                path: file.path.clone(),
                line: 1,
                what: format!("not TOML: {}", error.message()),
                why: "nothing can be said about a manifest that cannot be read",
                remedy: "mend it".to_owned(),
            }),
        }
    }
    crates
}

fn is_manifest(path: &str) -> bool {
    path == "xtask/Cargo.toml"
        || path
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
            .is_some_and(|name| !name.contains('/'))
}

fn dependencies(table: &toml::Table) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    for (section, only_tests) in
        [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
    {
        if let Some(section) = table.get(section).and_then(toml::Value::as_table) {
            names.extend(section.keys().map(|name| (name.clone(), only_tests)));
        }
    }
    names
}

/// Crates on the longest way down from `name`, itself included. A cycle, which cargo refuses anyway, ends it.
fn longest_chain(name: &str, crates: &BTreeMap<String, Manifest>, depth: usize) -> usize {
    let Some(manifest) = crates.get(name) else { return 0 };
    if depth > crates.len() {
        return depth;
    }
    let below = manifest
        .dependencies
        .iter()
        .filter(|(_, only_tests)| !only_tests)
        .map(|(dependency, _)| longest_chain(dependency, crates, depth + 1))
        .max();
    1 + below.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_forbidden_arrow_and_an_unknown_crate_are_found() {
        let repo = Repo::of(&[
            ("crates/engine/Cargo.toml", "[package]\nname = \"engine\"\n"),
            (
                "crates/journal/Cargo.toml",
                "[package]\nname = \"journal\"\n[dependencies]\nengine.workspace = true\n",
            ),
            (
                "crates/course/Cargo.toml",
                "[package]\nname = \"course\"\n[dependencies]\nserde = \"1\"\nengine.workspace = true\n",
            ),
            ("crates/extra/Cargo.toml", "[package]\nname = \"extra\"\n"),
        ]);
        let found = found_in(check, &repo);
        let places: Vec<(&str, usize)> =
            found.iter().map(|finding| (finding.path.as_str(), finding.line)).collect();
        assert_eq!(places, [("crates/course/Cargo.toml", 5), ("crates/extra/Cargo.toml", 1)]);
    }

    #[test]
    fn only_tests_may_use_what_is_allowed_in_tests() {
        let embedded = ("crates/journal-embedded/Cargo.toml", "[package]\nname = \"journal-embedded\"\n");
        let with = |section: &str| {
            format!("[package]\nname = \"orchestrator\"\n[{section}]\njournal-embedded.workspace = true\n")
        };
        let (dev, product) = (with("dev-dependencies"), with("dependencies"));
        assert_eq!(found_in(check, &Repo::of(&[embedded, ("crates/orchestrator/Cargo.toml", &dev)])), []);
        assert_eq!(
            found_in(check, &Repo::of(&[embedded, ("crates/orchestrator/Cargo.toml", &product)])).len(),
            1
        );
    }

    #[test]
    fn this_repository_follows_its_arrows() {
        assert_clean_here(check);
    }
}
