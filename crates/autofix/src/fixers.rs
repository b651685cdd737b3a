//! Who fixes: tools that everybody knows, commands of one's own, a language model. What each is for, and how it says which
//! faults a file has.
//!
//! A tool is found by the files that are there. Its own check is what tells whether a fault is gone and that no new one came.

mod faults;
pub mod model;

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    options::Project,
    paths::RelPath,
    process::{self, RunError, Surroundings},
};

pub use faults::{Fault, new_ones};

/// Longest run of a tool. A first build is a part of it.
const TOOL: Duration = Duration::from_secs(600);

/// A fixer that fits a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixer {
    /// Its name in plans and reports.
    pub name: String,
    /// How it works.
    pub kind: Kind,
}

/// How a fixer works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A tool, in its home folder.
    Tool(Tool, String),
    /// A command of the project's, in the project's folder.
    Command {
        /// Words that fix.
        fix: Vec<String>,
        /// Words that check; empty: none.
        check: Vec<String>,
        /// Longest time.
        limit: Duration,
    },
    /// The language model.
    Model,
}

/// A tool that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tool {
    /// `cargo clippy --fix`.
    Clippy,
    /// `ruff check --fix`.
    Ruff,
    /// `eslint --fix`.
    Eslint,
}

/// Why a fixer gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum FixerError {
    /// It could not be run, or took too long.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which.
        program: String,
        /// The end of what it said.
        said: String,
    },
}

/// A scratch place and what commands see there.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// What commands see.
    pub surroundings: &'a Surroundings,
}

impl Tool {
    const ALL: [Self; 3] = [Self::Clippy, Self::Ruff, Self::Eslint];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clippy => "clippy",
            Self::Ruff => "ruff",
            Self::Eslint => "eslint",
        }
    }

    /// For files with these extensions.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Clippy => &["rs"],
            Self::Ruff => &["py"],
            Self::Eslint => &["js", "mjs", "cjs", "jsx", "ts", "tsx"],
        }
    }

    /// One of these in a folder makes it the tool's home.
    fn markers(self) -> &'static [&'static str] {
        match self {
            Self::Clippy => &["Cargo.toml"],
            Self::Ruff => &["ruff.toml", ".ruff.toml", "pyproject.toml", "setup.py", "requirements.txt"],
            Self::Eslint => &[
                "eslint.config.js",
                "eslint.config.mjs",
                "eslint.config.cjs",
                ".eslintrc.json",
                ".eslintrc.js",
            ],
        }
    }

    fn fits(self, root: &Path, file: &RelPath) -> Option<Fixer> {
        if !self.extensions().contains(&file.extension()) {
            return None;
        }
        let home = home_of(root, file, self.markers())?;
        Some(Fixer { name: self.name().to_owned(), kind: Kind::Tool(self, home) })
    }

    fn words(self, check: bool, file: &str) -> Vec<String> {
        let line: &[&str] = match (self, check) {
            (Self::Clippy, true) => &["cargo", "clippy", "--quiet", "--all-targets", "--message-format=json"],
            // An error in one file must not keep another from being mended; what comes of it is checked anyway.
            (Self::Clippy, false) => &[
                "cargo",
                "clippy",
                "--quiet",
                "--all-targets",
                "--fix",
                "--broken-code",
                "--allow-dirty",
                "--allow-staged",
                "--allow-no-vcs",
            ],
            (Self::Ruff, true) => {
                &["ruff", "check", "--no-cache", "--exit-zero", "--output-format=json", file]
            }
            (Self::Ruff, false) => &["ruff", "check", "--no-cache", "--exit-zero", "--quiet", "--fix", file],
            (Self::Eslint, true) => &["npx", "--no-install", "eslint", "--format", "json", file],
            (Self::Eslint, false) => &["npx", "--no-install", "eslint", "--fix", file],
        };
        line.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// The nearest folder that has one of these files.
pub(crate) fn home_of(root: &Path, file: &RelPath, markers: &[&str]) -> Option<String> {
    let has = |folder: &&str| markers.iter().any(|marker| root.join(folder).join(marker).is_file());
    file.folders().find(has).map(ToOwned::to_owned)
}

/// The extensions that some tool is for.
pub(crate) fn every_extension() -> impl Iterator<Item = &'static str> {
    Tool::ALL.into_iter().flat_map(|tool| tool.extensions().iter().copied())
}

/// All fixers that fit a file, in the order in which they are tried.
#[must_use]
pub fn fitting(project: &Project, root: &Path, file: &RelPath, has_model: bool) -> Vec<Fixer> {
    let model = || Fixer { name: "model".to_owned(), kind: Kind::Model };
    let command = |name: &str| {
        let command = project.commands.get(name)?;
        let fits =
            command.extensions.is_empty() || command.extensions.iter().any(|one| one == file.extension());
        fits.then(|| Fixer {
            name: name.to_owned(),
            kind: Kind::Command {
                fix: command.fix.clone(),
                check: command.check.clone(),
                limit: Duration::from_secs(command.seconds),
            },
        })
    };
    let tool = |name: &str| Tool::ALL.into_iter().find(|tool| tool.name() == name)?.fits(root, file);
    if project.fixers.is_empty() {
        let tools = Tool::ALL.into_iter().filter_map(|tool| tool.fits(root, file));
        let commands = project.commands.keys().filter_map(|name| command(name));
        return tools.chain(commands).chain(has_model.then(model)).collect();
    }
    let one = |name: &String| command(name).or_else(|| tool(name)).or_else(|| (name == "model").then(model));
    project.fixers.iter().filter_map(one).collect()
}

impl Fixer {
    /// Whether it can say which faults a file has.
    #[must_use]
    pub fn has_check(&self) -> bool {
        match &self.kind {
            Kind::Tool(..) => true,
            Kind::Command { check, .. } => !check.is_empty(),
            Kind::Model => false,
        }
    }

    /// The faults of a file by its own check; none where it has no check.
    ///
    /// # Errors
    /// [`FixerError`].
    pub async fn faults(&self, bench: Bench<'_>, file: &RelPath) -> Result<Option<Vec<Fault>>, FixerError> {
        match &self.kind {
            Kind::Model => Ok(None),
            Kind::Command { check, .. } if check.is_empty() => Ok(None),
            Kind::Command { check, limit, .. } => {
                let line = filled(check, file);
                let ran = process::run(&line, bench.folder, *limit, bench.surroundings).await?;
                let message = ran.summary();
                let fault = Fault { code: self.name.clone(), message, line: 0, column: 0 };
                Ok(Some(if ran.code == Some(0) { Vec::new() } else { vec![fault] }))
            }
            Kind::Tool(tool, home) => {
                let line = tool.words(true, &below(home, file));
                let ran = process::run(&line, &bench.folder.join(home), TOOL, bench.surroundings).await?;
                let failed = |said: String| FixerError::Failed { program: tool.name().to_owned(), said };
                let faults = faults::read(*tool, &ran.out, file)
                    .map_err(|error| failed(format!("{error}; {}", ran.summary())))?;
                if ran.code == Some(0) || (!faults.is_empty() && *tool != Tool::Clippy) {
                    return Ok(Some(faults));
                }
                // Clippy ends with 101 where any file has an error. Without a word it is its own fault.
                if *tool == Tool::Clippy && ran.out.contains("\"reason\"") {
                    return match faults::uncompiled(&ran.out, file) {
                        Some(why) => Err(failed(format!("the crate does not compile: {why}"))),
                        None => Ok(Some(faults)),
                    };
                }
                Err(failed(ran.summary()))
            }
        }
    }

    /// Lets a tool or a command do its work on a file of the scratch place. Its exit code says little, so it is not asked: what
    /// is in the file afterwards counts.
    ///
    /// # Errors
    /// [`FixerError`].
    pub async fn fix(&self, bench: Bench<'_>, file: &RelPath) -> Result<(), FixerError> {
        let (line, folder, limit) = match &self.kind {
            Kind::Model => return Ok(()),
            Kind::Command { fix, limit, .. } => (filled(fix, file), bench.folder.to_owned(), *limit),
            Kind::Tool(tool, home) => (tool.words(false, &below(home, file)), bench.folder.join(home), TOOL),
        };
        process::run(&line, &folder, limit, bench.surroundings).await?;
        Ok(())
    }
}

/// The file as an argument in its tool's home.
fn below(home: &str, file: &RelPath) -> String {
    let inside = file.as_str().strip_prefix(home).map_or(file.as_str(), |rest| rest.trim_start_matches('/'));
    format!("./{inside}")
}

/// A word may hold more than the file (`--file={file}`); it stays one word.
fn filled(words: &[String], file: &RelPath) -> Vec<String> {
    words.iter().map(|word| word.replace("{file}", &file.argument())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tool, below, filled, fitting};
    use crate::{options::Project, paths::RelPath};

    #[test]
    fn a_tool_is_found_by_the_files_that_are_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        std::fs::create_dir_all(root.join("core/src")).expect("made");
        std::fs::write(root.join("core/Cargo.toml"), "").expect("written");
        let project: Project = serde_json::from_str(r#"{"path": "/x"}"#).expect("it fits");
        let file = RelPath::new("core/src/a.rs").expect("a path");
        let found = fitting(&project, root, &file, true);
        let names: Vec<&str> = found.iter().map(|fixer| fixer.name.as_str()).collect();
        assert_eq!(names, ["clippy", "model"]);
        assert!(fitting(&project, root, &RelPath::new("a.rs").expect("a path"), false).is_empty());
    }

    #[test]
    fn a_file_name_is_one_word_and_no_option() {
        let file = RelPath::new("core/--fix ; rm -rf x.py").expect("a path");
        let words = filled(&["fix".to_owned(), "--in={file}".to_owned()], &file);
        assert_eq!(words, ["fix", "--in=./core/--fix ; rm -rf x.py"]);
        let words = Tool::Ruff.words(false, &below("core", &file));
        assert_eq!(words.last().map(String::as_str), Some("./--fix ; rm -rf x.py"));
    }
}
