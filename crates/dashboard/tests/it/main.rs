//! What must hold for the files without a browser: all are in the executable, all that is referred to exists, nothing comes
//! from elsewhere and nothing needs more than the policy allows.

#![expect(clippy::unwrap_used, reason = "where the folder can't be read, the test fails")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use dashboard::{CONTENT_SECURITY_POLICY, asset, paths};

fn text(path: &str) -> &'static str {
    std::str::from_utf8(asset(path).unwrap().bytes).unwrap()
}

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.insert(path);
        }
    }
}

/// What stands between `before` and the next `after`, everywhere in a text.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

#[test]
fn every_file_of_the_folder_is_in_the_executable() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut found = BTreeSet::new();
    files(&root, &mut found);
    let there: BTreeSet<String> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    let known: BTreeSet<String> = paths().map(str::to_owned).collect();
    assert_eq!(there, known);
    assert_eq!(known.len(), paths().count(), "a file is in the table twice");
    assert!(asset("js/../index.html").is_none() && asset("").is_none());
}

#[test]
fn everything_referred_to_exists() {
    for path in between(text("index.html"), "dashboard/", '"') {
        assert!(asset(path).is_some(), "index.html refers to {path}");
    }
    let mut imports = 0;
    for path in paths().filter(|path| path.ends_with(".js")) {
        for import in between(text(path), " from \"", '"') {
            let name = import.strip_prefix("./").unwrap_or_else(|| panic!("{path} imports {import}"));
            assert!(asset(&format!("js/{name}")).is_some(), "{path} imports {import}");
            imports += 1;
        }
    }
    assert!(imports > 40, "imports are read wrongly: {imports}");
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_stands_inline() {
    // Not an address: the name of a vocabulary, without which a browser draws nothing.
    let svg = "http://www.w3.org/2000/svg";
    for path in paths() {
        let text = text(path).replace(svg, "");
        for forbidden in [
            "http:",
            "https:",
            "url(",
            "@import",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "new Function",
        ] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
    let page = text("index.html");
    for inline in ["<style", " style=", " onclick", "javascript:"] {
        assert!(!page.contains(inline), "index.html has {inline}");
    }
    assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'"));
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[test]
fn an_etag_names_the_bytes() {
    let tags: BTreeSet<String> = paths().map(|path| asset(path).unwrap().etag()).collect();
    assert_eq!(tags.len(), paths().count());
    let tag = asset("js/main.js").unwrap().etag();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{tag}");
    assert_eq!(tag, asset("js/main.js").unwrap().etag());
}
