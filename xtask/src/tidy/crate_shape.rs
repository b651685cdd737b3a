//! What every crate has: the workspace's lints, one integration binary, a name that says what it is.

use super::Finding;
use crate::repo::Repo;

/// Names under which everything ends up that has no place, until every crate depends on it.
const EMPTY_NAMES: [&str; 8] = ["common", "types", "utils", "util", "helpers", "misc", "shared", "base"];

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for file in &repo.files {
        let Some(folder) = file.crate_folder() else { continue };
        let inside = &file.path[folder.len() + 1..];
        if inside == "Cargo.toml" {
            check_manifest(&file.path, folder, &file.text, findings);
        }
        let own_binary =
            inside.strip_prefix("tests/").is_some_and(|rest| !rest.contains('/') && rest.ends_with(".rs"));
        if own_binary {
            findings.push(Finding {
                path: file.path.clone(),
                line: 1,
                what: "a second integration binary".to_owned(),
                why: "each file directly in tests/ is linked as a program of its own, which costs seconds and room",
                remedy: "move it into tests/it/ and name it in tests/it/main.rs".to_owned(),
            });
        }
        let name = inside.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or("");
        if EMPTY_NAMES.contains(&name) {
            findings.push(Finding {
                path: file.path.clone(),
                line: 1,
                what: format!("a module called `{name}`"),
                why: "a name that excludes nothing collects everything",
                remedy: "put each thing where it is used, or name the module after what it talks about"
                    .to_owned(),
            });
        }
    }
}

fn check_manifest(path: &str, folder: &str, text: &str, findings: &mut Vec<Finding>) {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    if EMPTY_NAMES.contains(&name) {
        findings.push(Finding {
            path: path.to_owned(),
            line: 1,
            what: format!("a crate called `{name}`"),
            why: "such a crate ends with a hundred dependents, and each change in it builds the world again",
            remedy: "shared words go to `protocol` or `engine`; small helpers stay where they are used"
                .to_owned(),
        });
    }
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let inherits = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool)
        == Some(true);
    if !inherits {
        findings.push(Finding {
            path: path.to_owned(),
            line: 1,
            what: "the crate does not take the workspace's lints".to_owned(),
            why: "one set of lints for all; without it unsafe code and long functions pass",
            remedy: "add [lints] with workspace = true".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn empty_names_missing_lints_and_second_binaries_are_found() {
        let lints = "[lints]\nworkspace = true\n";
        let repo = Repo::of(&[
            ("crates/common/Cargo.toml", lints),
            ("crates/engine/Cargo.toml", "[package]\n"),
            ("crates/engine/src/utils.rs", "//! x"),
            ("crates/engine/tests/more.rs", "//! x"),
            ("crates/engine/tests/it/main.rs", "//! x"),
        ]);
        assert_eq!(found_in(check, &repo).len(), 4);
    }

    #[test]
    fn this_repository_is_in_shape() {
        assert_clean_here(check);
    }
}
