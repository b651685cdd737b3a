//! The project's own tests: which command they are, and what came of a run.
//!
//! Where there are none, nothing can be verified, and what is not verified is never applied.

use std::{path::Path, time::Duration};

use phase_kit::PhaseError;

use super::run_trouble;
use crate::{
    fixers::{Bench, home_of},
    options::Project,
    paths::RelPath,
    process::{self, Ran},
};

/// A command that runs tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tests {
    words: Vec<String>,
    /// Folder in the project.
    home: String,
    limit: Duration,
    /// Whether these are all tests, not only those beside the file.
    pub(super) all: bool,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tested {
    pub(super) passed: bool,
    /// The end of what it said.
    pub(super) said: String,
}

/// Exit code of pytest where it found no test.
const NO_TEST_FOUND: i32 = 5;

impl Tests {
    /// All tests of the project: as configured, or by the files that are there.
    pub(super) fn all(project: &Project, root: &Path, file: &RelPath) -> Option<Self> {
        let limit = Duration::from_secs(project.test_seconds);
        let tests = |words: &[&str], home: String| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            Some(Self { words, home, limit, all: true })
        };
        if !project.test.is_empty() {
            let words = project.test.iter().map(|word| word.replace("{file}", &file.argument())).collect();
            return Some(Self { words, home: String::new(), limit, all: true });
        }
        match file.extension() {
            "rs" => {
                let whole = root.join("Cargo.toml").is_file().then(String::new);
                let home = whole.or_else(|| home_of(root, file, &["Cargo.toml"]))?;
                tests(&["cargo", "test", "--quiet", "--workspace"], home)
            }
            "py" => {
                let markers =
                    ["pyproject.toml", "pytest.ini", "setup.py", "setup.cfg", "tox.ini", "requirements.txt"];
                let home = home_of(root, file, &markers).unwrap_or_default();
                tests(&["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"], home)
            }
            _ => {
                let home = npm_home(root, file)?;
                tests(&["npm", "test", "--silent"], home)
            }
        }
    }

    /// Those beside the file, `x.test.ext` or `x.spec.ext`: a quick answer before all are run. None for a configured command.
    pub(super) fn beside(project: &Project, root: &Path, file: &RelPath) -> Option<Self> {
        let (stem, extension) = file.as_str().rsplit_once('.')?;
        let all = Self::all(project, root, file).filter(|_| project.test.is_empty())?;
        if all.words.first().is_none_or(|program| program != "npm") {
            return None;
        }
        let names = ["test", "spec"].map(|word| format!("{stem}.{word}.{extension}"));
        let found = names.into_iter().find(|name| root.join(name).is_file())?;
        let inside = found.strip_prefix(&all.home).unwrap_or(&found).trim_start_matches('/');
        let mut words = all.words.clone();
        words.extend(["--".to_owned(), format!("./{inside}")]);
        Some(Self { words, all: false, ..all })
    }

    /// Runs them in a scratch place.
    ///
    /// # Errors
    /// Where they cannot be run at all. Those that take too long have failed.
    pub(super) async fn run(&self, bench: Bench<'_>) -> Result<Tested, PhaseError> {
        let folder = bench.folder.join(&self.home);
        let ran: Ran = match process::run(&self.words, &folder, self.limit, bench.surroundings).await {
            Ok(ran) => ran,
            Err(error @ process::RunError::TimedOut { .. }) => {
                return Ok(Tested { passed: false, said: error.to_string() });
            }
            Err(error) => return Err(run_trouble(&error)),
        };
        let is_pytest = self.words.iter().any(|word| word == "pytest");
        if is_pytest && ran.code == Some(NO_TEST_FOUND) {
            return Err(no_tests());
        }
        Ok(Tested { passed: ran.code == Some(0), said: ran.summary() })
    }
}

/// Nothing can be verified.
pub(super) fn no_tests() -> PhaseError {
    PhaseError::permanent(
        "no-tests",
        "the project has no tests that are known here, so no fix can be verified: set `test` for it in \
         [service.autofix.options]",
    )
}

/// The nearest folder whose `package.json` has a script `test`.
fn npm_home(root: &Path, file: &RelPath) -> Option<String> {
    let has_script = |folder: &&str| {
        let text = std::fs::read_to_string(root.join(folder).join("package.json")).ok();
        let manifest = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        manifest.is_some_and(|manifest| manifest["scripts"]["test"].is_string())
    };
    file.folders().find(has_script).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::Tests;
    use crate::{options::Project, paths::RelPath};

    #[test]
    fn tests_are_found_by_the_files_that_are_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        let project: Project = serde_json::from_str(r#"{"path": "/x"}"#).expect("it fits");
        let file = RelPath::new("web/src/a.js").expect("a path");
        assert!(Tests::all(&project, folder.path(), &file).is_none());
        write("web/package.json", r#"{"scripts": {"test": "node --test"}}"#);
        let all = Tests::all(&project, folder.path(), &file).expect("found");
        assert_eq!((all.words.join(" ").as_str(), all.home.as_str()), ("npm test --silent", "web"));
        assert!(Tests::beside(&project, folder.path(), &file).is_none());
        write("web/src/a.spec.js", "");
        let beside = Tests::beside(&project, folder.path(), &file).expect("found");
        assert_eq!(beside.words.join(" "), "npm test --silent -- ./src/a.spec.js");
        let configured = Project { test: vec!["make".to_owned(), "check".to_owned()], ..project };
        let all = Tests::all(&configured, folder.path(), &file).expect("configured");
        assert_eq!(all.words, ["make", "check"]);
    }
}
